"""Patch filters of two networks: the matched pairs, and what chance would match."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, legend_below, panel, panel_boxes
from viz.plot.mosaic import full_rows, limits, rgb_tiles, signed_tiles
from viz.plot.style import GREY, MM, SMALL, TWO_COLUMNS
from viz.views.compare import draw as pair
from viz.views.compare_patch_filters.result import MIXED, SHUFFLED, PatchFilterMatch
from viz.views.weights.draw import ZERO, mosaic_figure

SIZES = {"chance": (TWO_COLUMNS, 58 * MM)}
"""Width and height in inches that suit the figure."""
_SHOWN = 192
_NULL_COLOURS = ("#999999", "#cc79a7")
_NULL_MARKERS = ("v", "^")
_CHANGED = ("matched, B's taps shuffled", "matched, B's filters mixed")


def pairs(result: PatchFilterMatch) -> pair.Pairs:
    """Lay out matched filters, A's above B's, the most similar pair first.

    Each filter has its own colour scale: the cosine does not know sizes either.
    """
    n, q = len(result.similarity), result.frame_size
    chosen = np.unique(np.linspace(0, n - 1, min(n, _SHOWN)).round().astype(int))
    columns, colour = full_rows(len(chosen), 6), result.filters_a.shape[1] == 3
    rows = [chosen[i : i + columns] for i in range(0, len(chosen), columns)]
    titles = [
        f"ranks {r[0] + 1} to {r[-1] + 1}: cosine {result.similarity[r[0]]:.2f} to "
        f"{result.similarity[r[-1]]:.2f}".replace("-", "−")
        for r in rows
    ]
    return pair.pairs_mosaic(
        result,
        _tiles(result.filters_a[result.channel_a[chosen]]),
        _tiles(result.filters_b[result.channel_b[chosen]]),
        [len(row) for row in rows],
        titles,
        text="Pairs are such that the sum of their cosines is as large as can be; the cosine is 1 "
        f"for filters that differ in size alone. {result.frame_note} Each filter has its own "
        f"colour scale, to its largest |weight|{'' if colour else f' (the limit); {ZERO}'}.",
        note=f"all {n:,} pairs, the most similar first"
        if len(chosen) == n
        else f"{len(chosen)} of {n:,} pairs, evenly spaced by rank, the most similar first",
        signed=not colour, columns=columns, gap=max(2, q // 3),
    )  # fmt: skip


def _tiles(filters: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour filters: RGB, or the sum over any other number of channels as signed tiles."""
    if filters.shape[1] == 3:
        return rgb_tiles(filters, limits(filters, "tile", np.zeros(len(filters), np.int64)))
    maps = filters.sum(1)
    return signed_tiles(maps, limits(maps, "tile", np.zeros(len(maps), np.int64)))


def pairs_figure(result: PatchFilterMatch) -> Figure:
    """Make a Figure that fits `draw_pairs`."""
    return mosaic_figure(pairs(result), below=pair.NOTE)


def draw_pairs(result: PatchFilterMatch, target: Figure | SubFigure) -> Axes:
    """Draw matched filters, A's above B's.

    The best of all assignments looks alike at its beginning in any two networks.
    """
    return pair.draw_rows(pairs(result), target)


def draw_chance(result: PatchFilterMatch, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw the pairs' similarities beside those that chance matches, and the channels' order.

    Only the distance between the curves tells anything: the black one alone does not.
    """
    width, height = inches(target)
    draws, permuted = result.null_mean.shape[1], len(result.index_permuted)
    note = (
        "Left: cosine of each matched pair, beside pairs matched in the same way after every "
        f"filter of B was changed (means of {draws} draws): its taps in another order, or random "
        "mixtures of all of B's filters. Right: means over all pairs, of "
        f"{f'filters of the same channel and of {permuted} random orders, ' * bool(permuted)}"
        f"and of the single draws. {result.frame_note}"
    )
    target.set_label(pair.pair_label(result, note))
    ends = MARGIN + 0.54, height - MARGIN - 0.17
    boxes = panel_boxes(width, ends, 2, left=0.45, beside=1.62, between=0, right=0.34)
    one, two = (panel(target, box) for box in boxes)
    x = (np.arange(len(result.similarity)) + 0.5) / len(result.similarity)
    one.set_title(" and ".join(pair.labels(result)), pad=3)
    one.plot(x, result.similarity, color="black", linewidth=1.3, label="matched")
    for null in (MIXED, SHUFFLED):
        one.plot(x, result.null_by_rank[null], color=_NULL_COLOURS[null], linewidth=1.1,
                 linestyle=("--", "-.")[null], label=_CHANGED[null])  # fmt: skip
    one.set(xlim=(0, 1), ylim=(min(0.0, float(result.similarity.min())) - 0.02, 1.02))
    one.set_xlabel("rank of the pair (0: most similar, 1: least)")
    one.set_ylabel("cosine of the pair")
    _draw_means(result, two)
    draw = Line2D([], [], color=GREY, marker="|", linestyle="", label="one random draw")
    legend_below(target, [*one.lines, draw], 4)
    return one, two


def _draw_means(result: PatchFilterMatch, axes: Axes) -> None:
    """One row per way of pairing: the mean, and its draws."""
    none = np.empty(0)
    rows = [("matched", result.mean_similarity, none, "black", "o")]
    rows += [(_CHANGED[i], float(result.null_mean[i].mean()), result.null_mean[i],
              _NULL_COLOURS[i], _NULL_MARKERS[i]) for i in (MIXED, SHUFFLED)]  # fmt: skip
    if len(result.index_permuted):
        permuted = result.index_permuted
        rows += [
            ("same channel", result.index_similarity, none, pair.COLOURS[1], "D"),
            ("random channel", float(permuted.mean()), permuted, _NULL_COLOURS[0], "s"),
        ]
    at = np.arange(len(rows))[::-1]
    for y, (_, mean, drawn, colour, marker) in zip(at, rows, strict=True):
        axes.plot(drawn, np.full(len(drawn), y - 0.22), "|", color=colour, markersize=4,
                  markeredgewidth=0.5, linestyle="")  # fmt: skip
        axes.plot([mean], [y], marker, color=colour, markersize=4)
        axes.annotate(
            f"{mean:.2f}".replace("-0.00", "0.00").replace("-", "−"), (1.01, y),
            xycoords=("axes fraction", "data"), fontsize=SMALL, va="center", annotation_clip=False,
        )  # fmt: skip
    values = np.concatenate([[0.0], [row[1] for row in rows], *(row[2] for row in rows)])
    axes.set(xlim=(values.min() - 0.04, 1.04), ylim=(-0.6, len(rows) - 0.4))
    axes.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    axes.set_yticks(at, [row[0] for row in rows])
    axes.set_xlabel("mean cosine")
