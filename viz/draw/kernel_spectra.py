"""Covariance of kernels by block: the matrix, its leading components, its spectrum."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.draw.frame import MARGIN, block_bar, depth_colours, heading, inches, panel
from viz.draw.mosaic import enlarge, limits, signed_tiles
from viz.draw.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.results.clusters import KernelSpectra

__all__ = ["covariance_figure", "draw_covariance", "draw_spectra", "spectra_figure"]

_SHOWN, _ACROSS = 20, 5
_GAP, _UNDER, _OVER = 0.1, 0.12, 0.14
"""Inches between matrices, for the shares below, for the title above."""


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
    """Make a Figure that fits the covariances.

    Parameters
    ----------
    result : KernelSpectra
        What `draw_covariance` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    _, rows, _, cell = _cell(result)
    return new_figure(TWO_COLUMNS, rows * cell + 0.66)


def draw_covariance(result: KernelSpectra, target: Figure | SubFigure) -> list[Axes]:
    """Draw each block's covariance matrix, and below it the leading components as kernels.

    Parameters
    ----------
    result : KernelSpectra
        Of `viz.measure.kernel_spectra` or `viz.measure.clusters`.
    target : Figure or SubFigure
        Best made by `covariance_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        A matrix and its row of components per block, 20 blocks at most, evenly chosen.

    Notes
    -----
    Each block has its own colour scale. A component is a direction, without a sign of its own, and
    need not resemble any kernel; components of nearly equal shares are an arbitrary choice.
    """
    k = result.kernel_size
    columns, _, side, cell = _cell(result)
    chosen = _chosen(result)
    skip = -(-k * k // 250)
    note = (
        f"Square: covariance between taps over the block's channels, {k * k} x {k * k}, taps row "
        f"by row{f', every {skip}th drawn' if skip > 1 else ''}; 99 % of the entries lie within "
        "the ± of each block; red positive, white zero, blue negative; rank: effective rank. "
        "Below: the leading eigenvectors as kernels, each in its own scale, and their share of the "
        "variance in %."
    )
    top, _ = heading(target, result.source.name, "covariance of depthwise kernels by block", note)
    _, height = inches(target)
    made = []
    n_small = result.components.shape[1]
    for place, i in enumerate(chosen):
        left = MARGIN + (place % columns) * (side + _GAP)
        upper = height - top - (place // columns) * cell - _OVER
        axes = panel(target, (left, upper - side, side, side))
        matrix = result.covariance[i][::skip, ::skip]
        # The centre tap's variance alone would pale all the rest.
        limit = float(np.quantile(np.abs(result.covariance[i]), 0.99)) or 1.0
        axes.imshow(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        rank = result.effective_rank[i]
        title = f"block {result.blocks[i]}: ±{limit:.1g}, rank {rank:.1f}"
        axes.set_title(title, fontsize=SMALL, pad=2, loc="left")
        small = panel(target, (left, upper - side - 0.03 - side / n_small, side, side / n_small))
        _components(result, int(i), small)
        made += [axes, small]
    return made


def _components(result: KernelSpectra, i: int, axes: Axes) -> None:
    """Draw a block's leading components side by side, with their shares."""
    tiles, k = result.components[i], result.kernel_size
    own = limits(tiles, "tile", np.zeros(len(tiles), np.int64))
    picture = np.full((k, len(tiles) * (k + 1), 3), 255, dtype=np.uint8)
    coloured = signed_tiles(tiles, own).transpose(1, 0, 2, 3)
    picture.reshape(k, len(tiles), k + 1, 3)[:, :, :k] = coloured
    wide = len(tiles) * (k + 1)
    axes.imshow(enlarge(picture, 4), extent=(0, wide, k, 0), interpolation="nearest")
    axes.set_axis_off()
    for c, share in enumerate(result.shares[i, : len(tiles)]):
        axes.text(c * (k + 1) + k / 2, k * 1.08, f"{100 * share:.0f}", fontsize=SMALL,
                  ha="center", va="top")  # fmt: skip


def spectra_figure(result: KernelSpectra) -> Figure:
    """Make a Figure that fits the spectra.

    Parameters
    ----------
    result : KernelSpectra
        What `draw_spectra` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    return new_figure(TWO_COLUMNS, 62 * MM)


def draw_spectra(result: KernelSpectra, target: Figure | SubFigure) -> list[Axes]:
    """Draw the spectrum of each block's covariance, effective rank, entropy and sparsity.

    Parameters
    ----------
    result : KernelSpectra
        Of `viz.measure.kernel_spectra` or `viz.measure.clusters`.
    target : Figure or SubFigure
        Best made by `spectra_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        Cumulative shares of the eigenvalues; effective rank with the entropy on the right; share
        of empty kernels.

    Notes
    -----
    The effective rank of any block is bounded by its number of kernels: compare it with the null
    of the same number and size, drawn beside it, not with k^2.
    """
    width, height = inches(target)
    k, blocks = result.kernel_size, result.blocks
    index = np.arange(1, k * k + 1)
    top, bottom = heading(
        target, result.source.name, "spectrum of the kernels' covariance by block",
        "Dashed: as many kernels of the same size with independent uniform weights, as a new "
        "network draws them (bars: ± 2 standard deviations over draws). Variance entropy is the "
        "base-10 logarithm of the effective rank. Empty kernels: largest |weight| below 1 % of the "
        "block's.",
    )  # fmt: skip
    up, base = height - top - bottom - 0.36, bottom + 0.3
    share = panel(target, (MARGIN + 0.33, base, 0.29 * width, up))
    for shares, colour in zip(result.shares, depth_colours(len(blocks)), strict=True):
        share.plot(index, 100 * shares.cumsum(), color=colour, linewidth=0.9)
    share.plot(index, 100 * result.null_shares.mean(0).cumsum(), "--", color="#777777",
               linewidth=1.2, label="independent weights")  # fmt: skip
    share.set(xscale="log", xlim=(1, k * k), ylim=(0, 102))
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if t < 0.8 * k * k] + [k * k]
    share.set_xticks(ticks, [str(t) for t in ticks])
    share.set_xlabel("n, of k² eigenvalues", fontsize=TEXT)
    share.set_ylabel("variance of the largest n, %", fontsize=TEXT, labelpad=1.5)
    share.legend(fontsize=SMALL, frameon=False, loc="lower right", handlelength=1.6)
    block_bar(target, (MARGIN + 0.4 + 0.29 * width, base, 0.08, up), blocks.tolist())
    rank = panel(target, (0.49 * width, base, 0.22 * width, up))
    rank.plot(blocks, result.effective_rank, "o-", color="black", markersize=3, linewidth=1,
              label="kernels")  # fmt: skip
    rank.errorbar(blocks, result.null_effective_rank, 2 * result.null_effective_rank_sd,
                  fmt="s--", color="#777777", markersize=2.5, linewidth=1, elinewidth=0.7,
                  markerfacecolor="white", label="independent weights")  # fmt: skip
    rank.set(yscale="log", ylim=(0.9, 1.15 * k * k))
    rank.axhline(k * k, color="#999999", linewidth=0.5)
    rank.set_yticks(ticks, [*(str(t) for t in ticks[:-1]), f"k² = {k * k}"])
    rank.set_ylabel("effective rank", fontsize=TEXT, labelpad=-8)
    rank.legend(fontsize=SMALL, frameon=False, loc="lower left", handlelength=2.2)
    entropy = rank.secondary_yaxis("right", functions=(_log10, _power10))  # type: ignore[arg-type]
    entropy.set_yscale("linear")
    entropy.set_yticks(np.arange(0, np.log10(1.15 * k * k), 0.5))
    entropy.set_ylabel("variance entropy", fontsize=TEXT, labelpad=2)
    entropy.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    entropy.spines["right"].set_linewidth(0.4)
    sparse = panel(target, (0.84 * width, base, 0.15 * width, up))
    sparse.bar(blocks, 100 * result.sparsity, color="#777777", width=0.7)
    sparse.set_ylim(0, max(5.0, 115 * float(result.sparsity.max())))
    if not result.sparsity.any():
        sparse.text(0.5, 0.5, "none", fontsize=TEXT, ha="center", transform=sparse.transAxes)
    sparse.set_ylabel("empty kernels, %", fontsize=TEXT, labelpad=1.5)
    for each in (share, rank):
        each.minorticks_off()
    for each, most in ((rank, 7), (sparse, 4)):
        each.set_xlabel("block", fontsize=TEXT)
        each.set_xticks(blocks[:: -(-len(blocks) // most)])
    return [share, rank, sparse]


def _log10(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log10(np.maximum(x, 1e-9))


def _power10(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10.0**x)
