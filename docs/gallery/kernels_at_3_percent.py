"""The same kernels after 3 % of the training, from one of its snapshots."""

from pathlib import Path

import viz

snapshots = Path(viz.__file__).parents[1] / "checkpoints" / "snapshots"
net = viz.load(snapshots / "imagenette-p7-at-3.safetensors")
viz.kernels(net).plot(width="page").savefig("kernels-at-3-percent.png", dpi=150)
