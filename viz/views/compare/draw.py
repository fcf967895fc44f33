"""Two networks side by side: names by depth, differences of descriptors, fields.

Every ``draw_...`` takes a `NetworkComparison` and a Figure or SubFigure of about `SIZES` inches.
Where depths agree, the horizontal axis counts blocks; where they differ, it is relative depth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from viz.plot.effect_rows import descriptor_panels, draw_effect_rows, effect_boxes, with_quartiles
from viz.plot.frame import MARGIN, inches, legend_below, narrow, panel, panel_boxes
from viz.plot.mosaic import grid_layout
from viz.plot.style import GREY, MM, ORANGE, TEAL, TEXT, TWO_COLUMNS, page_colour, printable
from viz.views.compare.result import NetworkComparison, TwoNetworks, relative_depth
from viz.views.kernels.colours import NAME_COLOURS, area_handles
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.draw import Mosaic
from viz.views.wording import FEW_IMAGES, n_images

COLOURS = (ORANGE, TEAL)
"""Of the first and of the second network."""
MARKERS = ("s", "D")
"""Of the first and of the second network."""
SIZES = {
    "networks": (TWO_COLUMNS, 60 * MM),
    "effects": (TWO_COLUMNS, 66 * MM),
    "depth": (TWO_COLUMNS, 82 * MM),
    "fields": (TWO_COLUMNS, 66 * MM),
}
"""Width and height in inches that suit each figure."""
NARROW = {
    "networks": 96 * MM, "effects": 66 * MM, "depth": 120 * MM, "fields": 94 * MM
}  # fmt: skip
"""Height in one column."""
_LINES: tuple[Any, Any] = ("-", (0, (5, 1)))
_DISC = 2 / np.sqrt(np.pi)
"""Diameter of a disc over the side of a square of the same area."""
Floats = NDArray[np.float64]


def pair_label(result: TwoNetworks, target: Figure | SubFigure, note: str) -> None:
    """Set a figure's caption: which networks are A and B, and how to read it."""
    a, b = result.names
    target.set_label(f"A: {a}; B: {b}. {note}")


def side_handles(lines: tuple[Any, Any] = ("", "")) -> list[Line2D]:
    """Return legend handles of A and B, as points, on lines where there are any."""
    return [
        Line2D([], [], color=COLOURS[i], marker=MARKERS[i], markersize=4, label="AB"[i],
               linestyle=lines[i], linewidth=1.2) for i in (0, 1)
    ]  # fmt: skip


def pairs_mosaic(
    above: NDArray[np.uint8],
    below: NDArray[np.uint8],
    sizes: list[int],
    titles: tuple[str, ...],
    text: str,
    *,
    signed: bool = True,
    **layout: Any,
) -> Mosaic:
    """Lay out tiles (n, k, k, 3) of A, each above that of B."""
    n, k = above.shape[:2]
    gap = np.full((n, 1, k, 3), page_colour(), np.uint8)
    placed = grid_layout(sizes, (2 * k + 1, k), **layout)
    picture = placed.place(np.concatenate([above, gap, below], axis=1))
    return Mosaic(picture, placed, titles, text, "tile", float("nan"), signed)


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
        f"They differ in {', '.join(differ)}. "
        * bool(differ)
        + "Share of each block's kernels by name; a bar is a block, as wide as its part of the "
        "depth. Rightmost bars: randomly initialised kernels of the same size.",
    )
    shares, inits = result.of("shares"), [np.nan_to_num(i) for i in result.of("init_names")]
    shown = np.flatnonzero(np.concatenate([*shares, inits]).any(0)).tolist()
    boxes = panel_boxes(width, (0.34, height - 0.2), 2, left=0.44, beside=0.24, between=0.5,
                        right=0.94)  # fmt: skip
    out = [panel(target, box) for box in boxes]
    for side, axes in enumerate(out):
        _stack(axes, shares[side], inits[side], shown)
        axes.set_title("AB"[side], pad=2)
        if side == 0 or narrow(width):
            axes.set_ylabel("share of kernels (%)", labelpad=1)
        else:
            axes.set_yticklabels([])
        if side or not narrow(width):
            axes.set_xlabel("relative depth (0 first, 1 last)", labelpad=1)
    target.legend(
        handles=area_handles([result.kernel_names[i] for i in shown])[::-1], loc="upper right",
        handlelength=1.0, handleheight=1.0, handletextpad=0.5, labelspacing=0.2,
        borderaxespad=0, borderpad=0, bbox_to_anchor=(1 - MARGIN / width, 1 - 0.2 / height),
    )  # fmt: skip
    return out


def _stack(axes: Axes, shares: Floats, init: Floats, shown: list[int]) -> None:
    """Stack the shares of each block upon its part of the axis, and those of random kernels."""
    depth = len(shares)
    left = np.append(np.arange(depth) / depth, 1.06)
    wide = np.append(np.full(depth, 1 / depth), 0.09)
    tall = 100 * np.concatenate([shares, init[None]])[:, shown].T
    for i, bars, ends in zip(shown, tall, tall.cumsum(0), strict=True):
        axes.bar(
            left, bars, wide, ends - bars, align="edge", edgecolor="white", linewidth=0.3,
            color=NAME_COLOURS[KERNEL_NAMES[i]],
        )  # fmt: skip
    axes.set(xlim=(0, 1.15), ylim=(0, 100))
    axes.set_xticks([0, 0.5, 1, 1.105], ["0", "0.5", "1", "init"])
    axes.get_xticklabels()[2].set_horizontalalignment("right")


def draw_effects(result: NetworkComparison, target: Figure | SubFigure) -> Axes:
    """Draw Cliff's delta of every descriptor between the networks, with intervals.

    An effect of 1 means that no two kernels of the networks overlap, however small the gap.
    """
    what = "mean over pairs of blocks" if result.paired else "all kernels of B against all of A"
    parts = [
        f"Delta is positive where B's kernels have more ({what}); bars: 95\u00a0% intervals over "
        "blocks."
    ]
    if result.paired:
        parts.append("Small strokes: single pairs of blocks.")
    if result.init_delta.any():
        parts.append(
            "Hollow squares: randomly initialised kernels of B's against A's kernel size, which is "
            "what the sizes do alone."
        )
    pair_label(result, target, " ".join([*parts, result.note]))
    axes = panel(target, effect_boxes(target, (MARGIN, MARGIN), 1)[0])
    rows, flat = np.arange(len(result.descriptors))[::-1], result.delta_by_block
    axes.plot(
        flat.T.ravel(), np.tile(rows, flat.shape[1]) - 0.24, "|", color=COLOURS[1], markersize=3.5,
        markeredgewidth=0.6, linestyle="",
    )  # fmt: skip
    if result.init_delta.any():
        axes.plot(
            result.init_delta, rows - 0.24, "s", color=GREY, markersize=3.2, linestyle="",
            markerfacecolor="white", markeredgewidth=0.8,
        )  # fmt: skip
    draw_effect_rows(
        axes, result.delta, result.delta_interval, "Cliff's delta (B − A)",
        names=result.descriptors,
    )  # fmt: skip
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
    pair_label(
        result,
        target,
        "Points: medians of a block's kernels; bars: their quartiles, which are spread and not "
        "uncertainty. Dashed lines and bands: median and quartiles of randomly initialised kernels "
        "of the same size.",
    )
    panels = descriptor_panels(target, result.descriptors, [], below=0.18)
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
    legend_below(target, [*side_handles(), random], 3)
    return panels


def draw_fields(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw theoretical and effective receptive fields of both networks on one axis.

    Networks that take images of different sizes see the same scene at different sizes: read
    diameters against the dotted lines, those of each one's input.
    """
    width, height = inches(target)
    stacked, n = narrow(width), result.n_images
    first, second = ("Above", "Below") if stacked else ("Left", "Right")
    interval = ", with 95\u00a0% intervals over images" if n >= FEW_IMAGES else ""
    pair_label(
        result,
        target,
        f"{first}: diameter of a disc of the area of the theoretical field (lines) and of the "
        "network's input (dotted); "
        + (
            "points: diameter that holds 90 % of the effective field's mass, mean over "
            f"{n_images(n)}{interval}."
            if n
            else "effective fields need images and were not measured."
        )
        + f" {second}: RMS radius of the depthwise kernels, median and quartiles of a block, taps "
        "times patch size. All in pixels of each network's own input.",
    )
    low = MARGIN + (0.68 if stacked else 0.58)
    boxes = panel_boxes(
        width, (low, height - MARGIN - 0.06), 2, left=0.5, beside=0.52, between=0.42
    )
    one, two = panels = [panel(target, box) for box in boxes]
    for axes in panels:
        axes.set_xlabel("block", fontsize=TEXT)
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
    one.set_ylabel("equal-area diameter (px)", fontsize=TEXT, labelpad=1)
    two.set_ylabel("RMS radius of kernels (px)", fontsize=TEXT, labelpad=1)
    two.set_ylim(bottom=0)
    handles = [
        *side_handles(_LINES),
        Line2D([], [], color="#555555", linewidth=1.2, label="theoretical field"),
        Line2D([], [], color="#555555", linewidth=0.9, linestyle=":", label="input"),
    ]
    legend_below(target, handles, 2 if stacked else 4)
    return panels
