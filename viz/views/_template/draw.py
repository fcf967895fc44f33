"""Result to figure; it knows no torch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.frame import panel
from viz.plot.style import MM, ONE_COLUMN, TEXT
from viz.views._template.result import KernelSizes

SIZE = (ONE_COLUMN, 55 * MM)
"""Width and height in inches."""


def draw_sizes(result: KernelSizes, target: Figure | SubFigure) -> Axes:
    """Draw the median by block with the quartiles, and the initialised median."""
    axes = panel(target, (0.45, 0.4, SIZE[0] - 0.55, SIZE[1] - 0.5))
    low, median, high = np.quantile(result.norm, (0.25, 0.5, 0.75), axis=1)
    axes.fill_between(result.block, low, high, color="#cccccc", linewidth=0)
    axes.plot(result.block, median, "o-", color="black", markersize=3, linewidth=0.8)
    axes.axhline(float(np.median(result.initialised)), color="#777777", linestyle=":")
    axes.set_xlabel("block", fontsize=TEXT)
    axes.set_ylabel("norm of a kernel", fontsize=TEXT)
    axes.set_ylim(bottom=0)
    return axes
