"""A result on axes of your own, and its numbers as a table."""

from matplotlib.figure import Figure

import viz

found = viz.kernels(viz.load("imagenette-p7"))
figure = Figure(figsize=(4, 3), layout="constrained")
axes = figure.subplots()
frequency = found.to_frame().groupby("block")["spectral_centroid"].mean()
frequency.plot(ax=axes, ylabel="frequency (cycles per tap)")
figure.savefig("own-figure.png", dpi=150)
