"""Whether names tell what drives kernels: shares by name and block, and examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import PercentFormatter

from viz.plot.frame import MARGIN, colour_key, inches, narrow, panel
from viz.plot.millimetres import common_limit, signed_map
from viz.plot.style import (
    MM,
    ONE_COLUMN,
    ORANGE,
    SMALL,
    TEAL,
    TEXT,
    TWO_COLUMNS,
    new_figure,
)
from viz.views.kernels.colours import minus
from viz.views.preferred_inputs.result import TESTS, WHERE, PreferredInputs

_LOOKS = {
    "top": (ORANGE, "o", "where the kernel responds most"),
    "elsewhere": ("#555555", "s", "at random positions of the same maps"),
    "shuffled": (TEAL, "^", "where shuffled taps respond most"),
}
"""Colour, marker and words of each of `WHERE`."""
_PARTS = (("best single shape", "#117733", "D"), ("mean of the taps", "#882255", "v"))
_GAP = 0.8 * MM
_WORDS = 14.0 * MM
_HEAD, _BAR = 0.18, 0.32
_SHOWN = 6
"""Patches drawn of each example."""


def shares_figure(result: PreferredInputs) -> Figure:
    """Make a Figure that fits the shares."""
    height = max(78 * MM, 0.75 + 0.19 * len(result.names))
    return new_figure(TWO_COLUMNS, height)


def _note(result: PreferredInputs) -> str:
    return (
        f"Of each kernel up to {result.example_patches.shape[1]} patches of its input map (not of "
        f"the image), at most one of an image, out of {result.n_images} images. Predicted: of an "
        "edge its direction, within 45°, of a bar or grating its orientation, within 22.5° (chance "
        "25 %); of other names that the taps in which the shape is strong stand out with its sign "
        "(chance 50 %). Bars: 95 %, kernels redrawn; none below 5 kernels. Where "
        "shuffled taps do as well, the name predicts nothing; where random positions do, the whole "
        "map is so. Lift: largest response minus its mean over positions. Markers: medians; bars: "
        "the middle half of the kernels."
    )


def draw_shares(result: PreferredInputs, target: Figure | SubFigure) -> dict[str, Axes]:
    """Draw agreement by name and by block, and what lifts responses.

    A kernel chose its top patches itself, so that agreement alone is no finding: read it against
    that of shuffled taps. Agreement says nothing about what the channel is for.
    """
    width, height = inches(target)
    target.set_label(_note(result))
    upper, lower = height - MARGIN - 0.26, MARGIN + 0.34
    left = MARGIN + 1.06
    across = 0.36 * width
    made = {"names": panel(target, (left, lower, across, upper - lower))}
    x = left + across + 0.62
    room = (upper - lower - 0.3) / 2
    made["blocks"] = panel(target, (x, upper - room, width - MARGIN - x, room))
    made["lift"] = panel(target, (x, lower, width - MARGIN - x, room))
    _draw_names(made["names"], result)
    _draw_blocks(made["blocks"], result)
    _draw_lift(made["lift"], result)
    handles, words = made["names"].get_legend_handles_labels()
    target.legend(
        handles, words, ncols=len(words), fontsize=SMALL, frameon=False, loc="upper left",
        bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height), borderaxespad=0, handletextpad=0.3,
        columnspacing=1.2,
    )  # fmt: skip
    return made


def _draw_names(axes: Axes, result: PreferredInputs) -> None:
    rows = np.arange(len(result.names), dtype=np.float64)
    low, high = result.share_interval.T
    axes.hlines(rows, low, high, color=_LOOKS["top"][0], linewidth=1.4)
    for w, where in enumerate(WHERE):
        colour, marker, words = _LOOKS[where]
        # Beside each other, so that equal shares can all be seen.
        y = rows + (0, -0.17, 0.17)[w]
        axes.plot(result.share[w], y, linestyle="none", label=words, zorder=3 - w,
                  **_marks(colour, marker, filled=where == "top"))  # fmt: skip
    axes.vlines(result.chance, rows - 0.42, rows + 0.42, color="black", linewidth=0.6,
                linestyle=(0, (2, 1.5)), label="chance", zorder=0)  # fmt: skip
    names = [f"{minus(name)} ({n:,})" for name, n in zip(result.names, result.count, strict=True)]
    axes.set_yticks(rows, names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("patches as predicted (%)", labelpad=1.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.grid(axis="x", linewidth=0.3, color="#dddddd")
    axes.set_axisbelow(True)


def _marks(colour: str, marker: str, *, filled: bool) -> dict[str, Any]:
    return {"color": colour, "marker": marker, "markersize": 3.8, "markeredgewidth": 0.8,
            "markerfacecolor": colour if filled else "white"}  # fmt: skip


def _draw_blocks(axes: Axes, result: PreferredInputs) -> None:
    """Draw agreement by block: orientation filled, contrast hollow, with shuffled taps beside."""
    blocks = np.arange(result.depth)
    for t, test in enumerate(TESTS):
        for where, words in (("top", test), ("shuffled", f"{test}, shuffled")):
            colour, marker, _ = _LOOKS[where]
            axes.plot(blocks + (-0.13, 0.13)[t], result.block_share[WHERE.index(where), t],
                      linewidth=0.7, linestyle=("-", ":")[t], label=words,
                      **_marks(colour, marker, filled=t == 0))  # fmt: skip
    axes.set_ylim(0, 1.5)  # the key stands above 1
    axes.set_yticks([0, 0.5, 1])
    _by_block(axes, result, "as predicted (%)")
    axes.tick_params(labelbottom=False)


def _draw_lift(axes: Axes, result: PreferredInputs) -> None:
    blocks = np.arange(result.depth)
    axes.axhline(0, color="black", linewidth=0.4)
    for p, (words, colour, marker) in enumerate(_PARTS):
        first, middle, third = result.block_lift[p]
        x = blocks + (-0.12, 0.12)[p]
        axes.vlines(x, first, third, color=colour, linewidth=1.3)
        axes.plot(x, middle, linestyle="none", label=words,
                  **_marks(colour, marker, filled=p == 0))  # fmt: skip
    known = result.block_lift[np.isfinite(result.block_lift)]
    low, high = min(known.min(initial=0), 0), max(known.max(initial=0), 1)
    axes.set_ylim(low - 0.06 * (high - low), high + 0.3 * (high - low))
    axes.locator_params(axis="y", steps=[1, 5, 10], nbins=4)
    _by_block(axes, result, "share of the lift (%)")
    axes.set_xlabel("block", fontsize=TEXT, labelpad=1)


def _by_block(axes: Axes, result: PreferredInputs, words: str) -> None:
    """Finish a panel whose blocks go from left to right."""
    axes.set_ylabel(words, labelpad=2)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.legend(ncols=2, fontsize=SMALL, frameon=False, loc="upper left", borderaxespad=0.1,
                handletextpad=0.4, columnspacing=1, labelspacing=0.2)  # fmt: skip
    axes.set_xticks(range(0, result.depth, max(1, -(-result.depth // 10))))
    axes.set_xlim(-0.6, result.depth - 0.4)
    axes.grid(axis="y", linewidth=0.3, color="#dddddd")
    axes.set_axisbelow(True)


def _shown(result: PreferredInputs) -> int:
    there = np.isfinite(result.example_patches).all((2, 3)).sum(1)
    return max(1, min(_SHOWN, int(there.max(initial=1))))


def _columns(result: PreferredInputs, width: float) -> tuple[int, float]:
    """Return the rows of a column, and the side of a tile: kernel, shape, mean, then patches."""
    columns = 1 if narrow(width) else 2
    tiles = 3 + _shown(result)
    room = width / columns - 2 * MARGIN - _WORDS - (tiles + 1) * _GAP
    return -(-len(result.names) // columns), min(room / tiles, 10 * MM)


def examples_figure(result: PreferredInputs) -> Figure:
    """Make a Figure that fits the examples: one column wide where there are few patches."""
    width = TWO_COLUMNS if _shown(result) > 3 else ONE_COLUMN
    rows, cell = _columns(result, width)
    return new_figure(width, _HEAD + rows * (cell + _GAP) + _BAR)


def _examples_note(result: PreferredInputs) -> str:
    return (
        "Of each name the kernel whose patches match its best single shape as much as the name's "
        "median does (not the best one); mean: of its patches. White is zero; kernel and shape "
        "(without its mean) share a scale, mean and patches another. Patches are of the map that "
        f"the kernel convolves, one of an image, out of {result.n_images}, the largest response "
        "first; zeros beyond the map's border are the convolution's."
    )


def draw_examples(result: PreferredInputs, target: Figure | SubFigure) -> list[Axes]:
    """Draw one kernel of each name beside the patches of its input map that drive it most."""
    width, height = inches(target)
    target.set_label(_examples_note(result))
    rows, cell = _columns(result, width)
    made = []
    for i in range(len(result.names)):
        column, row = divmod(i, rows)
        y = height - _HEAD - row * (cell + _GAP) - cell
        made.append(_example(target, result, i, cell, (column * width / 2, y), first=row == 0))
    colour_key(target, (width - MARGIN - 1.4, _BAR - 0.13, 1.1), "largest")
    return made


def _example(
    target: Figure | SubFigure, result: PreferredInputs, row: int, cell: float,
    corner: tuple[float, float], *, first: bool,
) -> Axes:  # fmt: skip
    left, y = corner
    i, k = int(result.example[row]), result.kernels.shape[-1]
    n = _shown(result)
    gap = _GAP / cell * k
    starts = [t * (k + gap) + (t > 2) * gap for t in range(3 + n)]
    across = (starts[-1] + k) / k * cell
    axes = panel(target, (left + MARGIN + _WORDS, y, across, cell))
    axes.set_xlim(0, starts[-1] + k)
    axes.set_ylim(k, 0)
    axes.set_axis_off()
    axes.text(-gap, k / 2, minus(str(result.name[i])), fontsize=SMALL, va="center", ha="right")
    patches = result.example_patches[row, :n]
    tiles = [result.kernels[i], result.forms[i], result.preferred[i], *patches]
    limits = [common_limit(np.stack(some), 1) for some in (tiles[:2], tiles[2:])]
    heads = ("kernel", "shape", "mean", "top patches")
    for t, (start, tile) in enumerate(zip(starts, tiles, strict=True)):
        if not np.isfinite(tile).all():
            continue
        signed_map(axes, tile, (start, 0, k, k), limits[t > 1])
    if first:
        for start, head in zip(starts, heads, strict=False):
            axes.text(start, -0.08 * k, head, fontsize=SMALL, va="bottom")
    return axes
