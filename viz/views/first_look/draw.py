"""A network at first sight: its kernels by depth, and its patch filters beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from viz.plot.frame import MARGIN
from viz.plot.mosaic import full_rows
from viz.plot.style import TWO_COLUMNS, new_figure
from viz.views.first_look.result import FirstLook
from viz.views.weights.draw import KEY, draw_mosaic, kernel_mosaic, patch_filter_mosaic
from viz.views.weights.result import DepthwiseKernels, PatchFilters

_BETWEEN = 0.16
"""Inches between the two."""
_ACROSS, _UPRIGHT = 1.9, 0.8
"""Width over height of the blocks' grid, and of the patch filters."""


def draw_first_look(result: FirstLook) -> Figure:
    """Draw kernels by depth on the left, patch filters on the right, equally high."""
    kernels = DepthwiseKernels(
        source=result.source, kernels=result.kernels, block=result.kernel_block,
        channel=result.kernel_channel, order="similarity",
    )  # fmt: skip
    filters = PatchFilters(
        source=result.source, filters=result.filters, channel=result.filter_channel, order="hue"
    )
    depth, n = len(kernels.blocks), len(result.filters)
    across = full_rows(depth, _ACROSS)
    left = kernel_mosaic(kernels, scale="tile", columns=4, group_columns=across)
    columns = full_rows(n, _UPRIGHT) if result.filters.shape[1] in (1, 3) else None
    right = patch_filter_mosaic(filters, columns=columns)
    aspects = np.array([m.layout.shape[1] / m.layout.shape[0] for m in (left, right)])
    high = (TWO_COLUMNS - _BETWEEN - 4 * MARGIN) / aspects.sum()
    figure = new_figure(TWO_COLUMNS, high + KEY + MARGIN)
    widths = np.insert(aspects * high + 2 * MARGIN, 1, _BETWEEN)
    parts: Any = figure.subfigures(1, 3, width_ratios=widths, wspace=0)
    draw_mosaic(left, parts[0])
    draw_mosaic(right, parts[2])
    blocks = f"kernels of each of {depth} blocks, the same channels in every block"
    shown = f"{len(result.kernels) // depth} {blocks if depth > 1 else 'depthwise kernels'}"
    some = "all" if n == result.n_filters else f"{n} of the"
    figure.set_label(
        f"Left: {shown}, those alike side by side; each has its own colour scale, to its largest "
        f"|weight|; red is positive, blue negative. Right: {some} {result.n_filters:,} patch "
        f"filters, grey ones first, then by hue. {right.scale_text}"
    )
    return figure
