"""Two networks by depth: every descriptor, and receptive fields on one axis.

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

from viz.plot.effect_rows import NAMES
from viz.plot.frame import MARGIN, inches, narrow, panel, panel_boxes
from viz.plot.style import MM, SMALL, TEXT, TWO_COLUMNS
from viz.views.compare.draw import COLOURS, MARKERS, pair_label, plain, side_handles
from viz.views.compare.result import NetworkComparison, TwoNetworks, relative_depth

SIZES = {"depth": (TWO_COLUMNS, 90 * MM), "fields": (TWO_COLUMNS, 66 * MM)}
"""Width and height in inches that suit each figure."""
NARROW = {"depth": 126 * MM, "fields": 94 * MM}
"""Height in one column."""
_LINES: tuple[Any, Any] = ("-", (0, (5, 1)))
_DISC = 2 / np.sqrt(np.pi)
"""Diameter of a disc over the side of a square of the same area."""
Floats = NDArray[np.float64]


def depth_axis(result: TwoNetworks) -> tuple[Floats, Floats, str]:
    """Return where blocks stand on a common horizontal axis, and the axis' name."""
    first, second = result.depths
    if first == second:
        return np.arange(first, dtype=np.float64), np.arange(second, dtype=np.float64), "block"
    return relative_depth(first), relative_depth(second), "relative depth (0 first, 1 last)"


def draw_depth(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw every descriptor by depth in both networks: medians and quartiles.

    The bars hold half of a block's kernels: they are spread, not uncertainty.
    """
    width, height = inches(target)
    pair_label(
        result,
        target,
        "Points: medians of a block's kernels; bars: their quartiles, which are spread and not "
        "uncertainty. Dashed lines and bands: median and quartiles of randomly initialised kernels "
        "of the same size.",
    )
    at_a, at_b, axis = depth_axis(result)
    step = _beside(axis)
    same = result.configs[0]["kernel_size"] == result.configs[1]["kernel_size"]
    stacked = narrow(width)
    across, left, gap_x, gap_y = 2 if stacked else 4, 0.4, 0.42, 0.42
    down = -(-len(result.descriptors) // across)
    each = (width - left - (across - 1) * gap_x - MARGIN) / across
    low = MARGIN + 0.2 + 0.32
    tall = (height - MARGIN - low - 0.22 - (down - 1) * gap_y) / down
    out = []
    for i, name in enumerate(result.descriptors):
        column, row = i % across, i // across
        axes = panel(target, (left + column * (each + gap_x),
                              low + (down - 1 - row) * (tall + gap_y), each, tall))  # fmt: skip
        out.append(axes)
        inits = (result.init_quartiles_a[i], result.init_quartiles_b[i])
        for side, (x, quartiles) in enumerate(
            ((at_a, result.quartiles_a[i]), (at_b, result.quartiles_b[i]))
        ):
            colour, shift = COLOURS[side], (-step, step)[side]
            if side == 0 or not same:
                hue = "#999999" if same else colour
                axes.axhspan(inits[side][0], inits[side][2], color=hue, alpha=0.22, linewidth=0)
                axes.axhline(inits[side][1], color=hue, linewidth=0.8, linestyle="--")
            axes.vlines(x + shift, quartiles[:, 0], quartiles[:, 2], color=colour, linewidth=1.1)
            axes.plot(x + shift, quartiles[:, 1], MARKERS[side], color=colour, markersize=3)
        size = SMALL if stacked else TEXT
        axes.set_title(NAMES.get(name, name), fontsize=size, pad=4, loc="left")
        _depth_ticks(axes, axis, len(at_a))
        axes.set_xlabel(axis.partition(" (")[0] if row == down - 1 else "", fontsize=SMALL)
        plain(axes)
        axes.margins(0.06, 0.12)
    target.legend(
        handles=[*side_handles(), Patch(facecolor="#999999", alpha=0.22,
                                        label="random initialisation")],
        ncols=3, fontsize=SMALL, frameon=False, loc="lower left", borderaxespad=0, borderpad=0.2,
        bbox_to_anchor=(MARGIN / width, (MARGIN + 0.02) / height),
    )  # fmt: skip
    return out


def _beside(axis: str) -> float:
    """Return how far to part two networks' points: relative depths mostly differ by themselves."""
    return 0.12 if axis == "block" else 0.006


def _depth_ticks(axes: Axes, axis: str, depth: int) -> None:
    if axis == "block":
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xlim(-0.5, depth - 0.5)
    else:
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])


def draw_fields(result: NetworkComparison, target: Figure | SubFigure) -> list[Axes]:
    """Draw theoretical and effective receptive fields of both networks on one axis.

    Networks that take images of different sizes see the same scene at different sizes: read
    diameters against the dotted lines, those of each one's input.
    """
    width, height = inches(target)
    measured = result.n_images > 0
    first, second = ("Above", "Below") if narrow(width) else ("Left", "Right")
    images = f"{result.n_images} {'image' if result.n_images == 1 else 'images'}"
    pair_label(
        result,
        target,
        f"{first}: diameter of a disc of the area of the theoretical field (lines) and of the "
        "network's input (dotted)"
        + (
            f"; points: diameter that holds 90 % of the effective field's mass, mean over {images}"
            f", with {100 * result.confidence:.0f}\u00a0% intervals over images"
            + (", which one image has not." if result.n_images == 1 else ".")
            if measured
            else "; effective fields need images and were not measured."
        )
        + f" {second}: RMS radius of the depthwise kernels, median and quartiles of a block, taps "
        "times patch size. All in pixels of each network's own input.",
    )
    at_a, at_b, axis = depth_axis(result)
    step = _beside(axis)
    low = MARGIN + (0.68 if narrow(width) else 0.58)
    boxes = panel_boxes(
        width, (low, height - MARGIN - 0.06), 2, left=0.5, beside=0.52, between=0.42
    )
    one, two = (panel(target, box) for box in boxes)
    for side, (x, theory, radius, interval, reach) in enumerate(
        (
            (at_a, result.theoretical_a, result.radius_a, result.radius_interval_a, result.reach_a),
            (at_b, result.theoretical_b, result.radius_b, result.radius_interval_b, result.reach_b),
        )
    ):
        colour, marker = COLOURS[side], MARKERS[side]
        at = x + (-step, step)[side]
        one.plot(x, theory * _DISC, color=colour, linewidth=1.2, linestyle=_LINES[side])
        one.axhline(result.preprocessings[side]["image_size"] * _DISC, color=colour, linewidth=0.9,
                    linestyle=":")  # fmt: skip
        if len(radius):
            one.plot(at, 2 * radius[:, 1], marker, color=colour, markersize=3.4, linestyle="")
            one.vlines(at, *(2 * interval[:, 1].T), color=colour, linewidth=1)
        two.vlines(at, reach[:, 0], reach[:, 2], color=colour, linewidth=1.1)
        two.plot(at, reach[:, 1], marker, color=colour, markersize=3.4)
    one.set_yscale("log")
    # So far that two round numbers lie within.
    low, high = one.get_ylim()
    one.set_ylim(min(low, high / 5), high)
    one.yaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    one.yaxis.set_major_formatter(ScalarFormatter())
    one.yaxis.set_minor_formatter(NullFormatter())
    one.set_ylabel("diameter of the field (px)", fontsize=TEXT, labelpad=1)
    two.set_ylabel("RMS radius of kernels (px)", fontsize=TEXT, labelpad=1)
    two.set_ylim(bottom=0)
    for axes in (one, two):
        _depth_ticks(axes, axis, len(at_a))
        axes.set_xlabel(axis, fontsize=TEXT, labelpad=1)
        plain(axes)
    handles = [
        *(
            Line2D(
                [],
                [],
                color=colour,
                marker=marker,
                markersize=4,
                label=side,
                linewidth=1.2,
                linestyle=_LINES[i],
            )
            for i, (side, colour, marker) in enumerate(zip("AB", COLOURS, MARKERS, strict=True))
        ),
        Line2D([], [], color="#555555", linewidth=1.2, label="theoretical field"),
        Line2D([], [], color="#555555", linewidth=0.9, linestyle=":", label="input"),
    ]
    target.legend(
        handles=handles, ncols=2 if narrow(width) else 4, fontsize=SMALL, frameon=False,
        loc="lower left", borderaxespad=0, borderpad=0.2,
        bbox_to_anchor=(MARGIN / width, (MARGIN + 0.02) / height),
    )  # fmt: skip
    return [one, two]
