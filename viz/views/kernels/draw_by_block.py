"""Depthwise descriptions by block: the names' shares."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.frame import MARGIN, inches, panel
from viz.views.kernels.colours import NAME_STYLES, area_handles
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription


def draw_composition(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw the share of each name by block, with a randomly initialised network's beside it."""
    blocks = np.unique(result.block)
    shares = np.array([[result.shares(int(b))[name] for b in blocks] for name in KERNEL_NAMES])
    null = np.array([result.null_shares[name] for name in KERNEL_NAMES])
    target.set_label(
        f"Share of kernels by what they look like. Right: {len(result.init_names):,} kernels of a "
        "randomly initialised network: what is named there is the false-positive rate."
    )
    width, height = inches(target)
    axes = panel(target, (0.44, 0.34, width - 1.36, height - 0.44))
    names = [i for i, name in enumerate(KERNEL_NAMES) if shares[i].any() or null[i] > 0]
    x = np.append(blocks, blocks[-1] + 1.6)
    tall = 100 * np.column_stack([shares, null])[names]
    for i, bars, ends in zip(names, tall, tall.cumsum(0), strict=True):
        axes.bar(
            x,
            bars,
            0.86,
            ends - bars,
            edgecolor="white",
            linewidth=0.3,
            color=NAME_STYLES[KERNEL_NAMES[i]].colour,
        )
    axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, 100))
    shown = blocks[:: max(1, -(-len(blocks) // 10))]
    axes.set_xticks([*shown, x[-1]], [*map(str, shown), "init"])
    axes.set_xlabel("block", labelpad=1.5)
    axes.set_ylabel("share of kernels (%)", labelpad=1.5)
    target.legend(handles=area_handles([KERNEL_NAMES[i] for i in names])[::-1], loc="upper right",
                  handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
                  borderaxespad=0, borderpad=0,
                  bbox_to_anchor=(1 - MARGIN / width, 1 - 0.1 / height))  # fmt: skip
    return axes
