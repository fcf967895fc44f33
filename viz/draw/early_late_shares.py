"""Early and late blocks: the two statements with their thresholds.

Every ``draw_...`` takes an `EarlyLate` and a Figure or SubFigure of about `SIZES` inches.
"""

from __future__ import annotations

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from viz.draw.early_late import EARLY, INIT, LATE
from viz.draw.frame import MARGIN, heading, inches, narrow, wrapped
from viz.draw.style import MM, SMALL, TWO_COLUMNS
from viz.results.early_late import EARLY_STATEMENT, LATE_STATEMENT, STATEMENTS, EarlyLate

__all__ = ["NARROW", "SIZES", "draw_statements"]

SIZES = {"statements": (TWO_COLUMNS, 114 * MM)}
"""Width and height in inches that suit each figure."""
NARROW = {"statements": 136 * MM}
"""Height in one column, without the note."""
_BAND, _THIN = "#e3e3e3", 1.5
"""Of what random networks give; points of its border, which shows a band of no height."""


def _plain_axes(axes: Axes) -> None:
    axes.tick_params(labelsize=SMALL, length=2, width=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def draw_statements(result: EarlyLate, target: Figure | SubFigure) -> list[Axes]:
    """Draw how many kernels the two statements are true of, by block and by threshold.

    Read every share against the grey band, which is what random kernels give: half of them have
    more odd than even energy, a quarter is positive inside and negative around.
    """
    width, height = inches(target)
    texts = ["\n".join(wrapped(_minus(verdict.shares), width)) for verdict in result.verdicts]
    above, below = heading(
        target,
        result.source.name,
        "what is said of ConvMixers' kernels",
        f"Grey band: smallest to largest share in {len(result.init_statements)} randomly "
        "initialised networks. Coloured bands: over the inner radii "
        f"{', '.join(f'{r:g}' for r in result.radii)} taps. {result.note}",
    )
    stacked = narrow(width)
    left, gap = 0.55, 0.42 if stacked else 0.5
    each = (width - left - gap - MARGIN - 0.05) / 2
    legend, axis = (0.34, 0.46) if stacked else (0.17, 0.36)
    room = (height - above - below - legend) / 2
    out = []
    for row, text in enumerate(texts):
        base = below + legend + (1 - row) * room
        tall = room - axis - 0.2 - 0.1 * (text.count("\n") + 1)
        boxes = [
            ((left + i * (each + gap)) / width, (base + axis) / height, each / width, tall / height)
            for i in (0, 1)
        ]
        one, two = (target.add_axes(box) for box in boxes)
        _by_block(result, one, LATE_STATEMENT if row else EARLY_STATEMENT)
        (_ring_thresholds if row else _rest_thresholds)(result, two)
        for axes in (one, two):
            # Room below 0, so that a share of nothing does not hide under the axis.
            axes.set_ylim(-0.05, 1)
            axes.set_yticks(np.linspace(0, 1, 6 - 3 * stacked))
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u00a0%"))
            _plain_axes(axes)
        one.set_ylabel("share of kernels", fontsize=SMALL)
        target.text(
            MARGIN / width, (base + room - 0.02) / height, text, fontsize=SMALL, va="top",
            parse_math=False,
        )  # fmt: skip
        out += [one, two]
    _legend(result, target, (MARGIN / width, (below + 0.02) / height))
    return out


def _minus(sentence: str) -> str:
    return re.sub(r"(?<!\w)-(?=\d)", "−", sentence)


def _legend(result: EarlyLate, target: Figure | SubFigure, corner: tuple[float, float]) -> None:
    grouped = np.isin(result.blocks, np.concatenate([result.early_blocks, result.late_blocks]))
    handles = [
        Line2D([], [], color=EARLY, marker="s", markersize=3.5, linewidth=1, label="early"),
        Line2D([], [], color=LATE, marker="D", markersize=3.5, linewidth=1, label="late"),
        *[Line2D([], [], color="#555555", marker="o", markersize=3.5, linestyle="",
                 label="between")][: int((~grouped).any())],
        Patch(facecolor=_BAND, label="random initialisation"),
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label=STATEMENTS[1]),
        Line2D([], [], color="black", linewidth=0.8, linestyle="-.", label=STATEMENTS[2]),
    ]  # fmt: skip
    target.legend(
        handles=handles, ncols=2 if narrow(inches(target)[0]) else 6, fontsize=SMALL,
        frameon=False, loc="lower left", bbox_to_anchor=corner, borderaxespad=0, borderpad=0.1,
        columnspacing=1.0, handlelength=1.8,
    )  # fmt: skip


def _by_block(result: EarlyLate, axes: Axes, row: int) -> None:
    chance = result.init_statements[:, row]
    axes.axhspan(chance.min(), chance.max(), color=_BAND, zorder=0, linewidth=_THIN)
    axes.axhline(chance.mean(), color=INIT, linewidth=0.8, linestyle="--", zorder=1)
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
    if row == LATE_STATEMENT:
        for part, style in ((1, ":"), (2, "-.")):
            axes.plot(
                result.blocks, result.statement_shares[:, part], style, color="black", linewidth=0.8
            )
    axes.set_xlabel("block", fontsize=SMALL)
    few = 10 if narrow(inches(axes.figure)[0]) else 16
    axes.set_xticks(result.blocks if len(result.blocks) < few else result.blocks[::4])


def _curves(
    axes: Axes, x: NDArray[np.float64], shares: NDArray[np.float64], chance: NDArray[np.float64]
) -> None:
    """Early and late shares at the usual radius, or the only one, over those of chance."""
    axes.fill_between(x, chance.min(-1), chance.max(-1), color=_BAND, linewidth=_THIN, zorder=0)
    axes.plot(x, chance.mean(-1), "--", color=INIT, linewidth=0.8, zorder=1)
    for i, (colour, marker) in enumerate(((EARLY, "s"), (LATE, "D"))):
        axes.plot(x, shares[:, i], "-", marker=marker, color=colour, markersize=3.5, linewidth=1,
                  clip_on=False)  # fmt: skip


def _rest_thresholds(result: EarlyLate, axes: Axes) -> None:
    _curves(axes, result.rest_thresholds, result.rest_shares, result.rest_init)
    _mark(axes, float(result.source.settings["negative_rest"]))
    _words(axes, "share of the other taps", "that must be negative")


def _ring_thresholds(result: EarlyLate, axes: Axes) -> None:
    x, radius = result.odd_thresholds, float(result.source.settings["inside_radius"])
    if len(result.radii):
        for i, colour in ((0, EARLY), (1, LATE)):
            band = result.ring_shares[..., i]
            axes.fill_between(x, band.min(1), band.max(1), color=colour, alpha=0.18, linewidth=0)
        usual = int(np.abs(result.radii - radius).argmin())
        _curves(axes, x, result.ring_shares[:, usual], result.ring_init[:, usual])
    _mark(axes, float(result.source.settings["odd_energy"]))
    _words(axes, "odd energy that", "halves must exceed")


def _words(axes: Axes, *lines: str) -> None:
    """Name the axis across, on as many lines in one column."""
    between = "\n" if narrow(inches(axes.figure)[0]) else " "
    axes.set_xlabel(between.join(lines), fontsize=SMALL)


def _mark(axes: Axes, usual: float) -> None:
    axes.axvline(usual, color="black", linewidth=0.6, linestyle=":")
    axes.text(
        usual, 0.99, " threshold used", fontsize=SMALL, va="top", ha="left",
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip
