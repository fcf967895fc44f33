"""Depthwise descriptions by block: the names' shares."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.frame import MARGIN, inches, narrow, panel
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_STYLES, area_handles
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription

__all__ = ["composition_figure", "draw_composition"]


def composition_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_composition`."""
    del result
    return new_figure(width, 82 * MM if narrow(width) else 3.2)


def draw_composition(result: DepthwiseDescription, target: Figure | SubFigure) -> list[Axes]:
    """Draw the share of each name by block, with a randomly initialised network's beside it.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `composition_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        Shares by block, and of the random network.

    Notes
    -----
    Areas between blocks are drawn for the eye only: there is nothing between block 2 and block 3.
    """
    blocks = np.unique(result.block)
    shares = np.array([[result.shares(int(b))[name] for b in blocks] for name in KERNEL_NAMES])
    null = np.array([result.null_shares[name] for name in KERNEL_NAMES])
    target.set_label(
        f"Share of kernels by what they look like. Right: {len(result.init_names)} kernels of a "
        "randomly initialised network: what is named there is the false-positive rate."
    )
    width, height = inches(target)
    up, low = height - 2 * MARGIN - 0.5, MARGIN + 0.35
    axes = panel(target, (0.5, low, width - 2.25, up))
    beside = panel(target, (width - 1.6, low, 0.32, up))
    names = [i for i, name in enumerate(KERNEL_NAMES) if shares[i].any() or null[i] > 0]
    wide = len(blocks) > 1
    x = blocks if wide else np.array([blocks[0] - 0.4, blocks[0] + 0.4])
    y = shares[names] if wide else np.repeat(shares[names], 2, axis=1)
    axes.stackplot(x, y, colors=[NAME_STYLES[KERNEL_NAMES[i]].colour for i in names],
                   edgecolor="white", linewidth=0.3)  # fmt: skip
    foot = 0.0
    for i in names:
        style = NAME_STYLES[KERNEL_NAMES[i]]
        beside.bar(0, null[i], 1, foot, color=style.colour, edgecolor="white",
                   linewidth=0.3)  # fmt: skip
        foot += null[i]
    axes.set(xlim=(x[0], x[-1]), ylim=(0, 1))
    axes.set_xticks(blocks[:: max(1, len(blocks) // (6 if narrow(width) else 12))])
    axes.set_xlabel("block", fontsize=TEXT)
    axes.set_ylabel("share of kernels", fontsize=TEXT)
    beside.set(xlim=(-0.5, 0.5), ylim=(0, 1), yticks=[])
    beside.set_xticks([0], ["random\ninit"], fontsize=SMALL)
    target.legend(handles=area_handles([KERNEL_NAMES[i] for i in names])[::-1], loc="center right",
                  fontsize=SMALL, frameon=False, handlelength=1.6)  # fmt: skip
    return [axes, beside]
