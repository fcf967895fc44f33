"""Two networks side by side: names by depth, differences of descriptors, fields.

Every ``draw_...`` takes a `NetworkComparison` and a Figure or SubFigure of about `SIZES` inches.
Where depths agree, the horizontal axis counts blocks; where they differ, it is relative depth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from viz.plot.effect_rows import descriptor_panels, draw_effect_rows, effect_boxes, with_quartiles
from viz.plot.frame import MARGIN, inches, legend_below, narrow, outlined, panel, panel_boxes
from viz.plot.mosaic import grid_layout
from viz.plot.style import GREY, MM, ORANGE, SMALL, TEAL, TWO_COLUMNS, page_colour, printable
from viz.views.compare.result import NetworkComparison, TwoNetworks, relative_depth
from viz.views.kernels.colours import NAME_COLOURS, area_handles, folded
from viz.views.kernels.result import DEFINITIONS
from viz.views.weights.draw import KEY, Mosaic, draw_mosaic
from viz.views.wording import FEW_IMAGES, listed, n_images

COLOURS = (ORANGE, TEAL)
"""Of the first and of the second network."""
MARKERS = ("s", "D")
"""Of the first and of the second network."""
SIZES = {
    "networks": (TWO_COLUMNS, 60 * MM), "effects": (TWO_COLUMNS, 66 * MM),
    "depth": (TWO_COLUMNS, 82 * MM), "fields": (TWO_COLUMNS, 66 * MM),
}  # fmt: skip
"""Width and height in inches that suit each figure."""
NARROW = {
    "networks": 96 * MM, "effects": 76 * MM, "depth": 120 * MM, "fields": 98 * MM
}  # fmt: skip
"""Height in one column."""
NOTE = 0.26
"""Inches of what is written below pairs of tiles."""
_LETTERS = 20
"""Of a network's name that figures show at the most."""
_LINES: tuple[Any, Any] = ("-", (0, (5, 1)))
_DISC = 2 / np.sqrt(np.pi)
"""Diameter of a disc over the side of a square of the same area."""
Floats = NDArray[np.float64]
Tiles = NDArray[np.uint8]


@dataclass(frozen=True)
class Pairs(Mosaic):
    """Tiles of A, each above that of B, and what a figure writes below them."""

    note: str


def pair_label(result: TwoNetworks, note: str) -> str:
    """Return a figure's caption: which networks are A and B, and how to read it."""
    a, b = result.names
    which = f"A and B are the same file, {a}" if result.identical else f"A is {a} and B is {b}"
    return f"{which}. {note}"


def labels(result: TwoNetworks) -> tuple[str, str]:
    """Return what figures call A and B: their names, cut around the first letter that differs."""
    names = [re.sub(r"\.(safetensors|pth|pt|tar|bin|ckpt)(?=[. ]|$)", "", n) for n in result.names]
    alike = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(*names, strict=False))))
    out = []
    for name in names:
        first = max(0, min(alike - _LETTERS // 2, len(name) - _LETTERS))
        last = first + _LETTERS
        out.append("…" * (first > 0) + name[first:last] + "…" * (last < len(name)))
    return printable(f"A: {out[0]}"), printable(f"B: {out[1]}")


def side_handles(result: TwoNetworks, lines: tuple[Any, Any] = ("", "")) -> list[Line2D]:
    """Return legend handles of A and B, as points, on lines where there are any."""
    return [
        Line2D([], [], color=COLOURS[i], marker=MARKERS[i], markersize=4, linestyle=lines[i],
               linewidth=1.2, label=labels(result)[i]) for i in (0, 1)
    ]  # fmt: skip


def quartiles_handle() -> Line2D:
    """Return the legend's handle of bars that hold half of a block's kernels."""
    return Line2D([], [], color=GREY, marker="|", markersize=8, linestyle="", label="quartiles")


def pairs_mosaic(
    result: TwoNetworks, above: Tiles, below: Tiles, sizes: list[int], titles: Sequence[str], *,
    text: str, note: str, columns: int, gap: int, across: int = 1, signed: bool = True,
) -> Pairs:  # fmt: skip
    """Lay out tiles of A, each above that of B, with room for titles and for `draw_rows`."""
    k = above.shape[1]
    middle = np.full((len(above), 1, k, 3), page_colour(), np.uint8)
    # Of 178 mm, 3.5 for the letters and 4 for a title.
    left, head = (int(np.ceil(across * columns * (k + gap) * mm / 178)) for mm in (3.5, 4))
    placed = grid_layout(sizes, (2 * k + 1, k), columns=columns, gap=gap, head=head,
                         group_columns=across, group_gap=gap + left * (across > 1))  # fmt: skip
    placed = replace(
        placed, x=placed.x + left, shape=(placed.shape[0], placed.shape[1] + left),
        groups=tuple((x + left, y, right + left, low) for x, y, right, low in placed.groups),
    )  # fmt: skip
    a, b = labels(result)
    picture = placed.place(np.concatenate([above, middle, below], axis=1))
    note = f"{a} (upper rows)   {b} (lower rows)\n{note}"
    text = pair_label(result, text)
    return Pairs(picture, placed, tuple(titles), text, "tile", np.nan, signed, note)


def draw_rows(mosaic: Pairs, target: Figure | SubFigure) -> Axes:
    """Draw a mosaic of `pairs_mosaic`, with A and B before every row."""
    axes, layout = draw_mosaic(mosaic, target, below=NOTE), mosaic.layout
    (width, height), k = inches(target), layout.tile[1]
    target.text(MARGIN / width, (KEY + NOTE - 0.04) / height, mosaic.note, va="top")
    first = np.isin(layout.x, [group[0] for group in layout.groups])
    for row, letter in enumerate("AB"):
        outlined(axes, layout.x, layout.y + row * (k + 1), (k, k))
        for x, y in zip(layout.x[first], layout.y[first], strict=True):
            axes.text(x, y + k / 2 + row * (k + 1), f"{letter} ", ha="right", va="center")
    return axes


def draw_networks(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw the share of each name by relative depth in both networks.

    A bar is a block, as wide as its share of the depth. The rightmost bars tell how many kernels
    of an untrained network of the same kernel size get each name: the false-positive rate.
    """
    width, height = inches(target)
    differ = f"They differ in {listed(result.differing)}. " if result.differing else ""
    note = (
        f"{differ}A bar is a block, as wide as its part of the depth. A name says which shape a "
        "kernel clearly looks like: identity is one weight in the middle and shift one elsewhere, "
        "on-centre a positive spot in a negative surround, frame the border; unnamed kernels look "
        "clearly like none; other: shapes that each fewer than 2 % of every bar's kernels have. "
        "Rightmost bars: randomly initialised kernels of the same size."
    )
    target.set_label(pair_label(result, note))
    pairs = zip(result.of("shares"), result.of("init_names"), strict=True)
    bars = [np.vstack([shares, np.nan_to_num(init)]) for shares, init in pairs]
    names, shown = folded(np.concatenate(bars).T)
    sides = np.split(100 * shown, [len(bars[0])], axis=1)
    boxes = panel_boxes(width, (0.34, height - 0.2), 2, left=0.44, beside=0.24, between=0.5,
                        right=0.94)  # fmt: skip
    out = [panel(target, box) for box in boxes]
    for side, axes in enumerate(out):
        _stack(axes, names, sides[side])
        axes.set_title(labels(result)[side], pad=2)
        if side == 0 or narrow(width):
            axes.set_ylabel("share of kernels (%)")
        else:
            axes.set_yticklabels([])
        if side or not narrow(width):
            axes.set_xlabel("relative depth (0: first block, 1: last)")
    target.legend(
        handles=area_handles(names)[::-1], loc="upper right",
        handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
        borderaxespad=0, borderpad=0, bbox_to_anchor=(1 - MARGIN / width, 1 - 0.2 / height),
    )  # fmt: skip
    return out


def _stack(axes: Axes, names: list[str], tall: Floats) -> None:
    """Stack the shares of each block upon its part of the axis, and those of random kernels."""
    depth = tall.shape[1] - 1
    left = np.append(np.arange(depth) / depth, 1.06)
    wide = np.append(np.full(depth, 1 / depth), 0.09)
    for name, bars, ends in zip(names, tall, tall.cumsum(0), strict=True):
        axes.bar(left, bars, wide, ends - bars, align="edge", edgecolor="white", linewidth=0.3,
                 color=NAME_COLOURS[name])  # fmt: skip
    axes.set(xlim=(0, 1.15), ylim=(0, 100))
    axes.set_xticks([0, 0.5, 1, 1.06], ["0", "0.5", "1", "random"])
    axes.get_xticklabels()[3].set_horizontalalignment("left")


def draw_effects(result: NetworkComparison, target: Figure | SubFigure) -> Axes:
    """Draw Cliff's delta of every descriptor between the networks, with intervals.

    An effect of 1 means that no two kernels of the networks overlap, however small the gap.
    """
    stacked = narrow(inches(target)[0])
    note = (
        "Delta is the share of pairs of kernels, one of A and one of B, in which B's has more, "
        "minus the share in which A's has more: 0 is no difference, ±1 no overlap. "
        f"{result.note} {DEFINITIONS}"
    )
    target.set_label(pair_label(result, note))
    rows, flat = np.arange(len(result.descriptors))[::-1], result.delta_by_block
    what = "mean over blocks" if result.paired else "all kernels"
    some = bool(np.isfinite(result.delta_interval).any())
    what += ", 95\u00a0% interval over blocks" * some
    handles = [
        Line2D([], [], color="black", marker="o", markersize=3.2, linewidth=some, label=what)
    ]
    marks = [("|", flat, "one pair of blocks")] * result.paired
    if result.init_delta.any():
        marks.append(("s", result.init_delta[:, None], "randomly initialised kernels"))
    taken = MARGIN + 0.26, MARGIN + 0.2 + 0.15 * stacked * len(marks)
    axes = panel(target, effect_boxes(target, taken, 1)[0])
    for marker, values, words in marks:
        handles += axes.plot(
            values.T.ravel(), np.tile(rows, values.shape[1]) - 0.24, marker, color=GREY,
            markersize=3.5, markerfacecolor="white", markeredgewidth=0.8, label=words,
        )  # fmt: skip
    draw_effect_rows(
        axes, result.delta, result.delta_interval, "Cliff's delta", names=result.descriptors
    )
    shown = np.column_stack([result.delta, result.delta_interval, *(mark[1] for mark in marks)])
    end = 0.5 if np.nanmax(np.abs(shown), initial=0) < 0.48 else 1
    axes.set_xlim(-1.03 * end, 1.03 * end)
    axes.set_xticks(np.linspace(-end, end, 5))
    a, b = (label.replace("A: ", "A\n").replace("B: ", "B →\n") for label in labels(result))
    axes.text(0.48, 1.01, f"← higher in {a}", ha="right", va="bottom", transform=axes.transAxes)
    axes.text(0.52, 1.01, f"higher in {b}", va="bottom", transform=axes.transAxes)
    legend_below(target, handles, 1 if stacked else 3)
    return axes


def _depth_axes(result: TwoNetworks, panels: list[Axes]) -> tuple[list[Floats], list[Floats]]:
    """Set the panels' common horizontal axis; return where blocks stand on it, and points."""
    places, beside = [relative_depth(depth) for depth in result.depths], 0.006
    if result.depths[0] == result.depths[1]:
        places, beside = [np.arange(depth, dtype=np.float64) for depth in result.depths], 0.12
    for axes in panels:
        if beside > 0.1:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.set_xlim(-0.5, result.depths[0] - 0.5)
        else:
            axes.set_xlim(0, 1)
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            if axes.get_xlabel():
                axes.set_xlabel("relative depth")
    return places, [x + shift for x, shift in zip(places, (-beside, beside), strict=True)]


def draw_depth(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw every descriptor by depth in both networks: medians and quartiles.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    note = (
        "The bars hold half of a block's kernels: they are spread, not uncertainty. Dashed lines "
        "and bands are median and quartiles of randomly initialised kernels of the same size, each "
        f"network's where sizes differ. {DEFINITIONS}"
    )
    target.set_label(pair_label(result, note))
    stacked = narrow(inches(target)[0])
    panels = descriptor_panels(target, result.descriptors, [], below=0.18 * (1 + stacked))
    _, places = _depth_axes(result, panels)
    same = result.configs[0]["kernel_size"] == result.configs[1]["kernel_size"]
    for i, axes in enumerate(panels):
        for side in (0, 1):
            if side == 0 or not same:
                hue = "#999999" if same else COLOURS[side]
                low, middle, high = result.of("init_quartiles")[side][i]
                axes.axhspan(low, high, color=hue, alpha=0.22, linewidth=0)
                axes.axhline(middle, color=hue, linewidth=0.8, linestyle="--")
            with_quartiles(
                axes, places[side], result.of("quartiles")[side][i], COLOURS[side], MARKERS[side]
            )
    random = Patch(facecolor="#999999", alpha=0.22, label="random initialisation")
    handles = [*side_handles(result), quartiles_handle(), random]
    legend_below(target, handles, 2 if stacked else 4)
    return panels


def draw_fields(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw theoretical and effective receptive fields of both networks on one axis.

    Networks that take images of different sizes see the same scene at different sizes: read
    diameters against the dotted lines, those of each one's input.
    """
    width, height = inches(target)
    stacked, n = narrow(width), result.n_images
    first, second = ("Above", "Below") if stacked else ("Left", "Right")
    interval = " with 95\u00a0% intervals over images" if n >= FEW_IMAGES else ""
    mean = f"mean over {n_images(n)}{interval}"
    note = (
        f"{first}: diameter of a disc as large as the theoretical receptive field, which is all "
        "pixels that can reach a unit, and as the network's input; of the effective field "
        f"{f'that which holds 90 % of its mass, {mean}' if n else 'nothing, as it needs images'}. "
        f"{second}: root mean square (RMS) distance of the kernels' energy from their middle, "
        "median and quartiles of a block. All are pixels of each network's own input."
    )
    target.set_label(pair_label(result, note))
    ends = MARGIN + 0.58, height - MARGIN - 0.17
    boxes = panel_boxes(width, ends, 2, left=0.5, beside=0.52, between=0.56)
    one, two = panels = [panel(target, box) for box in boxes]
    words = f"lines: theoretical; {'points: effective; ' if n else ''}dotted: input"
    one.set_title(words, fontsize=SMALL, pad=3)
    two.set_title("depthwise kernels, median and quartiles", fontsize=SMALL, pad=3)
    for axes in panels:
        axes.set_xlabel("block")
    places, points = _depth_axes(result, panels)
    for side, (theory, radius, around) in enumerate(
        zip(*(result.of(name) for name in ("theoretical", "radius", "radius_interval")),
            strict=True)
    ):  # fmt: skip
        colour, marker = COLOURS[side], MARKERS[side]
        one.plot(places[side], theory * _DISC, color=colour, linewidth=1.2, linestyle=_LINES[side])
        one.axhline(result.preprocessings[side]["image_size"] * _DISC, color=colour, linewidth=0.9,
                    linestyle=":")  # fmt: skip
        if len(radius):
            one.plot(points[side], 2 * radius, marker, color=colour, markersize=3.4, linestyle="")
            one.vlines(points[side], *(2 * around.T), color=colour, linewidth=1)
        with_quartiles(two, points[side], result.reach[side], colour, marker)
    one.set_yscale("log")
    # So far that two round numbers lie within.
    bottom, top = one.get_ylim()
    one.set_ylim(min(bottom, top / 5), top)
    one.yaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    one.yaxis.set_major_formatter(ScalarFormatter())
    one.yaxis.set_minor_formatter(NullFormatter())
    one.set_ylabel("diameter (px)")
    two.set_ylabel("RMS radius of kernels (px)")
    two.set_ylim(bottom=0)
    legend_below(target, side_handles(result, _LINES), 2)
    return panels
