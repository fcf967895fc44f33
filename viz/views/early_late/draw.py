"""Early and late blocks side by side: kernels by name, statements, effect sizes, depth.

Every ``draw_...`` takes an `EarlyLate` and a Figure or SubFigure of about `SIZES` inches.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from viz.plot.effect_rows import descriptor_panels, draw_effect_rows, effect_boxes, with_quartiles
from viz.plot.frame import MARGIN, inches, legend_below, narrow, panel, plain_axes
from viz.plot.mosaic import grid_layout, limits, signed_tiles
from viz.plot.style import GREY, MM, ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS
from viz.views.early_late.result import (
    EARLY_NAMES,
    EARLY_STATEMENT,
    LATE_NAMES,
    LATE_STATEMENT,
    STATEMENTS,
    EarlyLate,
)
from viz.views.kernels.colours import NAME_COLOURS, SEEN, folded, key_above, names_key
from viz.views.kernels.result import DEFINITIONS, KERNEL_NAMES, STATEMENT_R2
from viz.views.weights.draw import Mosaic, draw_mosaic, mosaic_figure, scale_text, with_gutters
from viz.views.wording import blocks_words

EARLY, LATE, INIT = ORANGE, TEAL, GREY
"""Colours of the groups and of randomly initialised kernels."""
SIZES = {
    "statements": (TWO_COLUMNS, 82 * MM),
    "effects": (TWO_COLUMNS, 66 * MM),
    "depth": (TWO_COLUMNS, 88 * MM),
}
"""Width and height in inches that suit each figure."""
NARROW = {"statements": 98 * MM, "effects": 66 * MM, "depth": 128 * MM}
"""Height in one column."""
_BAR, _AXIS = 0.16, 0.36
"""Inches of a bar of names, and for its axis below."""
_LOOKS = {"early": (EARLY, "s"), "late": (LATE, "D"), "between": ("#555555", "o")}
_PERCENT = PercentFormatter(1, decimals=0, symbol="\u00a0%")


def _groups(result: EarlyLate) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the groups that there are, and which of all blocks are theirs."""
    early, late = result.side(False), result.side(True)
    for name, rows in (("early", early), ("late", late), ("between", ~early & ~late)):
        if rows.any():
            yield name, rows


def _handles(result: EarlyLate) -> list[Line2D]:
    """Return legend handles of the groups."""
    return [
        Line2D([], [], color=_LOOKS[name][0], marker=_LOOKS[name][1], markersize=3.5, linewidth=1,
               label=name) for name, _ in _groups(result)
    ]  # fmt: skip


def _block_ticks(result: EarlyLate, axes: Axes) -> None:
    few = len(result.blocks) < (10 if narrow(inches(axes.figure)[0]) else 16)
    axes.set_xticks(result.blocks if few else result.blocks[::4])


def mosaics(result: EarlyLate, width: float = TWO_COLUMNS) -> Mosaic:
    """Lay out as many early kernels on the left as late ones on the right, ordered by name."""
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
            f"{name}: {blocks_words(blocks.tolist())}"
            for name, blocks in (("early", result.early_blocks), ("late", result.late_blocks))
        ),
        scale_text=f"{shown} kernels of each group are drawn at random and ordered by name, as the "
        "key is. Bars: share of each name among all kernels of the group; other: names that fewer "
        f"than {100 * SEEN:.0f} % of either have. {scale_text('kernel', 'block', limit)}",
        scale="block",
        limit=float("nan"),
        signed_map=True,
    )


def mosaics_figure(result: EarlyLate, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_mosaics`."""
    below = _BAR + _AXIS + key_above(_bars(result)[0], width)
    return mosaic_figure(mosaics(result, width), width=width, below=below)


def _bars(result: EarlyLate) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names that the bars show and their shares, early and late."""
    return folded(np.stack([result.early_names, result.late_names], 1))


def draw_mosaics(result: EarlyLate, target: Figure | SubFigure) -> Axes:
    """Draw both groups' kernels side by side at one size, and the shares of their names below."""
    width, height = inches(target)
    mosaic = mosaics(result, width)
    names, bars = _bars(result)
    axes = draw_mosaic(mosaic, target, below=_BAR + _AXIS + key_above(names, width))
    box, across = axes.get_position(), mosaic.layout.shape[1]
    for (left, _, right, _), shares in zip(mosaic.layout.groups, bars.T, strict=True):
        bar = target.add_axes(
            (box.x0 + box.width * left / across, box.y0 - (_BAR + 0.03) / height,
             box.width * (right - left) / across, _BAR / height)
        )  # fmt: skip
        plain_axes(bar).set(xlim=(0, 1), ylim=(0, 1), yticks=[])
        bar.spines["left"].set_visible(False)
        bar.barh(
            0.5, shares, 1, np.cumsum(shares) - shares, edgecolor="white", linewidth=0.5,
            color=[NAME_COLOURS[name] for name in names],
        )  # fmt: skip
        ticks = np.linspace(0, 1, 6)
        first, *_, last = bar.set_xticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])
        first.label1.set_horizontalalignment("left")
        last.label1.set_horizontalalignment("right")
        bar.set_xlabel("share of the group's kernels (%)", fontsize=SMALL)
    names_key(target, names)
    return axes


def draw_statements(result: EarlyLate, target: Figure | SubFigure) -> list[Axes]:
    """Draw how many kernels the two statements are true of, by block and by threshold.

    A picture that explains half of a kernel's energy need not be the one that explains the most:
    the dotted line counts names, for which all pictures compete.
    """
    width, height = inches(target)
    target.set_label(
        "A statement is true of a kernel if one picture of what it says explains at least half of "
        "the kernel's energy (its squared weights): left, by block. Right: the same with another "
        "limit than half. By name: kernels that are called on-centre (above) and edge, bar or ring "
        "(below)."
    )
    stacked = narrow(width)
    left, gap = 0.55, 0.42 if stacked else 0.5
    each = (width - left - gap - MARGIN - 0.05) / 2
    legend, axis = (0.34, 0.56) if stacked else (0.17, 0.36)
    room = (height - 2 * MARGIN - legend) / 2
    out = []
    for row, (group, statement, names) in enumerate(
        (("early", EARLY_STATEMENT, EARLY_NAMES), ("late", LATE_STATEMENT, LATE_NAMES))
    ):
        base = MARGIN + legend + (1 - row) * room
        one, two = (
            panel(target, (left + i * (each + gap), base + axis, each, room - axis - 0.3))
            for i in (0, 1)
        )
        _by_block(result, one, statement, names)
        _by_threshold(result, two, statement)
        for axes in (one, two):
            # Room below 0, so that a share of nothing does not hide under the axis.
            axes.set_ylim(-0.05, 1)
            axes.set_yticks(np.linspace(0, 1, 6 - 3 * stacked))
            axes.yaxis.set_major_formatter(_PERCENT)
        one.set_ylabel("share of kernels", fontsize=SMALL)
        target.text(
            MARGIN / width, (base + room - 0.04) / height,
            f"Said of {group} kernels: {STATEMENTS[statement]}", fontsize=TEXT, va="top",
        )  # fmt: skip
        out += [one, two]
    handles = [
        *_handles(result),
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="by name"),
        Line2D([], [], color=INIT, linewidth=1, linestyle="--", label="random initialisation"),
    ]
    legend_below(target, handles, 3 if stacked else 5)
    return out


def _by_block(result: EarlyLate, axes: Axes, row: int, names: tuple[str, ...]) -> None:
    axes.axhline(result.threshold_init[result.at, row], color=INIT, linewidth=1, linestyle="--")
    share = result.statement_shares[:, row]
    axes.plot(result.blocks, share, color="#777777", linewidth=0.8)
    for name, rows in _groups(result):
        colour, marker = _LOOKS[name]
        axes.plot(result.blocks[rows], share[rows], marker, color=colour, markersize=4, zorder=3,
                  clip_on=False)  # fmt: skip
    named = result.name_shares[:, [result.kernel_names.index(name) for name in names]].sum(1)
    axes.plot(result.blocks, named, ":", color="black", linewidth=0.8)
    axes.set_xlabel("block", fontsize=SMALL)
    _block_ticks(result, axes)


def _by_threshold(result: EarlyLate, axes: Axes, row: int) -> None:
    x = result.thresholds
    axes.plot(x, result.threshold_init[:, row], "--", color=INIT, linewidth=1)
    for i, name in enumerate(("early", "late")):
        colour, marker = _LOOKS[name]
        axes.plot(x, result.threshold_shares[:, row, i], "-", marker=marker, color=colour,
                  markersize=3.5, linewidth=1, clip_on=False)  # fmt: skip
    axes.axvline(STATEMENT_R2, color="black", linewidth=0.6, linestyle=":")
    axes.text(
        STATEMENT_R2, 0.99, " as on the left", fontsize=SMALL, va="top", ha="left",
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    stacked = narrow(inches(axes.figure)[0])
    axes.set_xticks(x[::2] if stacked else x)
    axes.xaxis.set_major_formatter(_PERCENT)
    between = "\n" if stacked else " "
    axes.set_xlabel(between.join(("energy that the", "picture must explain")), fontsize=SMALL)


def draw_effects(result: EarlyLate, target: Figure | SubFigure) -> Axes:
    """Draw Cliff's delta of every descriptor, of every pair of blocks, and its interval.

    An effect of 1 means that no two kernels of the groups overlap, however small the gap; its
    interval rests on the number of blocks.
    """
    some = bool(np.isfinite(result.delta_interval).any())
    early, late = (blocks_words(b.tolist()) for b in (result.early_blocks, result.late_blocks))
    target.set_label(
        f"Early: {early}; late: {late}. "
        "Cliff's delta: of all pairs of a late and an early kernel, the share in which the late "
        "one has the larger value, minus the share in which the early one has. Points: all kernels"
        f"{'; bars: 95 % intervals over blocks' * some}; ticks: each late block against each early "
        f"one. {DEFINITIONS} {result.note}"
    )
    rows = np.arange(len(result.descriptors))[::-1]
    axes = panel(target, effect_boxes(target, (MARGIN + 0.14, MARGIN + 0.2), 1)[0])
    draw_effect_rows(
        axes, result.delta, result.delta_interval, "Cliff's delta", names=result.descriptors
    )
    for side, words in (("left", "← larger in early"), ("right", "larger in late →")):
        axes.set_title(words, loc=side, fontsize=SMALL, pad=2)  # type: ignore[arg-type]
    flat = result.delta_pairs.reshape(len(rows), -1)
    axes.plot(
        flat.T.ravel(), np.tile(rows, flat.shape[1]) - 0.24, "|", color=LATE, markersize=3.5,
        markeredgewidth=0.6, linestyle="",
    )  # fmt: skip
    handles = [
        Line2D([], [], color="black", marker="o", markersize=3.2, linewidth=1.1 * some,
               label="all kernels" + ", 95\u00a0% interval over blocks" * some),
        Line2D([], [], color=LATE, marker="|", markersize=5, linestyle="",
               label="each pair of blocks"),
    ]  # fmt: skip
    legend_below(target, handles, 2)
    return axes


def draw_depth(result: EarlyLate, target: Figure | SubFigure) -> list[Axes]:
    """Draw every descriptor by block: median and quartiles, beside random initialisation.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    target.set_label(
        "Points: medians of a block's kernels; bars: their quartiles, within which half of them "
        "lie. Grey: median (dashed) and quartiles of randomly initialised kernels. ρ: Spearman's "
        "rank correlation of the blocks' medians with depth; p: how often blocks in random order "
        f"have one as strong. {DEFINITIONS}"
    )
    notes = [
        f"ρ = {rho:+.2f}, p {f'= {p:.2g}' if p >= 0.001 else '< 0.001'}".replace("-", "−")
        if np.isfinite(rho)
        else ""
        for rho, p in zip(result.block_trend, result.block_trend_p, strict=True)
    ]
    lines = 2 if narrow(inches(target)[0]) else 1
    panels = descriptor_panels(target, result.descriptors, notes, below=0.18 * lines)
    for i, axes in enumerate(panels):
        low, middle, high = result.init_quartiles[i]
        axes.axhspan(low, high, color="#e8e8e8", zorder=0, linewidth=0)
        axes.axhline(middle, color=INIT, linewidth=0.8, zorder=1, linestyle="--")
        for name, rows in _groups(result):
            colour, marker = _LOOKS[name]
            with_quartiles(axes, result.blocks[rows], result.quartiles[i][rows], colour, marker)
        _block_ticks(result, axes)
    handles = [*_handles(result), Patch(facecolor="#e8e8e8", label="random initialisation")]
    legend_below(target, handles, 4 // lines)
    return panels
