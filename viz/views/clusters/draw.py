"""Clusters of kernels: their centres by depth, their stability; the kernels' covariance."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, outlined, panel, show_picture
from viz.plot.mosaic import Layout, blocks_shown, enlarge, limits, signed_tiles
from viz.plot.style import (
    INK,
    MM,
    ONE_COLUMN,
    SIGNED,
    SMALL,
    TALLEST,
    TEXT,
    TWO_COLUMNS,
    new_figure,
)
from viz.views.clusters.result import Clusters

SIZES = {"stability": (ONE_COLUMN, 56 * MM)}
"""Width and height in inches."""
_WORDS = 27 * MM
"""Width of the clusters' descriptions."""
_UNDER, _BAR = 1.4 * MM, 1.4
"""Height below a tile in inches, and of the bar there in points."""
_LINES = 0.4
"""Height of a cluster's description, in inches."""
_SHOWN = 12
"""Blocks whose covariance is drawn, at most."""
_GAP, _BETWEEN, _OVER = 0.1, 0.06, 0.17
"""Inches between matrices, above the components, for the title above."""


def _pitch(result: Clusters) -> tuple[float, int, int]:
    """Inches a tap, and taps from one tile's left edge, or top, to the next."""
    k, columns = result.kernel_size, len(result.blocks) + 1
    across = k + max(1, round(0.12 * k))
    high = (TALLEST - 0.3) / result.n_clusters - _UNDER
    tap = min(
        15 * MM / k, high / (k + 2),
        (TWO_COLUMNS - 2 * MARGIN - _WORDS) / (columns * across + k // 2),
    )  # fmt: skip
    return tap, across, max(k + int(np.ceil(_UNDER / tap)) + 1, int(np.ceil(_LINES / tap)))


def centres_figure(result: Clusters) -> Figure:
    """Make a Figure that fits the centres."""
    tap, _, down = _pitch(result)
    return new_figure(TWO_COLUMNS, result.n_clusters * down * tap + 0.2 + MARGIN)


def draw_centres(result: Clusters, target: Figure | SubFigure) -> Axes:
    """Draw each cluster's centre, over all blocks and block by block, with its share.

    A centre whose members have little in common looks as strong as a tight one: read the tightness.
    """
    k, number, depth = result.kernel_size, result.n_clusters, len(result.blocks)
    tap, across, down = _pitch(result)
    _, height = inches(target)
    how = "as many as were asked for" if result.given else "chosen by stability"
    target.set_label(
        f"{number} clusters of {len(result.cluster):,} depthwise kernels, {how}. Each tile: mean "
        "of the members, each of unit norm, in its own colour scale (red positive, white zero, "
        "blue negative). Bar below a tile: share of the block's kernels that are members; the "
        "whole width is 100 %. Tightness: mean cosine between the members and their centre, 1 "
        "where all are alike, near 0 where they have little in common."
    )
    tiles = np.concatenate([result.centres[None], result.centres_by_block]).reshape(-1, k, k)
    left = np.append(0, k // 2 + across * np.arange(1, depth + 1))
    x, y = np.repeat(left, number), np.tile(down * np.arange(number), depth + 1)
    there = np.isfinite(tiles[:, 0, 0])
    shape = (number * down, int(left[-1]) + k)
    layout = Layout(x=x[there], y=y[there], tile=(k, k), shape=shape, groups=())
    picture = layout.place(_coloured(tiles[there]))
    wide, tall = shape[1] * tap, shape[0] * tap
    box = (MARGIN + _WORDS, height - 0.2 - tall, wide, tall)
    zoom = max(1, round(wide * target.dpi / shape[1]))
    axes = show_picture(target, box, enlarge(picture, zoom), shape)
    outlined(axes, x[there], y[there], (k, k))
    low = y + k + 0.5 * _UNDER / tap
    axes.hlines(low, x, x + k, color="#dddddd", linewidth=_BAR)
    members = result.counts.sum(0)
    share = np.concatenate([members / members.sum(), result.composition.ravel()])
    axes.hlines(low, x, x + k * share, color=INK, linewidth=_BAR)
    for i in range(number):
        words = f"cluster {i}\n{members[i]:,} kernels\ntightness {result.tightness[i]:.2f}"
        axes.text(-0.06 / tap, i * down, words, fontsize=SMALL, va="top", ha="right",
                  linespacing=1.0)  # fmt: skip
    if k * tap > _LINES:
        axes.text(-0.06 / tap, low[0], "bar: share of block", fontsize=SMALL, va="center",
                  ha="right")  # fmt: skip
    for place, name in zip(left, ["all", *map(str, result.blocks)], strict=True):
        axes.text(place + k / 2, -0.03 / tap, name, fontsize=TEXT, ha="center", va="bottom")
    axes.text(-0.06 / tap, -0.03 / tap, "block", fontsize=TEXT, ha="right", va="bottom")
    return axes


def _coloured(tiles: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour each tile in its own scale."""
    return signed_tiles(tiles, limits(tiles, "tile", np.zeros(len(tiles), np.int64)))


def draw_stability(result: Clusters, target: Figure | SubFigure) -> Axes:
    """Draw stability by number of clusters, beside that of clouds without clusters."""
    width, height = inches(target)
    target.set_label(
        "Stability: how far k-means clusterings of resampled kernels agree, 0 as by chance, 1 in "
        "full (mean adjusted Rand index between bootstrap samples; bars: ± 1 standard error). "
        f"Dashed: the same of {len(result.null_curves)} Gaussian clouds with the kernels' mean and "
        "covariance, which have no clusters (mean; grey: lowest to highest)."
    )
    axes = panel(target, (0.42, 0.38, width - 0.52, height - 0.6))
    axes.errorbar(result.tried, result.stability, result.stability_se, color="black", marker="o",
                  markersize=3, linewidth=1, elinewidth=0.7, label="kernels")  # fmt: skip
    axes.fill_between(result.tried, result.null_curves.min(0), result.null_curves.max(0),
                      color="#dddddd", linewidth=0, zorder=0)  # fmt: skip
    axes.plot(result.tried, result.null_stability, "s--", color="#777777", markersize=2.5,
              linewidth=1, markerfacecolor="white", label="Gaussian, same covariance")  # fmt: skip
    axes.axvline(result.n_clusters, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate(" asked for" if result.given else " chosen", (result.n_clusters, 0.03))
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xticks(result.tried[:: max(1, len(result.tried) // 8)])
    axes.set_xlabel("number of clusters", fontsize=TEXT)
    axes.set_ylabel("stability (adjusted Rand index)", fontsize=TEXT, labelpad=1.5)
    axes.legend(loc="lower left", reverse=True, bbox_to_anchor=(0, 1), ncols=2, handlelength=2.2,
                borderaxespad=0, borderpad=0.2)  # fmt: skip
    return axes


def _cell(result: Clusters) -> tuple[list[int], int, float, float]:
    """Return which blocks, how many a row, and the inches of a matrix and from row to row."""
    at, columns = blocks_shown(np.arange(len(result.blocks)), most=_SHOWN)
    side = min(60 * MM, (TWO_COLUMNS - 2 * MARGIN + _GAP) / max(columns, 3) - _GAP)
    down = side + side / result.components.shape[1] + _BETWEEN + _OVER + _GAP
    return at.tolist(), columns, side, down


def covariance_figure(result: Clusters) -> Figure:
    """Make a Figure that fits the covariances."""
    at, columns, _, down = _cell(result)
    return new_figure(TWO_COLUMNS, -(-len(at) // columns) * down - _GAP + MARGIN)


def draw_covariance(result: Clusters, target: Figure | SubFigure) -> list[Axes]:
    """Draw each block's covariance matrix, and below it the leading components as kernels.

    Each block has its own colour scale. A component is a direction, without a sign of its own, and
    need not resemble any kernel; components of nearly equal shares are an arbitrary choice.
    """
    k = result.kernel_size
    at, columns, side, down = _cell(result)
    skip = -(-k * k // 250)
    target.set_label(
        f"Square: covariance between taps over the block's channels, {k * k} x {k * k}, taps row "
        f"by row{f', every {skip}th drawn' if skip > 1 else ''}; each block has its own colour "
        "scale, within which 99 % of its entries lie; red positive, white zero, blue negative. "
        "Rank: effective rank, about how many directions the kernels vary along; as many kernels "
        f"of independent random taps have {result.null_effective_rank[0]:.0f}. Below: the leading "
        "eigenvectors as kernels, each in its own scale."
    )
    _, height = inches(target)
    made = []
    n_small = result.components.shape[1]
    for place, i in enumerate(at):
        left = MARGIN + (place % columns) * (side + _GAP)
        upper = height - (place // columns) * down - _OVER
        axes = panel(target, (left, upper - side, side, side))
        # The centre tap's variance alone would pale all the rest.
        limit = float(np.quantile(np.abs(result.covariance[i]), 0.99)) or 1.0
        axes.imshow(result.covariance[i][::skip, ::skip], cmap=SIGNED, vmin=-limit, vmax=limit,
                    interpolation="nearest")  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.set_title(f"block {result.blocks[i]}: rank {result.effective_rank[i]:.0f}", pad=2)
        small = panel(
            target, (left, upper - side - _BETWEEN - side / n_small, side, side / n_small)
        )
        tiles = np.pad(_coloured(result.components[i]), ((0, 0), (0, 0), (0, 1), (0, 0)),
                       constant_values=255)  # fmt: skip
        picture = tiles.transpose(1, 0, 2, 3).reshape(k, -1, 3)
        small.imshow(enlarge(picture, 4), extent=(0, picture.shape[1], k, 0),
                     interpolation="nearest")  # fmt: skip
        small.set_axis_off()
        outlined(small, np.arange(n_small) * (k + 1), np.zeros(n_small, np.int64), (k, k))
        made += [axes, small]
    return made
