"""Early and late blocks: of how many kernels the two statements are true.

Every ``draw_...`` takes an `EarlyLate` and a Figure or SubFigure of about `SIZES` inches.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from viz.plot.frame import MARGIN, inches, narrow
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS
from viz.views.early_late.draw import EARLY, INIT, LATE
from viz.views.early_late.result import (
    EARLY_NAMES,
    EARLY_STATEMENT,
    LATE_NAMES,
    LATE_STATEMENT,
    STATEMENTS,
    EarlyLate,
)
from viz.views.kernels.result import STATEMENT_R2

SIZES = {"statements": (TWO_COLUMNS, 82 * MM)}
"""Width and height in inches that suit each figure."""
NARROW = {"statements": 98 * MM}
"""Height in one column."""


def draw_statements(result: EarlyLate, target: Figure | SubFigure) -> list[Axes]:
    """Draw how many kernels the two statements are true of, by block and by threshold.

    A picture that explains half of a kernel's energy need not be the one that explains the most:
    the dotted line counts names, for which all pictures compete.
    """
    width, height = inches(target)
    target.set_label(
        "Left: one such picture explains at least half of the kernel's energy; right: as much as "
        "the axis says. Dotted: kernels so called, on-centre (above) and edge, bar or ring (below)."
    )
    stacked = narrow(width)
    left, gap = 0.55, 0.42 if stacked else 0.5
    each = (width - left - gap - MARGIN - 0.05) / 2
    legend, axis = (0.34, 0.56) if stacked else (0.17, 0.36)
    room = (height - 2 * MARGIN - legend) / 2
    out = []
    for row, (group, statement, names) in enumerate(
        (("Early", EARLY_STATEMENT, EARLY_NAMES), ("Late", LATE_STATEMENT, LATE_NAMES))
    ):
        base = MARGIN + legend + (1 - row) * room
        tall = room - axis - 0.3
        boxes = [
            ((left + i * (each + gap)) / width, (base + axis) / height, each / width, tall / height)
            for i in (0, 1)
        ]
        one, two = (target.add_axes(box) for box in boxes)
        _by_block(result, one, statement, names)
        _by_threshold(result, two, statement)
        for axes in (one, two):
            # Room below 0, so that a share of nothing does not hide under the axis.
            axes.set_ylim(-0.05, 1)
            axes.set_yticks(np.linspace(0, 1, 6 - 3 * stacked))
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u00a0%"))
            axes.tick_params(labelsize=SMALL, length=2, width=0.4)
            axes.spines[["top", "right"]].set_visible(False)
        one.set_ylabel("share of kernels", fontsize=SMALL)
        target.text(
            MARGIN / width, (base + room - 0.04) / height, f"{group}: {STATEMENTS[statement]}",
            fontsize=TEXT, va="top",
        )  # fmt: skip
        out += [one, two]
    _legend(result, target, (MARGIN / width, (MARGIN + 0.02) / height))
    return out


def _legend(result: EarlyLate, target: Figure | SubFigure, corner: tuple[float, float]) -> None:
    grouped = np.isin(result.blocks, np.concatenate([result.early_blocks, result.late_blocks]))
    handles = [
        Line2D([], [], color=EARLY, marker="s", markersize=3.5, linewidth=1, label="early"),
        Line2D([], [], color=LATE, marker="D", markersize=3.5, linewidth=1, label="late"),
        *[Line2D([], [], color="#555555", marker="o", markersize=3.5, linestyle="",
                 label="between")][: int((~grouped).any())],
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="by name"),
        Line2D([], [], color=INIT, linewidth=1, linestyle="--", label="random initialisation"),
    ]  # fmt: skip
    target.legend(
        handles=handles, ncols=3 if narrow(inches(target)[0]) else 5, fontsize=SMALL,
        frameon=False, loc="lower left", bbox_to_anchor=corner, borderaxespad=0, borderpad=0.1,
        columnspacing=1.0, handlelength=1.8,
    )  # fmt: skip


def _by_block(result: EarlyLate, axes: Axes, row: int, names: tuple[str, ...]) -> None:
    at = int(np.abs(result.thresholds - STATEMENT_R2).argmin())
    axes.axhline(result.threshold_init[at, row], color=INIT, linewidth=1, linestyle="--", zorder=1)
    share = result.statement_shares[:, row]
    axes.plot(result.blocks, share, color="#777777", linewidth=0.8, zorder=2)
    early = np.isin(result.blocks, result.early_blocks)
    late = np.isin(result.blocks, result.late_blocks)
    for rows, colour, marker in (
        (early, EARLY, "s"),
        (late, LATE, "D"),
        (~early & ~late, "#555555", "o"),
    ):
        axes.plot(result.blocks[rows], share[rows], marker, color=colour, markersize=4, zorder=3,
                  clip_on=False)  # fmt: skip
    named = result.name_shares[:, [result.kernel_names.index(name) for name in names]].sum(1)
    axes.plot(result.blocks, named, ":", color="black", linewidth=0.8)
    axes.set_xlabel("block", fontsize=SMALL)
    few = 10 if narrow(inches(axes.figure)[0]) else 16
    axes.set_xticks(result.blocks if len(result.blocks) < few else result.blocks[::4])


def _by_threshold(result: EarlyLate, axes: Axes, row: int) -> None:
    x = result.thresholds
    axes.plot(x, result.threshold_init[:, row], "--", color=INIT, linewidth=1, zorder=1)
    for i, (colour, marker) in enumerate(((EARLY, "s"), (LATE, "D"))):
        axes.plot(x, result.threshold_shares[:, row, i], "-", marker=marker, color=colour,
                  markersize=3.5, linewidth=1, clip_on=False)  # fmt: skip
    axes.axvline(STATEMENT_R2, color="black", linewidth=0.6, linestyle=":")
    axes.text(
        STATEMENT_R2, 0.99, " used", fontsize=SMALL, va="top", ha="left",
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    stacked = narrow(inches(axes.figure)[0])
    axes.set_xticks(x[::2] if stacked else x)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u00a0%"))
    between = "\n" if stacked else " "
    axes.set_xlabel(between.join(("energy that the", "picture must explain")), fontsize=SMALL)
