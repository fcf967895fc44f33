"""Depthwise kernels before and after: how far they moved, which names changed, and pictures."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import grid_layout, limits, signed_tiles
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS, new_figure, page_colour
from viz.views.compare.draw import COLOURS, pair_label, plain
from viz.views.compare_kernels.result import KernelChange, kappa
from viz.views.kernels.colours import minus
from viz.views.weights.draw import Mosaic, draw_mosaic, mosaic_figure

SIZES = {"moving": (TWO_COLUMNS, 54 * MM)}
"""Width and height in inches that suit the figure."""
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
        f"correspond: mean cosine over all blocks {result.index_similarity:.2f}, after "
        f"{len(result.permuted_similarity)} random permutations at most "
        f"{result.permuted_similarity.max():.2f}.",
    )
    left, gap = 0.45, 0.55
    each = (width - left - 2 * gap - MARGIN) / 3
    low, top = MARGIN + 0.34, height - MARGIN - 0.06
    out = []
    for i, (name, label) in enumerate(
        (
            ("relative_change", "relative change |B − A| / |A|"),
            ("cosine", "cosine of A and B"),
            ("norm_ratio", "ratio of norms |B| / |A|"),
        )
    ):
        axes = panel(target, (left + i * (each + gap), low, each, top - low))
        out.append(axes)
        q = result.quartiles(name)
        axes.vlines(result.blocks, q[:, 0], q[:, 2], color=_POINT, linewidth=1.3)
        axes.plot(result.blocks, q[:, 1], "o", color=_POINT, markersize=3.6)
        if i == 0:
            axes.plot(result.blocks, result.permuted_change, "x", color="#777777", markersize=3.6)
            axes.set_ylim(bottom=0)
        if i == 1:
            axes.axhline(0, color="#888888", linewidth=0.6, zorder=0)
            axes.set_ylim(top=1.02)
        if i == 2:
            axes.axhline(1, color="#888888", linewidth=0.6, zorder=0)
        axes.set_xlim(-0.6, len(result.blocks) - 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("block", fontsize=TEXT, labelpad=1)
        axes.set_ylabel(label, fontsize=TEXT, labelpad=1)
        plain(axes)
    return out


def _shown(result: KernelChange) -> list[int]:
    total = result.migration.sum(0)
    return [i for i in range(len(result.kernel_names)) if total[i].any() or total[:, i].any()]


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
        f"kept their name, and Cohen's kappa, where 0 is chance{known}.",
    )
    shown = _shown(result)
    table = total[np.ix_(shown, shown)]
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    names = [minus(result.kernel_names[i]) for i in shown]
    left, gap, side = 1.12, 0.62, 1.9
    low, top = 0.36, height - 0.6
    across = width - left - gap - side - MARGIN
    one = panel(target, (left, low, across, top - low))
    n = len(shown)
    one.imshow(share, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for i in range(n):
        one.add_patch(mpl.patches.Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False,
                                            edgecolor=COLOURS[1], linewidth=0.8))  # fmt: skip
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
    two.plot(result.blocks, result.stayed, "o-", color="black", markersize=3.4, linewidth=0.9)
    two.plot(result.blocks, result.kappas, "^--", color=_KAPPA, markersize=3.6, linewidth=0.9)
    two.set_ylim(min(-0.02, float(np.nanmin(result.kappas, initial=0.0)) - 0.05), 1.02)
    two.set_xlim(-0.6, len(result.blocks) - 0.4)
    two.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    two.set_xlabel("block", fontsize=TEXT, labelpad=1)
    two.set_ylabel("name kept (%); kappa (%)", labelpad=1)
    two.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    plain(two)
    two.legend(
        handles=[
            Line2D([], [], color="black", marker="o", markersize=3.4, linewidth=0.9,
                   label="name kept"),
            Line2D([], [], color=_KAPPA, marker="^", markersize=3.6, linewidth=0.9,
                   linestyle="--", label="Cohen's kappa"),
        ],
        fontsize=SMALL, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
        borderaxespad=0.1, columnspacing=0.9, handlelength=1.6,
    )  # fmt: skip
    return one, two


def moved_mosaic(result: KernelChange) -> Mosaic:
    """Lay out the kernels of each block that moved most, A's above B's.

    These are a block's extremes, not its typical kernels. A pair shares one colour scale.
    """
    k = result.kernels_a.shape[-1]
    both = np.concatenate([result.kernels_a, result.kernels_b], axis=1)
    limit = limits(both, "tile", np.zeros(len(both), np.int64))
    above, below = (signed_tiles(each, limit) for each in (result.kernels_a, result.kernels_b))
    gap = np.full((len(both), 1, k, 3), page_colour(), np.uint8)
    block = result.block[result.moved]
    sizes = [int((block == b).sum()) for b in result.blocks]
    across = 2 if len(sizes) > 1 else 1
    layout = grid_layout(sizes, (2 * k + 1, k), columns=max(sizes), group_columns=across, gap=2,
                         group_gap=k, head=k)  # fmt: skip
    medians = result.quartiles("relative_change")[:, 1]
    titles = []
    for b, middle in zip(result.blocks, medians, strict=True):
        change = result.relative_change[result.moved[block == b]]
        if np.isfinite(change).any():
            low, high = np.nanmin(change), np.nanmax(change)
            titles.append(f"block {b}: {low:.2f} to {high:.2f} (block's median {middle:.2f})")
        else:
            titles.append(f"block {b}: was zero")
    a, b = result.names
    return Mosaic(
        picture=layout.place(np.concatenate([above, gap, below], axis=1)),
        layout=layout,
        titles=tuple(titles),
        scale_text=f"A ({a}) above B ({b}); the {max(sizes)} kernels of each block with the "
        "largest change |B − A| / |A|, largest first; numbers: that change. Each pair has its own "
        "colour scale, to its largest |weight|; white is zero.",
        scale="tile",
        limit=float("nan"),
        signed_map=True,
    )


def moved_figure(result: KernelChange) -> Figure:
    """Make a Figure that fits `draw_moved`."""
    return mosaic_figure(moved_mosaic(result))


def draw_moved(result: KernelChange, target: Figure | SubFigure) -> Axes:
    """Draw the kernels of each block that moved most, A's above B's."""
    return draw_mosaic(moved_mosaic(result), target)
