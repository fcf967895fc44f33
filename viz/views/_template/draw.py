"""Result to figure; it knows no torch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from viz.plot.frame import panel
from viz.plot.style import GREY, MM, ONE_COLUMN, TEXT
from viz.views._template.result import Template

SIZE = (ONE_COLUMN, 55 * MM)
"""Width and height in inches."""


def draw_by_block(result: Template, target: Figure | SubFigure) -> Axes:
    """Draw the median by block with the quartiles, and the initialised median."""
    axes = panel(target, (0.45, 0.4, SIZE[0] - 0.55, SIZE[1] - 0.5))
    low, median, high = np.quantile(result.norm, (0.25, 0.5, 0.75), axis=1)
    axes.vlines(result.block, low, high, color=GREY, linewidth=1.2)
    axes.plot(result.block, median, "o-", color="black", markersize=3, linewidth=0.8)
    axes.axhline(float(np.median(result.initialised)), color=GREY, linestyle=":", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("block", fontsize=TEXT)
    axes.set_ylabel("norm of a kernel", fontsize=TEXT)
    target.set_label("Dots: median; bars: quartiles; dotted: median as initialised.")
    return axes
