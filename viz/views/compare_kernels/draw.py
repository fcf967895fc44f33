"""Depthwise kernels before and after: how far they moved, which names changed, and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import Normal
from matplotlib.ticker import MaxNLocator, PercentFormatter

from viz.plot.effect_rows import with_quartiles
from viz.plot.frame import MARGIN, inches, legend_below, panel, panel_boxes, plain_axes
from viz.plot.mosaic import limits, signed_tiles
from viz.plot.style import MM, PURPLE, SMALL, TWO_COLUMNS, new_figure
from viz.views.compare import draw as pair
from viz.views.compare_kernels.result import KernelChange
from viz.views.kernels.colours import minus
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.draw import ZERO, mosaic_figure

SIZES = {"moving": (TWO_COLUMNS, 58 * MM)}
"""Width and height in inches that suit the figure."""
_BLOCKS = 8
"""Blocks whose kernels are shown at the most."""
_NUMBERS = 30
"""Numbers that stand in the table of names at the most."""
_FRAME: dict[str, Any] = {"fill": False, "edgecolor": PURPLE, "linewidth": 1.2}
_ROW, _POINT = 0.19, "#333333"


def draw_moving(result: KernelChange, target: Figure | SubFigure) -> list[Axes]:
    """Draw by block how far kernels moved: relative change, cosine, ratio of norms.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    width, height = inches(target)
    note = (
        "The bars hold half of a block's kernels: they are spread, not uncertainty. |A| is the "
        "root of the sum of a kernel's squared weights. Unrelated kernels: each kernel of A with "
        "that of a random channel of B in the same block; their cosines are about 0. "
        f"Channels correspond: their mean cosine over all blocks is {result.index_similarity:.2f}, "
        f"and at most {result.permuted_similarity.max():.2f} after "
        f"{len(result.permuted_similarity)} random permutations."
    )
    target.set_label(pair.pair_label(result, note))
    a, b = pair.labels(result)
    ends = MARGIN + 0.56, height - MARGIN - 0.06
    boxes = panel_boxes(width, ends, 3, left=0.45, beside=0.55, between=0)
    out = [panel(target, box) for box in boxes]
    words = {"relative_change": "relative change |B − A| / |A|", "cosine": "cosine of A and B",
             "norm_ratio": "ratio of norms |B| / |A|"}  # fmt: skip
    for axes, name, level in zip(out, words, (0, 1, 1), strict=True):
        with_quartiles(axes, result.blocks, result.quartiles(name), _POINT, "o")
        axes.set_ylabel(words[name])
        line = axes.axhline(level, color="#888888", linestyle=":", zorder=0, label="no change")
        _by_block(result, axes)
    crosses = out[0].plot(result.blocks, result.permuted_change, "x", color="#777777",
                          markersize=3.6, label="median of unrelated kernels")  # fmt: skip
    dot = Line2D([], [], color=_POINT, marker="o", markersize=3.4, linestyle="",
                 label=f"median ({a}, {b})")  # fmt: skip
    legend_below(target, [dot, pair.quartiles_handle(), *crosses, line], 4)
    return out


def _by_block(result: KernelChange, axes: Axes) -> None:
    axes.set_xlim(-0.6, len(result.blocks) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("block")


def _shown(result: KernelChange) -> tuple[list[int], list[int]]:
    """Return the names that some kernels have in A, and in B."""
    total = result.migration.sum(0)
    return np.flatnonzero(total.any(1)).tolist(), np.flatnonzero(total.any(0)).tolist()


def migration_figure(result: KernelChange) -> Figure:
    """Make a Figure that fits `draw_migration`."""
    return new_figure(TWO_COLUMNS, max(len(_shown(result)[0]) * _ROW + 1.34, 2.1))


def draw_migration(result: KernelChange, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw how many kernels went from which name to which, and how many stayed, by block.

    Kernels near the border between two names change theirs without changing much.
    """
    width, height = inches(target)
    rows, columns = _shown(result)
    table = result.migration.sum(0)[np.ix_(rows, columns)]
    sums = table.sum(1)
    # One more than in the first cell for which no number is left.
    least = np.append(np.sort(table.ravel())[::-1], 0)[: _NUMBERS - len(rows) + 1].min() + 1
    some = f", in cells of {least:,} or more" * int(least > 1)
    note = (
        "Left: kernels of all blocks by their name in A (rows, with their number) and in B "
        f"(columns); numbers count kernels{some}, grey is their share of the row. Right: "
        "share of each block's kernels that have the same name in both or none in both; by chance: "
        "the same if B's names were dealt to the block's kernels at random."
    )
    target.set_label(pair.pair_label(result, note))
    a, b = pair.labels(result)
    left, gap, side, head = 1.0, 0.6, 1.75, 0.8
    across = width - left - gap - side - MARGIN
    tall = _ROW * max(len(rows), 1.5)
    one = panel(target, (left, height - head - tall, across, tall))
    shades = one.imshow(table / sums[:, None], cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for y, x in np.argwhere(table >= least):
        dark = table[y, x] > 0.5 * sums[y]
        # What has an effect keeps its colour on a dark page, as the picture behind it does.
        one.text(x, y, f"{table[y, x]:,}", ha="center", va="center", fontsize=SMALL,
                 color="white" if dark else "black", path_effects=[Normal()])  # fmt: skip
    for y, x in np.argwhere(np.equal.outer(rows, columns)):
        one.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **_FRAME))
    names = [minus(name) for name in KERNEL_NAMES]
    one.set_xticks(range(len(columns)), [names[i] for i in columns], rotation=90)
    one.xaxis.tick_top()
    ticks = [f"{names[i]} ({k:,})" for i, k in zip(rows, sums, strict=True)]
    one.set_yticks(range(len(rows)), ticks)
    one.tick_params(length=0, pad=2)
    words = f"rows: name in {a}    columns: name in {b}"
    target.text(MARGIN / width, 1 - MARGIN / height, words, va="top")
    bar = target.colorbar(
        shades, cax=panel(target, (left, 0.33, 1.4, 0.07)), orientation="horizontal",
        ticks=[0, 0.5, 1], format=PercentFormatter(1),
    )  # fmt: skip
    plain_axes(bar.ax)
    bar.set_label("share of the row", fontsize=SMALL, labelpad=1)
    place = (left + 1.6) / width, 0.28 / height
    frame = Patch(**_FRAME, label="same name")
    target.legend(handles=[frame], loc="lower left", borderaxespad=0, bbox_to_anchor=place)
    two = panel(target, (width - side - MARGIN, 0.34, side, height - 0.56))
    two.plot(result.blocks, 100 * result.stayed, "o-", color="black", markersize=3.4, linewidth=0.9,
             label="measured")  # fmt: skip
    two.plot(result.blocks, 100 * result.stayed_by_chance, "x--", color="#777777", markersize=3.6,
             linewidth=0.9, label="by chance")  # fmt: skip
    two.set_ylim(-2, 102)
    _by_block(result, two)
    two.set_ylabel("kernels with the same name (%)")
    two.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.1)
    return one, two


def moved_mosaic(result: KernelChange) -> pair.Pairs:
    """Lay out the kernels of each block that moved most, A's above B's.

    These are a block's extremes, not its typical kernels. A pair shares one colour scale.
    """
    n = len(result.blocks)
    # Evenly spaced ones, so that the figure fits a page.
    blocks = result.blocks[np.linspace(0, n - 1, min(n, _BLOCKS)).round().astype(np.int64)]
    shown = np.isin(result.block[result.moved], blocks)
    block, moved = result.block[result.moved][shown], result.moved[shown]
    before, after = result.kernels_a[shown], result.kernels_b[shown]
    both = np.concatenate([before, after], axis=1)
    limit = limits(both, "tile", np.zeros(len(both), np.int64))
    sizes = [int((block == b).sum()) for b in blocks]
    every = f"{max(sizes)} of {(result.block == blocks[0]).sum():,} kernels a block"
    titles = []
    for b in blocks:
        middle = result.quartiles("relative_change")[b, 1]
        change = result.relative_change[moved[block == b]]
        low, high = np.nanmin(change, initial=np.inf), np.nanmax(change, initial=-np.inf)
        words = f"change {low:.2f} to {high:.2f} (median of all {middle:.2f})"
        titles.append(f"block {b}: {words if np.isfinite(low) else 'was zero'}")
    return pair.pairs_mosaic(
        result, signed_tiles(before, limit), signed_tiles(after, limit), sizes, titles,
        text="The change is |B − A| / |A|, where |A| is the root of the sum of a kernel's squared "
        "weights, and a block's kernels stand in its order. Each pair has its own colour "
        f"scale, to the largest |weight| of both (the limit); {ZERO}.",
        note=f"{every}, those with the largest change |B − A| / |A|"
        + f"; {len(blocks)} of {n} blocks" * (len(blocks) < n),
        columns=max(sizes), across=min(len(sizes), 2), gap=2,
    )  # fmt: skip


def moved_figure(result: KernelChange) -> Figure:
    """Make a Figure that fits `draw_moved`."""
    return mosaic_figure(moved_mosaic(result), below=pair.NOTE)


def draw_moved(result: KernelChange, target: Figure | SubFigure) -> Axes:
    """Draw the kernels of each block that moved most, A's above B's."""
    return pair.draw_rows(moved_mosaic(result), target)
