"""Early and late blocks side by side: kernels by name, effect sizes, trends with depth.

Every ``draw_...`` takes an `EarlyLate` and a Figure or SubFigure of about `SIZES` inches; the
statements are in `viz.views.early_late.draw_shares`.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from viz.plot.effect_rows import NAMES, draw_effect_rows, effect_boxes
from viz.plot.frame import MARGIN, inches, narrow, panel
from viz.plot.mosaic import grid_layout, limits, signed_tiles
from viz.plot.style import GREY, MM, ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS
from viz.views.early_late.result import EarlyLate
from viz.views.kernels.colours import NAME_STYLES, area_handles
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.draw import Mosaic, draw_mosaic, mosaic_figure, scale_text, with_gutters

EARLY, LATE, INIT = ORANGE, TEAL, GREY
"""Colours of the groups and of randomly initialised kernels."""
SIZES = {"effects": (TWO_COLUMNS, 66 * MM), "depth": (TWO_COLUMNS, 88 * MM)}
"""Width and height in inches that suit each figure."""
NARROW = {"effects": 120 * MM, "depth": 128 * MM}
"""Height in one column."""
_BAR, _KEY_LINE = 0.16, 0.14
"""Inches of a bar of names, and of a line of its key."""


def blocks_text(blocks: NDArray[np.int64]) -> str:
    """Write blocks as ``"blocks 0–2"`` or ``"blocks 0, 2, 5"``."""
    numbers = [int(b) for b in blocks]
    if len(numbers) == 1:
        return f"block {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"blocks {numbers[0]}–{numbers[-1]}"
    return "blocks " + ", ".join(str(b) for b in numbers)


def mosaics(result: EarlyLate, width: float = TWO_COLUMNS) -> Mosaic:
    """Lay out as many early kernels on the left as late ones on the right, ordered by name.

    They are drawn at random from those that the result keeps. Colours of two blocks cannot be
    compared.
    """
    k = result.kernels.shape[-1]
    late = result.kernel_late.astype(bool)
    fewest = int(min(late.sum(), (~late).sum()))
    columns = min(8 if narrow(width) else 12, fewest)
    shown = min(fewest // columns, 8) * columns
    rng = np.random.default_rng(0)
    rank = np.array([KERNEL_NAMES.index(str(one)) for one in result.kernel_name])
    rows = []
    for side in (~late, late):
        chosen = np.sort(rng.choice(np.flatnonzero(side), shown, replace=False))
        rows.append(chosen[np.argsort(rank[chosen], kind="stable")])
    picked = np.concatenate(rows)
    layout = grid_layout([shown] * 2, (k, k), columns=columns, group_columns=2, head=k, edge=1)
    limit = limits(result.kernels, "block", result.kernel_block)[picked]
    return Mosaic(
        picture=with_gutters(layout, signed_tiles(result.kernels[picked], limit)),
        layout=layout,
        titles=tuple(
            f"{name}: {blocks_text(blocks)}"
            for name, blocks in (("early", result.early_blocks), ("late", result.late_blocks))
        ),
        scale_text=f"{shown} kernels of each group drawn at random, ordered by name; bars: share "
        "of each name among all kernels of the group. "
        + scale_text("kernel", "block", limit, "white is zero"),
        scale="block",
        limit=float("nan"),
        signed_map=True,
    )


def mosaics_figure(result: EarlyLate, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_mosaics`."""
    return mosaic_figure(mosaics(result, width), width=width, below=_bars(result, width)[2])


def _bars(result: EarlyLate, width: float) -> tuple[int, float, float]:
    """Return the columns of the names' key, its height, and the inches below the mosaic."""
    columns = 4 if narrow(width) else 7
    key = _KEY_LINE * -(-len(_names(result)) // columns)
    # On two columns it stands beside the key to the colours.
    return columns, key, _BAR + (key + 0.1 if narrow(width) else 0.02)


def _names(result: EarlyLate) -> list[int]:
    return np.flatnonzero(result.early_names + result.late_names > 0).tolist()


def draw_mosaics(result: EarlyLate, target: Figure | SubFigure) -> Axes:
    """Draw both groups' kernels side by side at one size, and the shares of their names below."""
    width, height = inches(target)
    mosaic = mosaics(result, width)
    columns, _, below = _bars(result, width)
    axes = draw_mosaic(mosaic, target, below=below)
    box, names = axes.get_position(), _names(result)
    across = mosaic.layout.shape[1]
    for (left, _, right, _), shares in zip(
        mosaic.layout.groups, (result.early_names, result.late_names), strict=True
    ):
        bar = target.add_axes(
            (box.x0 + box.width * left / across, box.y0 - (_BAR + 0.03) / height,
             box.width * (right - left) / across, _BAR / height)
        )  # fmt: skip
        bar.set_axis_off()
        bar.set(xlim=(0, 1), ylim=(0, 1))
        ends = np.cumsum(shares[names])
        bar.barh(
            0.5, shares[names], 1, ends - shares[names], edgecolor="white", linewidth=0.5,
            color=[NAME_STYLES[KERNEL_NAMES[i]].colour for i in names],
        )  # fmt: skip
    target.legend(
        handles=area_handles([KERNEL_NAMES[i] for i in names]), loc="lower left",
        ncols=min(columns, len(names)), handlelength=1.0, handleheight=1.0, columnspacing=1.2,
        handletextpad=0.5, borderaxespad=0, borderpad=0, labelspacing=0.25,
        bbox_to_anchor=(MARGIN / width, (0.32 if narrow(width) else MARGIN) / height),
    )  # fmt: skip
    return axes


def draw_effects(result: EarlyLate, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw Cliff's delta of every descriptor, and its trend with depth, with intervals.

    The thin grey interval keeps this network's blocks fixed: it is narrow because kernels are
    many, and says nothing about other networks. An effect of 1 means that no two kernels of the
    groups overlap, however small the gap; its interval rests on the number of blocks.
    """
    width, height = inches(target)
    percent = f"{100 * result.confidence:.0f}\u00a0%"
    intervals = np.stack([result.delta_interval, result.trend_interval])
    some = bool(np.isfinite(intervals).all(-1).any())
    over_blocks = (
        f"Black: {percent} interval of a bootstrap over blocks, then kernels; "
        if some
        else "Black: estimates alone, as there are too few blocks to draw from; "
    )
    stacked = narrow(width)
    first, second = ("Above", "Below") if stacked else ("Left", "Right")
    target.set_label(
        f"Early: {blocks_text(result.early_blocks)}; late: {blocks_text(result.late_blocks)}. "
        f"{first}: Cliff's delta, positive where late kernels have more. {second}: Spearman's "
        f"correlation with the block over all {len(result.blocks)} blocks. {over_blocks}grey: "
        f"{percent} over kernels alone, about this network only. {result.note}"
    )
    rows = np.arange(len(result.descriptors))[::-1]
    boxes = effect_boxes(target, (MARGIN, MARGIN + (0.48 if stacked else 0.2)), 2)
    axes = []
    for i, (estimate, interval, label) in enumerate(
        (
            (result.delta, result.delta_interval, "Cliff's delta (late − early)"),
            (result.trend, result.trend_interval, "Spearman's correlation with depth"),
        )
    ):
        one = panel(target, boxes[i])
        axes.append(one)
        if i == 0:
            _pairs(result, one, rows)
        draw_effect_rows(
            one, estimate, interval, label,
            names=result.descriptors if i == 0 or stacked else None,
        )  # fmt: skip
    handles = [
        Line2D([], [], color="black", marker="o", markersize=3.2, linewidth=1.1 * some,
               label="estimate" + f", {percent} over blocks and kernels" * some),
        Line2D([], [], color="#aaaaaa", linewidth=2, label="over kernels alone"),
        Line2D([], [], color=LATE, marker="|", markersize=5, linestyle="",
               label="each late block against each early one"),
    ]  # fmt: skip
    target.legend(
        handles=handles, ncols=1 if stacked else 3, fontsize=SMALL, frameon=False,
        loc="lower left", bbox_to_anchor=(MARGIN / width, (MARGIN + 0.02) / height),
        borderaxespad=0, borderpad=0.2, labelspacing=0.2,
    )  # fmt: skip
    return axes[0], axes[1]


def _pairs(result: EarlyLate, axes: Axes, rows: NDArray[np.int64]) -> None:
    """What stands behind a delta: kernels alone, and each pair of blocks."""
    # Above the estimate, whose point would hide it.
    axes.hlines(rows + 0.22, *result.delta_interval_kernels.T, color="#aaaaaa", linewidth=2)
    flat = result.delta_pairs.reshape(len(rows), -1)
    axes.plot(
        flat.T.ravel(), np.tile(rows, flat.shape[1]) - 0.24, "|", color=LATE, markersize=3.5,
        markeredgewidth=0.6, zorder=2, linestyle="",
    )  # fmt: skip


def draw_depth(result: EarlyLate, target: Figure | SubFigure) -> list[Axes]:
    """Draw every descriptor by block: median and quartiles, beside random initialisation.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    width, height = inches(target)
    target.set_label(
        "Points: medians of a block's kernels; bars: their quartiles. Grey: median and quartiles "
        "of randomly initialised kernels. Correlation: Spearman's of the blocks' medians with "
        "depth; p: of a permutation test of the blocks' order."
    )
    stacked = narrow(width)
    across = 2 if stacked else 4
    down = -(-len(result.descriptors) // across)
    left, gap_x, gap_y = 0.38, 0.42, 0.52
    each = (width - left - (across - 1) * gap_x - MARGIN) / across
    foot = MARGIN + 0.2 + 0.32 + 0.18 * stacked
    room = height - MARGIN - foot - 0.32
    tall = (room - (down - 1) * gap_y) / down
    early, late = (np.isin(result.blocks, g) for g in (result.early_blocks, result.late_blocks))
    axes = []
    for i, name in enumerate(result.descriptors):
        x = left + i % across * (each + gap_x)
        y = foot + (down - 1 - i // across) * (tall + gap_y)
        one = panel(target, (x, y, each, tall))
        axes.append(one)
        low, middle, high = result.init_quartiles[i]
        one.axhspan(low, high, color="#e8e8e8", zorder=0, linewidth=0)
        one.axhline(middle, color=INIT, linewidth=0.8, zorder=1, linestyle="--")
        for rows, colour, marker in (
            (~early & ~late, "#555555", "o"),
            (early, EARLY, "s"),
            (late, LATE, "D"),
        ):
            q = result.quartiles[i][rows]
            one.vlines(result.blocks[rows], q[:, 0], q[:, 2], color=colour, linewidth=1.2)
            one.plot(result.blocks[rows], q[:, 1], marker, color=colour, markersize=3.4)
        size = SMALL if stacked else TEXT
        one.set_title(NAMES.get(name, name), fontsize=size, pad=13, loc="left")
        rho, p = result.block_trend[i], result.block_trend_p[i]
        note = f"ρ = {rho:+.2f}, p = {p:.2g}".replace("-0.", "−0.") if np.isfinite(rho) else ""
        one.annotate(note, (0, 1), xytext=(0, 3), xycoords="axes fraction", fontsize=SMALL,
                     textcoords="offset points", color="#444444")  # fmt: skip
        if i // across == down - 1:
            one.set_xlabel("block", fontsize=SMALL)
        one.set_xticks(result.blocks if len(result.blocks) < 10 else result.blocks[::4])
        one.tick_params(width=0.4)
        one.spines[["top", "right"]].set_visible(False)
        one.margins(0.08, 0.12)
    _depth_legend(target, width, (MARGIN + 0.02) / height)
    return axes


def _depth_legend(target: Figure | SubFigure, width: float, y: float) -> None:
    handles = [
        Line2D([], [], color=EARLY, marker="s", markersize=3.4, linewidth=1.2, label="early"),
        Line2D([], [], color=LATE, marker="D", markersize=3.4, linewidth=1.2, label="late"),
        Line2D([], [], color="#555555", marker="o", markersize=3.4, linewidth=1.2, label="between"),
        Patch(facecolor="#e8e8e8", label="random initialisation"),
    ]
    target.legend(
        handles=handles, ncols=2 if narrow(width) else 4, fontsize=SMALL, frameon=False,
        loc="lower left", bbox_to_anchor=(MARGIN / width, y), borderaxespad=0, borderpad=0.2,
    )  # fmt: skip
