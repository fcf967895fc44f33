"""One block's feature maps in rows: input map, kernel, what comes out, and the image."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.core.refusal import Refusal
from viz.plot.frame import MARGIN, inches, panel
from viz.plot.overlay import show_over
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.feature_maps.result import MAPS, SHARE, FeatureMaps

MapScale = Literal["figure", "stage", "sweep"]
COLUMNS = ("input", "kernel", "depthwise", "depthwise_activation", "over", "residual", "output")
"""Columns beside the image; ``over`` is what the depthwise part adds, laid over the image."""
_SHOWN = {
    name: "depthwise_norm" if name == "over" else name for name in COLUMNS if name != "kernel"
}
"""Which of a result's maps each column holds."""
_GAP = 1.6 * MM
_WORDS = 3.2 * MM
"""Height of the words above a kernel."""
_BAR = 0.5
"""Height of the colour bars with their numbers."""


def map_limits(result: FeatureMaps, scale: MapScale = "figure") -> dict[str, float]:
    """Return where the colours of each column end: from -limit to +limit."""
    if scale not in ("figure", "stage", "sweep"):
        raise Refusal(f"scale is one of figure, stage, sweep, not {scale!r}.")
    if scale == "sweep" and not len(result.sweep_limits):
        raise Refusal("these maps were measured without a sweep; give one with --sweep.")
    maps = {column: result.of(name) for column, name in _SHOWN.items()}
    values = {column: np.abs(each[np.isfinite(each)]) for column, each in maps.items()}
    if scale == "figure":
        together = _limit(np.concatenate(list(values.values())))
        found = dict.fromkeys(maps, together)
    else:
        found = {column: _limit(each) for column, each in values.items()}
    if scale == "sweep":
        known = dict(zip(MAPS, result.sweep_limits.tolist(), strict=True))
        found |= {c: known[m] for c, m in _SHOWN.items() if known[m] > 0}
    kernels = np.abs(result.kernels[np.isfinite(result.kernels)])
    largest = float(kernels.max(initial=0.0)) or 1.0
    return found | {"kernel": largest}


def _limit(values: NDArray[np.float32]) -> float:
    return (float(np.quantile(values, SHARE)) if len(values) else 0.0) or 1.0


def maps_figure(result: FeatureMaps, scale: MapScale = "figure") -> Figure:
    """Make a Figure that fits the maps."""
    _, tall = _cell(result, TWO_COLUMNS)
    rows = len(result.images) * len(result.channel)
    height = 0.3 + rows * (tall + _GAP) + (len(result.images) - 1) * _GAP + _BAR
    return new_figure(TWO_COLUMNS, height)


def _cell(result: FeatureMaps, width: float) -> tuple[float, float]:
    """Width and height of a map, in inches; a kernel and its words must fit beside it."""
    cell = (width - 2 * MARGIN - len(COLUMNS) * _GAP) / (len(COLUMNS) + 1)
    down, across = result.images.shape[1:3]
    return cell, max(cell * down / across, 0.3)


def draw_maps(
    result: FeatureMaps, target: Figure | SubFigure, *, scale: MapScale = "figure"
) -> dict[str, Axes]:
    """Draw the maps of each image and channel in a row, beside the channel's kernel.

    A map shows where its channel is large, not what it stands for: the pointwise part mixes all
    channels right after, so the output of the same number is another channel. A map is white where
    it is 0, not where it is at its mean.
    """
    width, height = inches(target)
    target.set_label(_note(result, scale))
    cell, tall = _cell(result, width)
    across = result.images.shape[2]
    pixel = cell / across
    starts = _starts(result, tall) / pixel
    extent = float(starts[-1]) + tall / pixel
    upper = height - MARGIN - 0.3
    limits = map_limits(result, scale)
    made = {}
    for i, column in enumerate(("image", *COLUMNS)):
        axes = panel(
            target,
            (MARGIN + i * (cell + _GAP), upper - extent * pixel, cell, extent * pixel),
        )
        axes.set_xlim(0, across)
        axes.set_ylim(extent, 0)
        axes.set_axis_off()
        axes.text(across / 2, -0.03 / pixel, _HEADS[column], fontsize=SMALL, ha="center",
                  va="bottom", linespacing=1.1)  # fmt: skip
        made[column] = axes
    _draw_images(made["image"], result, starts)
    for row, start in enumerate(starts):
        image, channel = divmod(row, len(result.channel))
        _draw_row(made, result, image, channel, float(start), limits, pixel)
    _draw_bars(target, made, limits, scale, upper - extent * pixel - 0.1)
    return made


_HEADS = {
    "image": "image",
    "input": "input map",
    "kernel": "kernel",
    "depthwise": "after the\nkernel",
    "depthwise_activation": "after the\nactivation",
    "over": "normalised,\nover the image",
    "residual": "plus the\ninput map",
    "output": "block's output,\nsame number",
}


def _note(result: FeatureMaps, scale: MapScale) -> str:
    p, k = result.patch_size, result.kernels.shape[-1]
    how = {
        "figure": "one for all maps",
        "stage": "one for each column, shared by its channels and images",
        "sweep": "one for each column, the same for every image of a sweep",
    }[scale]
    ends = f"ends where {100 * SHARE:.0f} % of the values lie within"
    if scale == "sweep":
        ends = (
            "ends three standard deviations beyond the mean of the values of the channels shown on "
            f"its {result.sweep_images} images (after the kernel, of which it does not know: where "
            f"{100 * SHARE:.0f} % of the values of the maps shown lie within)"
        )
    return (
        f"Block {result.block}, channels: {result.chosen_by}. White is zero. Colour scale: {how}, "
        f"{ends}; kernels have their own. One square of a map is a patch of {p} x {p} pixels; the "
        f"frame in an input map is the size of the {k} x {k} kernel. Over the image: what the "
        "depthwise part adds, after its batch norm; the stronger, the less of the (grey) image "
        "shows. The pointwise part mixes all channels: the output of the same number is not the "
        "same channel."
    )


def _starts(result: FeatureMaps, tall: float) -> NDArray[np.float64]:
    """Top of each row, in inches; images stand further apart than channels."""
    rows = np.arange(len(result.images) * len(result.channel))
    starts: NDArray[np.float64] = rows * (tall + _GAP) + rows // len(result.channel) * _GAP
    return starts


def _draw_images(axes: Axes, result: FeatureMaps, starts: NDArray[np.float64]) -> None:
    """Draw each image beside its first channel."""
    down, across = result.images.shape[1:3]
    per_image = len(result.channel)
    for image, y in zip(result.images, starts[::per_image].tolist(), strict=True):
        axes.imshow(image, extent=(0, across, y + down, y), interpolation="nearest", aspect="auto")


def _draw_row(
    made: dict[str, Axes],
    result: FeatureMaps,
    image: int,
    channel: int,
    top: float,
    limits: dict[str, float],
    pixel: float,
) -> None:
    """Draw one channel's maps of one image; coordinates are the image's pixels."""
    p, k = result.patch_size, result.kernels.shape[-1]
    down, across = result.images.shape[1:3]
    h, w = result.maps.shape[3:]
    place = (0, p * w, top + p * h, top)
    for column in COLUMNS:
        if column in ("kernel", "over"):
            continue
        limit = limits[column]
        made[column].imshow(
            result.of(column)[image, channel], extent=place, cmap=SIGNED, vmin=-limit, vmax=limit,
            interpolation="nearest", aspect="auto",
        )  # fmt: skip
        _frame(made[column], 0, top, p * w, p * h)
    values = result.of(_SHOWN["over"])[image, channel]
    show_over(made["over"], result.images[image], values, limits["over"], (0, top, p))
    _frame(made["over"], 0, top, across, down)
    # How far the kernel reaches, in the corner of its input.
    made["input"].add_patch(
        Rectangle((0, top + p * (h - min(k, h))), p * min(k, w), p * min(k, h), fill=False,
                  linewidth=0.6, edgecolor="black", linestyle=(0, (2, 1.5)))
    )  # fmt: skip
    _draw_kernel(made["kernel"], result, channel, top, limits["kernel"], pixel)


def _draw_kernel(
    axes: Axes, result: FeatureMaps, channel: int, top: float, limit: float, pixel: float
) -> None:
    down, across = result.images.shape[1:3]
    words = f"channel {result.channel[channel]}"
    name = str(result.name[channel])
    space = (_WORDS * (1.7 if name else 1)) / pixel
    side = min(0.72 * across, max(down - space, 0.3 * down))
    left, start = (across - side) / 2, top + down - side
    axes.imshow(
        result.kernels[channel], extent=(left, left + side, start + side, start), cmap=SIGNED,
        vmin=-limit, vmax=limit, interpolation="nearest", aspect="auto",
    )  # fmt: skip
    _frame(axes, left, start, side, side)
    text = f"{words}\n{name}" if name else words
    axes.text(across / 2, start - 0.02 / pixel, text, fontsize=SMALL, ha="center", va="bottom",
              linespacing=1.05)  # fmt: skip


def _frame(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    axes.add_patch(
        Rectangle((x, y), width, height, fill=False, linewidth=0.3, edgecolor="#777777",
                  clip_on=False)
    )  # fmt: skip


def _draw_bars(
    target: Figure | SubFigure,
    made: dict[str, Axes],
    limits: dict[str, float],
    scale: MapScale,
    upper: float,
) -> None:
    """State the colour scales below: one for all maps or one for each column, one for kernels."""
    width, _ = inches(target)
    if scale == "figure":
        box = made["depthwise"].get_position(), made["output"].get_position()
        places = {"depthwise": (box[0].x0 * width, (box[1].x1 - box[0].x0) * width)}
    else:
        places = {
            name: (axes.get_position().x0 * width, axes.get_position().width * width)
            for name, axes in made.items()
            if name not in ("image", "kernel")
        }
    kernel = made["kernel"].get_position()
    places["kernel"] = (kernel.x0 * width, kernel.width * width)
    for name, (left, across) in places.items():
        limit = limits[name]
        axes = panel(target, (left, upper - 0.07, across, 0.07))
        key = ScalarMappable(Normalize(-limit, limit), SIGNED)
        bar = target.colorbar(
            key, cax=axes, orientation="horizontal", extend="neither" if name == "kernel" else
            "both", extendfrac=0.04, ticks=[-limit, 0, limit],
        )  # fmt: skip
        text = f"{limit:.2g}"
        axes.set_xticklabels([f"−{text}", "0", text], fontsize=SMALL)
        labels = axes.get_xticklabels()
        labels[0].set_horizontalalignment("left")
        labels[-1].set_horizontalalignment("right")
        axes.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
        bar.outline.set_linewidth(0.4)
        words = {"kernel": "weight"}.get(name, "value of a map")
        axes.set_xlabel(words, fontsize=TEXT if scale == "figure" else SMALL, labelpad=1)
