"""Two networks side by side: facts, names by depth, differences of names and descriptors.

Every ``draw_...`` takes a `NetworkComparison` and a Figure or SubFigure of about `SIZES` inches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from viz.plot.effect_rows import draw_effect_rows, effect_boxes
from viz.plot.frame import MARGIN, inches, narrow, panel, panel_boxes
from viz.plot.style import MM, ORANGE, SMALL, TEAL, TWO_COLUMNS, printable
from viz.views.compare.result import NetworkComparison, TwoNetworks
from viz.views.early_late.draw import INIT
from viz.views.kernels.colours import NAME_STYLES, area_handles, minus
from viz.views.kernels.result import KERNEL_NAMES

COLOURS = (ORANGE, TEAL)
"""Of the first and of the second network."""
MARKERS = ("s", "D")
"""Of the first and of the second network."""
SIZES = {
    "networks": (TWO_COLUMNS, 60 * MM),
    "names": (TWO_COLUMNS, 74 * MM),
    "effects": (TWO_COLUMNS, 66 * MM),
}
"""Width and height in inches that suit each figure."""
NARROW: dict[str, float | Callable[[Any], float]] = {
    "networks": 96 * MM,
    "names": 76 * MM,
    "effects": lambda result: (108 if result.paired else 62) * MM,
}
"""Height in one column."""


def pair_label(result: TwoNetworks, target: Figure | SubFigure, note: str) -> None:
    """Set a figure's caption: which networks are A and B, and how to read it."""
    a, b = result.names
    target.set_label(f"A: {a}; B: {b}. {note}")


def side_handles() -> list[Line2D]:
    """Return legend handles of A and B, as points."""
    return [
        Line2D([], [], color=colour, marker=marker, markersize=4, label=side, linestyle="")
        for side, colour, marker in zip("AB", COLOURS, MARKERS, strict=True)
    ]  # fmt: skip


def plain(axes: Axes) -> None:
    """Leave out the upper and the right spine."""
    axes.tick_params(labelsize=SMALL, length=2, width=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def draw_networks(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw the share of each name by relative depth in both networks.

    A bar is a block, as wide as its share of the depth. The rightmost bars tell how many kernels
    of an untrained network of the same kernel size get each name: the false-positive rate.
    """
    width, height = inches(target)
    differ = [
        f"{name} ({printable(first)} and {printable(second)})"
        for name, first, second in result.facts
        if first != second and name != "file"
    ]
    pair_label(
        result,
        target,
        ("They differ in " + ", ".join(differ) + ". " if differ else "")
        + "Share of each block's kernels by name; a bar is a block, as wide as its part of the "
        "depth. Rightmost bars: randomly initialised kernels of the same size.",
    )
    every = np.concatenate([result.shares_a, result.shares_b, np.nan_to_num([result.init_names_a])])
    shown = np.flatnonzero((every > 0).any(0) | (np.nan_to_num(result.init_names_b) > 0)).tolist()
    boxes = panel_boxes(width, (0.34, height - 0.2), 2, left=0.44, beside=0.24, between=0.5,
                        right=0.94)  # fmt: skip
    out = []
    for side, (box, shares, init) in enumerate(
        zip(
            boxes,
            (result.shares_a, result.shares_b),
            (result.init_names_a, result.init_names_b),
            strict=True,
        )
    ):
        axes = panel(target, box)
        _stack(axes, shares, np.nan_to_num(init), shown)
        axes.set_title("AB"[side], pad=2)
        if side == 0 or narrow(width):
            axes.set_ylabel("share of kernels (%)", labelpad=1)
        else:
            axes.set_yticklabels([])
        if side or not narrow(width):
            axes.set_xlabel("relative depth (0 first, 1 last)", labelpad=1)
        out.append(axes)
    target.legend(
        handles=area_handles([result.kernel_names[i] for i in shown])[::-1], loc="upper right",
        handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
        borderaxespad=0, borderpad=0, bbox_to_anchor=(1 - MARGIN / width, 1 - 0.2 / height),
    )  # fmt: skip
    return out


def _stack(
    axes: Axes, shares: NDArray[np.float64], init: NDArray[np.float64], shown: list[int]
) -> None:
    """Stack the shares of each block upon its part of the axis, and those of random kernels."""
    depth = len(shares)
    left = np.append(np.arange(depth) / depth, 1.06)
    wide = np.append(np.full(depth, 1 / depth), 0.09)
    tall = 100 * np.concatenate([shares, init[None]])[:, shown].T
    for i, bars, ends in zip(shown, tall, tall.cumsum(0), strict=True):
        axes.bar(
            left, bars, wide, ends - bars, align="edge", edgecolor="white", linewidth=0.3,
            color=NAME_STYLES[KERNEL_NAMES[i]].colour,
        )  # fmt: skip
    axes.set(xlim=(0, 1.15), ylim=(0, 100))
    axes.set_xticks([0, 0.5, 1, 1.105], ["0", "0.5", "1", "init"])
    axes.get_xticklabels()[2].set_horizontalalignment("right")


def draw_names(result: NetworkComparison, target: Figure | SubFigure) -> tuple[Axes, Axes]:
    """Draw the share of every name in both networks, and the difference with its interval.

    Small points are single blocks: where they spread widely, a network's share is a mean of unlike
    blocks.
    """
    width, height = inches(target)
    percent = f"{100 * result.confidence:.0f}\u00a0%"
    how = "mean over blocks" if result.paired else "all kernels"
    pair_label(
        result,
        target,
        "Left: share of kernels with each name; small points: single blocks; upright strokes: "
        f"randomly initialised kernels. Right: B minus A ({how}) with {percent} interval, each "
        f"name by itself; none where no kernel has the name. {result.note}",
    )
    rows = np.arange(len(result.kernel_names), dtype=np.float64)[::-1]
    low, top = MARGIN + 0.34, height - 0.2
    left, gap = 0.82 if narrow(width) else 0.95, 0.25 if narrow(width) else 0.3
    each = (width - left - gap - 2 * MARGIN) / 5
    shares = panel(target, (left, low, 3 * each, top - low))
    step = panel(target, (left + 3 * each + gap, low, 2 * each, top - low))
    for side, (by_block, init) in enumerate(
        ((result.shares_a, result.init_names_a), (result.shares_b, result.init_names_b))
    ):
        y, colour = rows + (0.2, -0.2)[side], COLOURS[side]
        mean = by_block.mean(0)
        shares.hlines(y, 0, mean, color=colour, linewidth=2.5, alpha=0.35)
        shares.plot(by_block.ravel(), np.tile(y, len(by_block)), ".", color=colour, markersize=2.5)
        shares.plot(mean, y, MARKERS[side], color=colour, markersize=4)
        shares.plot(init, y, "|", color="black", markersize=5, markeredgewidth=0.9)
    change, interval = result.shown_shares
    step.axvline(0, color="#888888", linewidth=0.6)
    step.hlines(rows, *interval.T, color="black", linewidth=1.1)
    step.plot(change, rows, "o", color="black", markersize=3.2)
    shares.set_yticks(rows, [minus(name) for name in result.kernel_names])
    step.set_yticks(rows, [""] * len(rows))
    most = max(
        float(np.nanmax(s, initial=1e-3))
        for s in (result.shares_a, result.shares_b, result.init_names_a, result.init_names_b)
    )
    shares.set_xlim(-0.015 * most, 1.02 * most)
    for one, label in ((shares, "share of kernels"), (step, "B − A, in points")):
        one.set_ylim(-0.6, len(rows) - 0.4)
        one.set_xlabel(label, labelpad=1)
        plain(one)
    shares.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u00a0%"))
    step.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    shares.legend(handles=side_handles(), loc="lower left", bbox_to_anchor=(0, 1), ncols=2,
                  borderaxespad=0, borderpad=0.2, handlelength=1, handletextpad=0.3)  # fmt: skip
    return shares, step


def draw_effects(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw Cliff's delta of every descriptor between the networks, with intervals.

    An effect of 1 means that no two kernels of the networks overlap, however small the gap.
    """
    stacked = narrow(inches(target)[0])
    percent = f"{100 * result.confidence:.0f}\u00a0%"
    first, second = ("Above", "Below") if stacked else ("Left", "Right")
    where = f"{first}: all" if result.paired else "All"
    parts = [
        f"Cliff's delta, positive where B's kernels have more. {where} kernels of B against all "
        f"of A; {percent} interval of a bootstrap over blocks, then kernels."
    ]
    if result.paired:
        parts.append(
            f"{second}: mean over blocks, B's against A's kernels of the same block; small "
            f"strokes: single blocks; {percent} interval of Student's t over blocks."
        )
    if result.init_delta.any():
        parts.append(
            "Hollow squares: randomly initialised kernels of B's against A's kernel size, which is "
            "what the sizes do alone."
        )
    pair_label(result, target, " ".join([*parts, result.note]))
    rows = np.arange(len(result.descriptors))[::-1]
    boxes = effect_boxes(target, (MARGIN, MARGIN), 1 + result.paired)
    shown = [(result.delta, result.delta_interval, "Cliff's delta, all kernels")]
    if result.paired:
        shown.append(
            (result.paired_delta, result.paired_delta_interval, "Cliff's delta, mean over blocks")
        )
    out = []
    for i, (estimate, interval, label) in enumerate(shown):
        one = panel(target, boxes[i])
        out.append(one)
        if i:
            flat = result.delta_by_block
            one.plot(
                flat.T.ravel(), np.tile(rows, flat.shape[1]) - 0.24, "|", color=COLOURS[1],
                markersize=3.5, markeredgewidth=0.6, linestyle="",
            )  # fmt: skip
        elif result.init_delta.any():
            one.plot(
                result.init_delta, rows - 0.24, "s", color=INIT, markersize=3.2,
                markerfacecolor="white", markeredgewidth=0.8, linestyle="",
            )  # fmt: skip
        draw_effect_rows(
            one, estimate, interval, f"{label} (B − A)",
            names=result.descriptors if i == 0 or stacked else None,
        )  # fmt: skip
    return out
