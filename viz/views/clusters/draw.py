"""Clusters of kernels: their centres by depth, their stability."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import Layout, enlarge, limits, signed_tiles
from viz.plot.style import INK, MM, ONE_COLUMN, SMALL, TALLEST, TEXT, TWO_COLUMNS, new_figure
from viz.views.clusters.result import Clusters

SIZES = {"stability": (ONE_COLUMN, 56 * MM)}
"""Width and height in inches."""
_WORDS = 27 * MM
"""Width of the clusters' descriptions."""
_UNDER = 3.0 * MM
"""Height of bar and number under a tile."""
_LINES = 0.4
"""Height of a cluster's description, in inches."""


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

    Every tile has its own colour scale: a centre whose members have little in common looks as
    strong as a tight one, so read the tightness. A centre in one block may rest on one kernel.
    """
    k, number, depth = result.kernel_size, result.n_clusters, len(result.blocks)
    tap, across, down = _pitch(result)
    _, height = inches(target)
    how = "as many as were asked for" if result.chosen_by == "given" else "chosen by stability"
    target.set_label(
        f"{number} clusters of {len(result.cluster):,} depthwise kernels, {how}. {_CENTRES_NOTE}"
    )
    tiles = np.concatenate([result.centres[None], result.centres_by_block]).reshape(-1, k, k)
    left = np.append(0, k // 2 + across * np.arange(1, depth + 1))
    x, y = np.repeat(left, number), np.tile(down * np.arange(number), depth + 1)
    there = np.isfinite(tiles[:, 0, 0])
    shape = (number * down, int(left[-1]) + k)
    layout = Layout(x=x[there], y=y[there], tile=(k, k), shape=shape, groups=())
    own = limits(tiles[there], "tile", np.zeros(int(there.sum()), np.int64))
    picture = layout.place(signed_tiles(tiles[there], own))
    axes = panel(
        target,
        (MARGIN + _WORDS, height - 0.2 - shape[0] * tap, shape[1] * tap, shape[0] * tap),
    )
    zoom = max(1, round(axes.get_window_extent().width / shape[1]))
    axes.imshow(
        enlarge(picture, zoom), extent=(0, shape[1], shape[0], 0), interpolation="nearest",
        aspect="auto",
    )  # fmt: skip
    axes.set_axis_off()
    for at, found in zip(zip(x, y, strict=True), there, strict=True):
        if found:
            axes.add_patch(
                Rectangle(at, k, k, fill=False, linewidth=0.3, edgecolor="#777777", clip_on=False)
            )
    _write_shares(axes, result, left[1:], down, tap)
    for i in range(number):
        axes.text(-0.06 / tap, i * down, _words(result, i), fontsize=SMALL, va="top", ha="right",
                  linespacing=1.0)  # fmt: skip
    for at, name in zip(left, ["all", *map(str, result.blocks)], strict=True):
        axes.text(at + k / 2, -0.03 / tap, name, fontsize=TEXT, ha="center",
                  va="bottom")  # fmt: skip
    axes.text(-0.06 / tap, -0.03 / tap, "block", fontsize=TEXT, ha="right", va="bottom")
    return axes


_CENTRES_NOTE = (
    "Each tile: mean of the members, each of unit norm, in its own colour scale (red positive, "
    "white zero, blue negative). Bar and number below a tile: share of the block's kernels that "
    "are members, in %. Tightness: norm of the mean, 1 where all members are alike."
)


def _write_shares(
    axes: Axes, result: Clusters, left: NDArray[np.int64], down: int, tap: float
) -> None:
    """Write each cluster's share of each block below its tile, and draw it as a bar."""
    k, share = result.kernel_size, result.composition
    top = share.max()
    for b in range(share.shape[0]):
        for c in range(share.shape[1]):
            x, y = left[b], c * down + k + 0.02 / tap
            axes.add_patch(
                Rectangle((x, y), k * share[b, c] / top, 0.02 / tap, color="#444444", linewidth=0)
            )
            axes.text(x + k / 2, y + 0.03 / tap, f"{100 * share[b, c]:.0f}", fontsize=SMALL,
                      ha="center", va="top")  # fmt: skip


def _words(result: Clusters, i: int) -> str:
    size = int(result.counts[:, i].sum())
    return f"cluster {i}\n{size:,} kernels\ntightness {result.tightness[i]:.2f}"


def draw_stability(result: Clusters, target: Figure | SubFigure) -> Axes:
    """Draw stability by number of clusters, beside that of clouds without clusters.

    A curve above the dashed one shows more structure than an elongated cloud has; it need not be
    clusters.
    """
    width, height = inches(target)
    target.set_label(
        "Stability: mean adjusted Rand index between k-means clusterings of bootstrap samples "
        "(bars: ± 1 standard error). Dashed: mean of the same over "
        f"{len(result.null_curves)} Gaussian clouds with the kernels' mean and covariance, which "
        "have no clusters (grey: lowest to highest). 0 by chance, 1 for agreement."
    )
    axes = panel(target, (0.42, 0.38, width - 0.52, height - 0.6))
    axes.errorbar(result.tried, result.stability, result.stability_se, color="black", marker="o",
                  markersize=3, linewidth=1, elinewidth=0.7, label="kernels")  # fmt: skip
    if len(result.null_curves):
        low, high = result.null_curves.min(0), result.null_curves.max(0)
        axes.fill_between(result.tried, low, high, color="#dddddd", linewidth=0, zorder=0)
    axes.plot(result.tried, result.null_stability, "s--", color="#777777", markersize=2.5,
              linewidth=1, markerfacecolor="white", label="Gaussian, same covariance")  # fmt: skip
    axes.axvline(result.n_clusters, color=INK, linewidth=0.8, linestyle=":")  # fmt: skip
    axes.annotate(" shown", (result.n_clusters, 0.03), fontsize=SMALL)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xticks(result.tried[:: max(1, len(result.tried) // 8)])
    axes.set_xlabel("number of clusters", fontsize=TEXT)
    axes.set_ylabel("stability (ARI)", fontsize=TEXT, labelpad=1.5)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handlelength=2.2,
                borderaxespad=0, borderpad=0.2)  # fmt: skip
    return axes
