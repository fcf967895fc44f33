"""Clusters of kernels: their centres by depth, maps of all kernels, stability, agreement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.draw.frame import MARGIN, block_bar, depth_colours, heading, inches, panel
from viz.draw.labels import point_handles, scatter_labels
from viz.draw.mosaic import Layout, enlarge, limits, signed_tiles
from viz.draw.style import MM, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.results.clusters import Clusters

__all__ = [
    "agreement_figure",
    "centres_figure",
    "draw_agreement",
    "draw_centres",
    "draw_maps",
    "map_points",
    "maps_figure",
]

_WORDS = 44 * MM
"""Width of the clusters' descriptions."""
_UNDER = 3.0 * MM
"""Height of bar and number under a tile."""


def _pitch(result: Clusters) -> tuple[float, int, int]:
    """Inches a tap, and taps from one tile's left edge, or top, to the next."""
    k, columns = result.kernel_size, len(result.blocks) + 1
    across = k + max(1, round(0.12 * k))
    tap = min(10 * MM / k, (TWO_COLUMNS - 2 * MARGIN - _WORDS) / (columns * across + k // 2))
    return tap, across, k + int(np.ceil(_UNDER / tap)) + 1


def centres_figure(result: Clusters) -> Figure:
    """Make a Figure that fits the centres.

    Parameters
    ----------
    result : Clusters
        What `draw_centres` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    tap, _, down = _pitch(result)
    return new_figure(TWO_COLUMNS, result.n_clusters * down * tap + 0.85)


def draw_centres(result: Clusters, target: Figure | SubFigure) -> Axes:
    """Draw each cluster's centre, over all blocks and block by block, with its share.

    Parameters
    ----------
    result : Clusters
        Of `viz.measure.clusters`.
    target : Figure or SubFigure
        Best made by `centres_figure`.

    Returns
    -------
    matplotlib.axes.Axes
        In taps: one row per cluster; the first column holds the centre over all blocks.

    Notes
    -----
    Every tile has its own colour scale: a centre whose members have little in common looks as
    strong as a tight one, so read the tightness. A centre in one block may rest on one kernel.
    """
    k, number, depth = result.kernel_size, result.n_clusters, len(result.blocks)
    tap, across, down = _pitch(result)
    _, height = inches(target)
    top, _ = heading(target, result.source.name, _title(result), _CENTRES_NOTE)
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
        (MARGIN + _WORDS, height - top - 0.18 - shape[0] * tap, shape[1] * tap, shape[0] * tap),
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
                  linespacing=1.15)  # fmt: skip
    for at, name in zip(left, ["all", *map(str, result.blocks)], strict=True):
        axes.text(at + k / 2, -0.03 / tap, name, fontsize=TEXT, ha="center",
                  va="bottom")  # fmt: skip
    axes.text(-0.06 / tap, -0.03 / tap, "block", fontsize=TEXT, ha="right", va="bottom")
    return axes


_CENTRES_NOTE = (
    "Each tile: mean of the members, each of unit norm, in its own colour scale (red positive, "
    "white zero, blue negative); outlined where there are members. Bar and number below a tile: "
    "share of the block's kernels that are members, in %. tightness: norm of the mean, 1 where all "
    "members are alike."
)


def _title(result: Clusters) -> str:
    how = "given" if result.chosen_by == "given" else "chosen by stability"
    return (
        f"{result.n_clusters} clusters of {len(result.cluster):,} depthwise kernels, k = "
        f"{result.kernel_size} ({how})"
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
    lines = [f"cluster {i}: {size:,} kernels", f"tightness {result.tightness[i]:.2f}"]
    if len(result.confusion):
        share = result.confusion[:, i] / max(size, 1)
        best = np.argsort(-share, kind="stable")[:2]
        lines.append(
            ", ".join(
                f"{result.confusion_labels[j]} {100 * share[j]:.0f} %" for j in best if share[j]
            )
        )
    return "\n".join(lines)


def maps_figure(result: Clusters) -> Figure:
    """Make a Figure that fits the maps.

    Parameters
    ----------
    result : Clusters
        What `draw_maps` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    return new_figure(TWO_COLUMNS, (160 if len(result.confusion) else 88) * MM)


def draw_maps(result: Clusters, target: Figure | SubFigure) -> list[Axes]:
    """Draw every kernel on its principal components and on the t-SNE map.

    Parameters
    ----------
    result : Clusters
        Of `viz.measure.clusters`.
    target : Figure or SubFigure
        Best made by `maps_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        Coloured by block: principal components, t-SNE; then both by label, if there are labels.

    Notes
    -----
    On a t-SNE map, distances between groups, their sizes and their densities mean nothing, and
    groups can appear in data that have none. The principal components show only the share of the
    variance that stands at the axes.
    """
    width, height = inches(target)
    labelled = len(result.confusion) > 0
    n, shown = len(result.cluster), len(result.tsne_row)
    top, bottom = heading(
        target,
        result.source.name,
        f"maps of {n:,} unit-norm depthwise kernels",
        f"Left: principal components, all kernels; a circled number stands at the median of that "
        f"cluster. Right: t-SNE of {_all_or(shown, n)} kernels, seed "
        f"{result.source.settings.get('seed', 0)}; its distances and group sizes mean nothing.",
    )
    rows, key, lower = 2 if labelled else 1, 0.87, bottom + 0.28
    across = (width - key - MARGIN - 0.62) / 2
    up = (height - top - lower - 0.1 * (rows - 1)) / rows
    colours = depth_colours(len(result.blocks))[np.searchsorted(result.blocks, result.block)]
    # Drawn in a shuffled order, so that the last block does not hide the others.
    mixed = np.random.default_rng(0).permutation(n)
    on_map = np.random.default_rng(0).permutation(shown)
    made = []
    for row in range(rows):
        for column, (points, which) in enumerate(
            ((result.pca[mixed], mixed), (result.tsne[on_map], result.tsne_row[on_map]))
        ):
            left = MARGIN + 0.37 + column * (across + 0.25)
            axes = panel(target, (left, lower + (rows - 1 - row) * (up + 0.1), across, up))
            if row == 0:
                axes.scatter(points[:, 0], points[:, 1], s=5 if n < 1500 else 3, linewidths=0,
                             c=colours[which], rasterized=True)  # fmt: skip
            else:
                scatter_labels(axes, points[:, 0], points[:, 1], result.label[which])
            _dress_map(axes, result, column, last=row == rows - 1)
            made.append(axes)
    x = width - key + 0.08
    block_bar(
        target,
        (x, lower + (rows - 1) * (up + 0.1) + 0.1 * up, 0.1, 0.8 * up),
        result.blocks.tolist(),
    )
    if labelled:
        target.legend(
            handles=point_handles(result.confusion_labels), loc="center left", fontsize=SMALL,
            frameon=False, handletextpad=0.3, borderaxespad=0, title="label",
            title_fontsize=TEXT, bbox_to_anchor=((x - 0.06) / width, (lower + up / 2) / height),
        )  # fmt: skip
    return made


def map_points(result: Clusters, axes: Sequence[Axes]) -> NDArray[np.float64]:
    """Return where the kernels lie in a figure with maps.

    Parameters
    ----------
    result : Clusters
        That was drawn.
    axes : sequence of matplotlib.axes.Axes
        As `draw_maps` returns them.

    Returns
    -------
    ndarray, (m, 4)
        One row per point: its place as shares of the figure's width, from the left, and height,
        from the top; the number of its map; the kernel's row in the result.
    """
    found = []
    for number, one in enumerate(axes):
        points, rows = result.pca, np.arange(len(result.pca))
        if number % 2:
            points, rows = result.tsne, result.tsne_row
        one.get_xlim(), one.get_ylim()  # the limits follow the points only when they are asked for
        figure = one.get_figure(root=True)
        assert figure is not None
        to_shares = figure.transFigure.inverted()
        place = to_shares.transform(one.transData.transform(points))
        beside = np.stack([np.full(len(rows), number), rows], 1)
        found.append(np.concatenate([place[:, :1], 1 - place[:, 1:], beside], 1))
    return np.concatenate(found)


def _all_or(shown: int, n: int) -> str:
    return f"all {n:,}" if shown == n else f"{shown:,} of {n:,}"


def _dress_map(axes: Axes, result: Clusters, column: int, *, last: bool) -> None:
    if column == 0:
        one, two = (100 * s for s in result.pca_share)
        if last:
            axes.set_xlabel(f"component 1 ({one:.0f} % of the variance)", fontsize=TEXT)
        else:
            axes.tick_params(labelbottom=False)
        axes.set_ylabel(f"component 2 ({two:.0f} %)", fontsize=TEXT, labelpad=1)
        for c in range(result.n_clusters):
            x, y = np.median(result.pca[result.cluster == c], axis=0)
            axes.text(
                x, y, str(c), fontsize=SMALL, ha="center", va="center",
                bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "black",
                      "linewidth": 0.5, "alpha": 0.85},
            )  # fmt: skip
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("t-SNE 1" if last else "", fontsize=TEXT)
        axes.set_ylabel("t-SNE 2", fontsize=TEXT, labelpad=1)


def agreement_figure(result: Clusters) -> Figure:
    """Make a Figure that fits stability and agreement.

    Parameters
    ----------
    result : Clusters
        What `draw_agreement` will draw.

    Returns
    -------
    matplotlib.figure.Figure
        Empty, two columns wide.
    """
    return new_figure(TWO_COLUMNS, (70 if len(result.confusion) < 9 else 76) * MM)


def draw_agreement(result: Clusters, target: Figure | SubFigure) -> list[Axes]:
    """Draw stability by number of clusters, and where each label's kernels fall.

    Parameters
    ----------
    result : Clusters
        Of `viz.measure.clusters`.
    target : Figure or SubFigure
        Best made by `agreement_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        The curve; the confusion table, if there are labels.

    Notes
    -----
    A curve above the dashed one shows more structure than an elongated cloud has; it need not be
    clusters. Rows of the table add to 100 %: a dark cell in a row of few kernels means little.
    """
    width, height = inches(target)
    top, bottom = heading(
        target, result.source.name, "stability of the clusters, and agreement with the labels",
        "Stability: mean adjusted Rand index between k-means clusterings of bootstrap samples "
        "(bars: ± 1 standard error). Dashed: mean of the same over "
        f"{len(result.null_curves)} Gaussian clouds with the kernels' mean and covariance, which "
        "have no clusters (grey: lowest to highest). "
        + result.sentence()
        + " ARI and AMI: 0 by chance, 1 for agreement.",
    )  # fmt: skip
    up = height - top - bottom - 0.45
    axes = panel(target, (MARGIN + 0.36, bottom + 0.3, 0.36 * width, up))
    axes.errorbar(result.tried, result.stability, result.stability_se, color="black", marker="o",
                  markersize=3, linewidth=1, elinewidth=0.7, label="kernels")  # fmt: skip
    if len(result.null_curves):
        low, high = result.null_curves.min(0), result.null_curves.max(0)
        axes.fill_between(result.tried, low, high, color="#dddddd", linewidth=0, zorder=0)
    axes.plot(result.tried, result.null_stability, "s--", color="#777777", markersize=2.5,
              linewidth=1, markerfacecolor="white", label="Gaussian, same covariance")  # fmt: skip
    axes.axvline(result.n_clusters, color="#b2182b", linewidth=0.8, linestyle=":",
                 label=f"shown: {result.n_clusters} clusters")  # fmt: skip
    axes.set_ylim(0, 1.32)  # the legend stands above 1
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xticks(result.tried[:: max(1, len(result.tried) // 8)])
    axes.set_xlabel("number of clusters", fontsize=TEXT)
    axes.set_ylabel("stability (ARI)", fontsize=TEXT, labelpad=1.5)
    axes.legend(fontsize=SMALL, frameon=False, loc="upper right", handlelength=2.2)
    if not len(result.confusion):
        return [axes]
    left = MARGIN + 0.36 + 0.36 * width + 0.95
    table = panel(target, (left, bottom + 0.3, width - left - 0.55, up))
    _draw_confusion(result, table, target)
    table.set_title(
        f"ARI {result.ari:.2f}, AMI {result.ami:.2f}; classified kernels only: ARI "
        f"{result.ari_classified:.2f}, AMI {result.ami_classified:.2f}; with blocks: AMI "
        f"{result.ami_block:.2f}",
        fontsize=SMALL, loc="right",
    )  # fmt: skip
    return [axes, table]


def _draw_confusion(result: Clusters, axes: Axes, target: Figure | SubFigure) -> None:
    """Draw the share of each label's kernels that fall in each cluster, with the numbers."""
    count = result.confusion.sum(1, keepdims=True)
    share = result.confusion / count
    image = axes.imshow(share, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(result.confusion):
        axes.text(j, i, f"{value}", fontsize=SMALL, ha="center", va="center",
                  color="white" if share[i, j] > 0.55 else "black")  # fmt: skip
    names = [
        f"{name} ({n:,})" for name, n in zip(result.confusion_labels, count[:, 0], strict=True)
    ]
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_xticks(range(result.n_clusters))
    axes.set_xlabel("cluster (numbers: kernels)", fontsize=TEXT)
    box = axes.get_position()
    width, height = inches(target)
    bar = panel(target, (box.x1 * width + 0.08, box.y0 * height, 0.07, (box.y1 - box.y0) * height))
    key = target.colorbar(image, cax=bar)
    key.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
    bar.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    key.set_label("% of the label's kernels", fontsize=SMALL, labelpad=1)
    key.outline.set_linewidth(0.4)
