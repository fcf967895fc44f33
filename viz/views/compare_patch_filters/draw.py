"""Patch filters of two networks: the matched pairs, and what chance would match."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import full_rows, limits, rgb_tiles, signed_tiles
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS
from viz.views.compare.draw import COLOURS, pair_label, pairs_mosaic
from viz.views.compare_patch_filters.result import MIXED, NULLS, SHUFFLED, PatchFilterMatch
from viz.views.weights.draw import Mosaic, draw_mosaic, mosaic_figure

SIZES = {"chance": (TWO_COLUMNS, 58 * MM)}
"""Width and height in inches that suit the figure."""
_SHOWN = 96
_NULL_COLOURS = ("#999999", "#cc79a7")
_NULL_MARKERS = ("v", "^")


def pairs(result: PatchFilterMatch, *, shown: int = _SHOWN) -> Mosaic:
    """Lay out matched filters, A's above B's, the most similar pair first.

    Each filter has its own colour scale: the cosine does not know sizes either.
    """
    n, q = len(result.similarity), result.frame_size
    chosen = np.unique(np.linspace(0, n - 1, min(n, shown)).round().astype(int))
    a, b = result.names
    ends = f"cosine {result.similarity[0]:.2f} to {result.similarity[-1]:.2f}".replace("-", "−")
    many = "" if len(chosen) == n else f", {len(chosen)} evenly spaced over the order shown"
    colour = result.filters_a.shape[1] == 3
    return pairs_mosaic(
        _tiles(result.filters_a[result.channel_a[chosen]]),
        _tiles(result.filters_b[result.channel_b[chosen]]),
        [len(chosen)],
        ("",),
        f"A ({a}) stands above B ({b}): {n} pairs, most similar first, {ends}{many}; {q} x {q} "
        "cells a patch. Each filter has its own colour scale, to its largest |weight|; "
        + ("mid grey is zero." if colour else "white is zero."),
        signed=not colour,
        columns=full_rows(len(chosen), 6),
        gap=max(2, q // 3),
    )


def _tiles(filters: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour filters: RGB, or the sum over any other number of channels as signed tiles."""
    if filters.shape[1] == 3:
        return rgb_tiles(filters, limits(filters, "tile", np.zeros(len(filters), np.int64)))
    maps = filters.sum(1)
    return signed_tiles(maps, limits(maps, "tile", np.zeros(len(maps), np.int64)))


def pairs_figure(result: PatchFilterMatch) -> Figure:
    """Make a Figure that fits `draw_pairs`."""
    return mosaic_figure(pairs(result))


def draw_pairs(result: PatchFilterMatch, target: Figure | SubFigure) -> Axes:
    """Draw matched filters, A's above B's.

    The best of all assignments looks alike at its beginning in any two networks.
    """
    return draw_mosaic(pairs(result), target)


def draw_chance(result: PatchFilterMatch, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw the pairs' similarities beside those that chance matches, and the channels' order.

    Only the distance between the curves tells anything: the black one alone does not.
    """
    width, height = inches(target)
    draws = result.null_mean.shape[1]
    permuted = len(result.index_permuted)
    marks = f", and {permuted} random permutations" if permuted else ""
    pair_label(
        result,
        target,
        "Left: cosine of each matched pair, most similar first, beside the same after B's filters "
        f"were changed (means of {draws} draws): taps in another order, or random mixtures of "
        f"all of them. Right: means over all pairs; small marks: single draws{marks}. "
        f"{result.frame_note}",
    )
    low, top = MARGIN + 0.34, height - MARGIN - 0.06
    left, gap = 0.45, 1.62
    each = (width - left - gap - 0.72 - MARGIN) / 2
    one = panel(target, (left, low, each, top - low))
    two = panel(target, (left + each + gap, low, each + 0.2, top - low))
    x = (np.arange(len(result.similarity)) + 0.5) / len(result.similarity)
    one.plot(x, result.similarity, color="black", linewidth=1.3, label="A and B")
    for null in (MIXED, SHUFFLED):
        one.plot(x, result.null_by_rank[null], color=_NULL_COLOURS[null], linewidth=1.1,
                 linestyle=("--", "-.")[null], label=f"A and B, {NULLS[null]}")  # fmt: skip
    one.set(xlim=(0, 1), ylim=(min(0.0, float(result.similarity.min())) - 0.02, 1.02))
    one.set_xlabel("rank of the pair (0 most similar, 1 least)", fontsize=TEXT, labelpad=1)
    one.set_ylabel("cosine", fontsize=TEXT, labelpad=1)
    one.legend(fontsize=SMALL, loc="upper right")
    _draw_means(result, two)
    two.tick_params(axis="y", labelsize=TEXT)
    return one, two


def _draw_means(result: PatchFilterMatch, axes: Axes) -> None:
    """One row per way of pairing: the mean, and its draws."""
    rows: list[tuple[str, float, NDArray[np.float64], str, str]] = [
        ("matched", result.mean_similarity, np.empty(0), "black", "o"),
        *(
            (f"matched, {NULLS[i]}", float(result.null_mean[i].mean()), result.null_mean[i],
             _NULL_COLOURS[i], _NULL_MARKERS[i])
            for i in (MIXED, SHUFFLED)
        ),
    ]  # fmt: skip
    if len(result.index_permuted):
        permuted = result.index_permuted
        rows += [
            ("same channel", result.index_similarity, np.empty(0), COLOURS[1], "D"),
            ("random channel", float(permuted.mean()), permuted, _NULL_COLOURS[0], "s"),
        ]
    at = np.arange(len(rows))[::-1]
    for y, (_, mean, drawn, colour, marker) in zip(at, rows, strict=True):
        axes.plot(drawn, np.full(len(drawn), y - 0.22), "|", color=colour, markersize=4,
                  markeredgewidth=0.5, linestyle="")  # fmt: skip
        axes.plot([mean], [y], marker, color=colour, markersize=4)
        axes.annotate(
            f"{mean:.2f}".replace("-0.00", "0.00").replace("-", "−"), (1.03, y),
            xycoords=("axes fraction", "data"), fontsize=SMALL, va="center", annotation_clip=False,
        )  # fmt: skip
    values = np.concatenate([[0.0], [row[1] for row in rows], *(row[2] for row in rows)])
    axes.set(xlim=(values.min() - 0.04, 1.04), ylim=(-0.6, len(rows) - 0.4))
    axes.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    axes.set_yticks(at, [row[0] for row in rows])
    axes.set_xlabel("mean cosine", fontsize=TEXT, labelpad=1)
