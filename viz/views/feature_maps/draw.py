"""One block's feature maps in rows: input map, kernel, what comes out, and the image."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from viz.core.refusal import Refusal
from viz.plot.frame import inches
from viz.plot.millimetres import (
    BAR,
    PAGE,
    SIZE,
    bar,
    canvas,
    common_limit,
    photograph,
    signed_map,
    write,
)
from viz.plot.style import MM, new_figure
from viz.views.feature_maps.result import FeatureMaps

MapScale = Literal["figure", "stage"]
COLUMNS = {
    "input": "input map,\ndashed: kernel size",
    "kernel": "kernel of\nblock {block}",
    "depthwise": "after the\nkernel",
    "depthwise_activation": "after the\nactivation",
    "depthwise_norm": "normalised,\nover the image",
    "residual": "plus the\ninput map",
}
"""Columns beside the image: maps of the result and the kernel, and the words above."""
_SHARE = 0.99
"""Of the values lie within a colour scale; larger ones take its end colour."""
_GAP, _EDGE, _HEAD = 1.6, 1.0, 8.0
"""Millimetres between maps, around all of them, and for the words above."""
_LINE = 0.4 * SIZE


def map_limits(result: FeatureMaps, scale: MapScale = "figure") -> dict[str, float]:
    """Return where the colours of each column end: from -limit to +limit."""
    if scale not in ("figure", "stage"):
        raise Refusal(f"scale is one of figure, stage, not {scale!r}.")
    maps = {name: result.of(name).ravel() for name in COLUMNS if name != "kernel"}
    if scale == "figure":
        together = common_limit(np.concatenate(list(maps.values())), _SHARE)
        found = dict.fromkeys(maps, together)
    else:
        found = {name: common_limit(values, _SHARE) for name, values in maps.items()}
    return found | {"kernel": common_limit(result.kernels, 1.0)}


def _cell(result: FeatureMaps, width: float) -> tuple[float, float]:
    """Width and height of an image, in millimetres; a kernel and its words must fit beside it."""
    cell = (width - 2 * _EDGE - len(COLUMNS) * _GAP) / (len(COLUMNS) + 1)
    down, across = result.images.shape[1:3]
    return cell, max(cell * down / across, 7.5)


def maps_figure(result: FeatureMaps) -> Figure:
    """Make a Figure that fits the maps, whatever their scale."""
    _, tall = _cell(result, PAGE)
    n, each = len(result.images), len(result.channel)
    return new_figure(PAGE * MM, (_HEAD + n * (each * (tall + _GAP) + _GAP) + BAR) * MM)


def draw_maps(
    result: FeatureMaps, target: Figure | SubFigure, *, scale: MapScale = "figure"
) -> Axes:
    """Draw the maps of each image and channel in a row, beside the channel's kernel.

    A map is white where it is 0, not where it is at its mean.
    """
    width = inches(target)[0] / MM
    axes, limits = canvas(target), map_limits(result, scale)
    target.set_label(_note(result, scale))
    cell, tall = _cell(result, width)
    left = {name: _EDGE + i * (cell + _GAP) for i, name in enumerate(("image", *COLUMNS))}
    pixel, p, k = cell / result.images.shape[2], result.patch_size, result.kernels.shape[-1]
    h, w = result.maps.shape[3:]
    for name, words in {"image": "image", **COLUMNS}.items():
        write(axes, left[name] + cell / 2, _HEAD - 1, words.format(block=result.block), ha="center",
              va="bottom")  # fmt: skip
    each, y = len(result.channel), _HEAD
    for row in range(len(result.images) * each):
        image, channel = divmod(row, each)
        if channel == 0:
            photograph(axes, result.images[image], (left["image"], y, cell))
        for name in COLUMNS:
            if name == "kernel":
                _draw_kernel(axes, result, channel, (left[name], y, cell, tall), limits[name])
                continue
            values = result.of(name)[image, channel]
            if name == "depthwise_norm":
                photograph(axes, result.images[image], (left[name], y, cell),
                           values=values, limit=limits[name], patch=p)  # fmt: skip
            else:
                signed_map(axes, values, (left[name], y, pixel * p * w, pixel * p * h),
                           limits[name])  # fmt: skip
        # How far the kernel reaches, in the corner of its input.
        across, down = pixel * p * min(k, w), pixel * p * min(k, h)
        axes.add_patch(
            Rectangle((left["input"], y + pixel * p * h - down), across, down, fill=False,
                      linewidth=0.6, edgecolor="black", linestyle=(0, (2, 1.5)))
        )  # fmt: skip
        y += tall + _GAP * (2 if channel == each - 1 else 1)
    bar(target, (left["kernel"], y, cell), limits["kernel"], "weight", cut=False)
    if scale == "figure":
        long = left["residual"] + cell - left["depthwise"]
        bar(target, (left["depthwise"], y, long), limits["residual"], "value of a map")
    else:
        for name in COLUMNS:
            if name != "kernel":
                bar(target, (left[name], y, cell), limits[name], "value")
    return axes


def _draw_kernel(
    axes: Axes,
    result: FeatureMaps,
    channel: int,
    box: tuple[float, float, float, float],
    limit: float,
) -> None:
    x, y, across, tall = box
    name = str(result.name[channel])
    words = f"channel {result.channel[channel]}" + (f"\n{name}" if name else "")
    side = min(0.72 * across, max(tall - _LINE * (1 + words.count("\n")), 0.3 * tall))
    low = y + tall - side
    signed_map(axes, result.kernels[channel], (x + (across - side) / 2, low, side, side), limit)
    write(axes, x + across / 2, low - 0.4, words, ha="center", va="bottom")


def _note(result: FeatureMaps, scale: MapScale) -> str:
    p, k = result.patch_size, result.kernels.shape[-1]
    how = {
        "figure": "One colour scale serves all maps",
        "stage": "Each column has its own colour scale, shared by its channels and images",
    }[scale]
    return (
        f"Block {result.block}, channels: {result.chosen_by}. White is zero. {how}; it ends where "
        f"{100 * _SHARE:.0f} % of the values lie within. Kernels have their own. One square of a "
        f"map is a patch of {p} x {p} pixels; the dashed frame is as large as the {k} x {k} "
        "kernel, which is laid on every place. Over the image lies what the depthwise part adds, "
        "after its batch norm; the stronger it is, the less of the (grey) image shows. The block's "
        "pointwise part then mixes all channels: its output belongs to no one kernel."
    )
