"""Depthwise kernels before and after: how far they moved, which names changed, and pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from viz.plot.effect_rows import with_quartiles
from viz.plot.frame import MARGIN, inches, panel, panel_boxes
from viz.plot.mosaic import limits, signed_tiles
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.compare.draw import COLOURS, pair_label, pairs_mosaic
from viz.views.compare_kernels.result import KernelChange, kappa
from viz.views.kernels.colours import minus
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.draw import Mosaic, draw_mosaic, mosaic_figure

SIZES = {"moving": (TWO_COLUMNS, 54 * MM)}
"""Width and height in inches that suit the figure."""
_BLOCKS = 16
"""Blocks whose kernels are shown at the most."""
_ROW, _KAPPA, _POINT = 0.19, "#009e73", "#333333"


def draw_moving(result: KernelChange, target: Figure | SubFigure) -> list[Axes]:
    """Draw by block how far kernels moved: relative change, cosine, ratio of norms.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    width, height = inches(target)
    pair_label(
        result,
        target,
        "Points: medians of a block's kernels; bars: their quartiles, which are spread and not "
        "uncertainty. Crosses: medians if B's channels were in a random order. Channels "
        f"correspond: their mean cosine over all blocks is {result.index_similarity:.2f}, and at "
        f"most {result.permuted_similarity.max():.2f} after "
        f"{len(result.permuted_similarity)} random permutations.",
    )
    boxes = panel_boxes(
        width, (MARGIN + 0.34, height - MARGIN - 0.06), 3, left=0.45, beside=0.55, between=0
    )
    out = [panel(target, box) for box in boxes]
    for axes, name, label in zip(
        out,
        ("relative_change", "cosine", "norm_ratio"),
        ("relative change |B − A| / |A|", "cosine of A and B", "ratio of norms |B| / |A|"),
        strict=True,
    ):
        with_quartiles(axes, result.blocks, result.quartiles(name), _POINT, "o")
        axes.set_ylabel(label, fontsize=TEXT, labelpad=1)
        _by_block(result, axes)
    out[0].plot(result.blocks, result.permuted_change, "x", color="#777777", markersize=3.6)
    for axes, level in zip(out[1:], (0, 1), strict=True):
        axes.axhline(level, color="#888888", linewidth=0.6, zorder=0)
    out[0].set_ylim(bottom=0)
    out[1].set_ylim(top=1.02)
    return out


def _by_block(result: KernelChange, axes: Axes) -> None:
    axes.set_xlim(-0.6, len(result.blocks) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("block", fontsize=TEXT, labelpad=1)


def _shown(result: KernelChange) -> list[int]:
    total = result.migration.sum(0)
    return np.flatnonzero(total.any(0) | total.any(1)).tolist()


def migration_figure(result: KernelChange) -> Figure:
    """Make a Figure that fits `draw_migration`."""
    return new_figure(TWO_COLUMNS, max(len(_shown(result)), 5) * _ROW + 0.98)


def draw_migration(result: KernelChange, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw how many kernels went from which name to which, and how many stayed, by block.

    Kernels near the border between two names change theirs without changing much.
    """
    width, height = inches(target)
    total = result.migration.sum(0)
    agree = kappa(total)
    known = f"; over all blocks {agree:.2f}" if np.isfinite(agree) else ""
    pair_label(
        result,
        target,
        "Left: kernels by name in A (rows, with their number) and in B (columns), all blocks; "
        "colour: share of the row, white 0 to dark 100 %; framed: unchanged. Right: share of "
        "each block's kernels that "
        f"kept their name or have none in both, and Cohen's kappa, where 0 is chance{known}.",
    )
    shown = _shown(result)
    table = total[np.ix_(shown, shown)]
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    names = [minus(KERNEL_NAMES[i]) for i in shown]
    left, gap, side = 1.12, 0.62, 1.9
    low, top = 0.36, height - 0.6
    across = width - left - gap - side - MARGIN
    one = panel(target, (left, low, across, top - low))
    n = len(shown)
    one.imshow(share, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for i in range(n):
        one.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1],
                                linewidth=0.8))  # fmt: skip
    one.set_xticks(range(n), names, fontsize=SMALL, rotation=90)
    one.xaxis.tick_top()
    sums = table.sum(1)
    one.set_yticks(range(n), [f"{name} ({k:,})" for name, k in zip(names, sums, strict=True)],
                   fontsize=SMALL)  # fmt: skip
    one.tick_params(length=0, pad=2)
    one.set_xlabel("name in B", fontsize=TEXT, labelpad=2)
    one.xaxis.set_label_position("bottom")
    one.set_ylabel("name in A", fontsize=TEXT, labelpad=1)
    two = panel(target, (width - side - MARGIN, low, side, top - low))
    two.plot(result.blocks, 100 * result.stayed, "o-", color="black", markersize=3.4, linewidth=0.9,
             label="name kept")  # fmt: skip
    two.plot(result.blocks, 100 * result.kappas, "^--", color=_KAPPA, markersize=3.6, linewidth=0.9,
             label="Cohen's kappa")  # fmt: skip
    two.set_ylim(min(-2, 100 * float(np.nanmin(result.kappas, initial=0.0)) - 5), 102)
    _by_block(result, two)
    two.set_ylabel("name kept (%); kappa (%)", labelpad=1)
    two.legend(
        fontsize=SMALL, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
        borderaxespad=0.1, columnspacing=0.9, handlelength=1.6,
    )  # fmt: skip
    return one, two


def moved_mosaic(result: KernelChange) -> Mosaic:
    """Lay out the kernels of each block that moved most, A's above B's.

    These are a block's extremes, not its typical kernels. A pair shares one colour scale.
    """
    k, n = result.kernels_a.shape[-1], len(result.blocks)
    # Evenly spaced ones, so that the figure fits a page.
    blocks = result.blocks[np.linspace(0, n - 1, min(n, _BLOCKS)).round().astype(np.int64)]
    shown = np.isin(result.block[result.moved], blocks)
    block, moved = result.block[result.moved][shown], result.moved[shown]
    before, after = result.kernels_a[shown], result.kernels_b[shown]
    both = np.concatenate([before, after], axis=1)
    limit = limits(both, "tile", np.zeros(len(both), np.int64))
    sizes = [int((block == b).sum()) for b in blocks]
    titles = []
    for b in blocks:
        middle = result.quartiles("relative_change")[b, 1]
        change = result.relative_change[moved[block == b]]
        if np.isfinite(change).any():
            low, high = np.nanmin(change), np.nanmax(change)
            titles.append(f"block {b}: {low:.2f} to {high:.2f} (block's median {middle:.2f})")
        else:
            titles.append(f"block {b}: was zero")
    first, second = result.names
    return pairs_mosaic(
        signed_tiles(before, limit),
        signed_tiles(after, limit),
        sizes,
        tuple(titles),
        f"A ({first}) stands above B ({second}): the {max(sizes)} kernels of each block with the "
        "largest change |B − A| / |A|, largest first; the numbers are that change. "
        f"{f'Shown are {len(blocks)} of {n} blocks. ' * (len(blocks) < n)}Each pair has "
        "its own colour scale, to its largest |weight|; white is zero.",
        columns=max(sizes),
        group_columns=2 if len(sizes) > 1 else 1,
        gap=2,
        group_gap=k,
        head=k,
    )


def moved_figure(result: KernelChange) -> Figure:
    """Make a Figure that fits `draw_moved`."""
    return mosaic_figure(moved_mosaic(result))


def draw_moved(result: KernelChange, target: Figure | SubFigure) -> Axes:
    """Draw the kernels of each block that moved most, A's above B's."""
    return draw_mosaic(moved_mosaic(result), target)
