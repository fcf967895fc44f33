"""Covariance of kernels by block: the matrix and its leading components."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import enlarge, limits, signed_tiles
from viz.plot.style import MM, SIGNED, TWO_COLUMNS, new_figure, page_colour
from viz.views.clusters.result import KernelSpectra

_SHOWN, _ACROSS = 20, 5
_GAP, _UNDER, _OVER = 0.1, 0.06, 0.17
"""Inches between matrices, above the components, for the title above."""


def _columns(n: int) -> int:
    """Matrices side by side: as many as leave no row nearly empty."""
    return min(n, 4 if n <= 4 or n in (7, 8, 11, 12) else _ACROSS)


def _chosen(result: KernelSpectra) -> NDArray[np.int64]:
    n = len(result.blocks)
    found: NDArray[np.int64] = np.unique(np.linspace(0, n - 1, min(n, _SHOWN)).round())
    return found.astype(np.int64)


def _cell(result: KernelSpectra) -> tuple[int, int, float, float]:
    n = len(_chosen(result))
    columns = _columns(n)
    side = min(60 * MM, (TWO_COLUMNS - 2 * MARGIN + _GAP) / max(columns, 3) - _GAP)
    small = side / result.components.shape[1]
    return columns, -(-n // columns), side, side + small + _UNDER + _OVER + _GAP


def covariance_figure(result: KernelSpectra) -> Figure:
    """Make a Figure that fits the covariances."""
    _, rows, _, cell = _cell(result)
    return new_figure(TWO_COLUMNS, rows * cell - _GAP + MARGIN)


def draw_covariance(result: KernelSpectra, target: Figure | SubFigure) -> list[Axes]:
    """Draw each block's covariance matrix, and below it the leading components as kernels.

    Each block has its own colour scale. A component is a direction, without a sign of its own, and
    need not resemble any kernel; components of nearly equal shares are an arbitrary choice.
    """
    k = result.kernel_size
    columns, _, side, cell = _cell(result)
    chosen = _chosen(result)
    skip = -(-k * k // 250)
    note = (
        f"Square: covariance between taps over the block's channels, {k * k} x {k * k}, taps row "
        f"by row{f', every {skip}th drawn' if skip > 1 else ''}; each block has its own colour "
        "scale, within which 99 % of its entries lie; red positive, white zero, blue negative. "
        "Rank: effective rank. Below: the leading eigenvectors as kernels, each in its own scale."
    )
    target.set_label(note)
    _, height = inches(target)
    made = []
    n_small = result.components.shape[1]
    for place, i in enumerate(chosen):
        left = MARGIN + (place % columns) * (side + _GAP)
        upper = height - (place // columns) * cell - _OVER
        axes = panel(target, (left, upper - side, side, side))
        matrix = result.covariance[i][::skip, ::skip]
        # The centre tap's variance alone would pale all the rest.
        limit = float(np.quantile(np.abs(result.covariance[i]), 0.99)) or 1.0
        axes.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        rank = result.effective_rank[i]
        title = f"block {result.blocks[i]}: rank {rank:.0f}"
        axes.set_title(title, pad=2)
        small = panel(target, (left, upper - side - _UNDER - side / n_small, side, side / n_small))
        _components(result, int(i), small)
        made += [axes, small]
    return made


def _components(result: KernelSpectra, i: int, axes: Axes) -> None:
    """Draw a block's leading components side by side."""
    tiles, k = result.components[i], result.kernel_size
    own = limits(tiles, "tile", np.zeros(len(tiles), np.int64))
    picture = np.full((k, len(tiles) * (k + 1), 3), page_colour(), dtype=np.uint8)
    coloured = signed_tiles(tiles, own).transpose(1, 0, 2, 3)
    picture.reshape(k, len(tiles), k + 1, 3)[:, :, :k] = coloured
    wide = len(tiles) * (k + 1)
    axes.imshow(enlarge(picture, 4), extent=(0, wide, k, 0), interpolation="nearest")
    axes.set_axis_off()
