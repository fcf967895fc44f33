"""One filter or kernel, large: its weights with their values, its frequency response."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.mosaic import rgb_tiles
from viz.plot.style import ONE_COLUMN, SIGNED, SMALL, new_figure
from viz.views.close_up.result import CloseUp

_MOST_VALUES = 5
"""Taps a side, at most, of kernels whose weights are written in."""
_LEFT, _RIGHT, _ABOVE, _BELOW = 0.42, 0.72, 0.18, 0.34
"""Inches around the picture."""


def close_up_figure(result: CloseUp | None = None) -> Figure:
    """Make an empty Figure one column wide, for `draw_weights` or `draw_response`."""
    del result
    side = ONE_COLUMN - _LEFT - _RIGHT
    return new_figure(ONE_COLUMN, side + _ABOVE + _BELOW)


def _panel(target: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Add axes at left, bottom, width, height, as shares of the square that holds the picture."""
    whole = target.bbox
    dpi = target.figure.dpi if isinstance(target, SubFigure) else target.dpi
    width, height = whole.width / dpi, whole.height / dpi
    side = min(width - _LEFT - _RIGHT, height - _ABOVE - _BELOW)
    left, bottom, across, up = box
    return target.add_axes(
        (
            (_LEFT + left * side) / width,
            (_BELOW + bottom * side) / height,
            across * side / width,
            up * side / height,
        )
    )


def _colour_bar(target: Figure | SubFigure, mesh: Any, label: str) -> None:
    axes = _panel(target, (1.03, 0.0, 0.035, 1.0))
    target.colorbar(mesh, cax=axes)
    axes.tick_params(length=2, width=0.4, labelsize=SMALL)
    axes.set_ylabel(label, fontsize=SMALL)


def draw_weights(result: CloseUp, target: Figure | SubFigure) -> list[Axes]:
    """Draw a kernel as signed taps with their values, or a filter in colour and by channel.

    The colours run to this kernel's own largest absolute weight, so that a weak kernel looks as
    strong as a strong one: compare norms, not colours. Weights are those of the file; the batch
    norm behind them scales every channel anew.
    """
    channels = len(result.weights)
    limit = float(np.abs(np.nan_to_num(result.weights, posinf=0, neginf=0)).max()) or 1.0
    target.set_label(f"Weights of {result.name}; white is zero.")
    if channels == 1:
        axes = [_panel(target, (0, 0, 1, 1))]
        mesh = _taps(axes[0], result.weights[0], limit)
        _ruler(axes[0], result)
        if result.weights.shape[-1] <= _MOST_VALUES:
            _values(axes[0], result.weights[0], limit)
    else:
        axes, mesh = _by_channel(result, target, limit)
    _colour_bar(target, mesh, "weight")
    return axes


def _by_channel(
    result: CloseUp, target: Figure | SubFigure, limit: float
) -> tuple[list[Axes], Any]:
    """Draw one panel per input channel, and for three of them the colour tile before."""
    colour = len(result.weights) == 3
    names = (
        ["red", "green", "blue"] if colour else [f"input {i}" for i in range(len(result.weights))]
    )
    count = len(names) + colour
    across = int(np.ceil(np.sqrt(count)))
    step = 1 / across
    size = 0.86 * step
    boxes = [
        ((i % across) * step, 1 - (i // across) * step - size - 0.08 * step, size, size)
        for i in range(count)
    ]
    axes = [_panel(target, box) for box in boxes]
    if colour:
        tile = rgb_tiles(result.weights[None], np.array([limit]))[0]
        axes[0].imshow(tile, interpolation="nearest")
        names = ["in colour (grey is zero)", *names]
    meshes = [
        _taps(one, weights, limit)
        for one, weights in zip(axes[colour:], result.weights, strict=True)
    ]
    for one, name in zip(axes, names, strict=True):
        one.set_title(name, fontsize=SMALL, pad=2)
        one.set_xticks([])
        one.set_yticks([])
        one.spines[:].set_visible(True)
    return axes, meshes[0]


def _taps(axes: Axes, weights: NDArray[np.float32], limit: float) -> Any:
    return axes.imshow(weights, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")


def _ruler(axes: Axes, result: CloseUp) -> None:
    """Count from the tap that lies on the output's own place, y upwards."""
    k = result.weights.shape[-1]
    # An even kernel has one tap more on the far side.
    centre = (k - 1) // 2
    ticks = np.unique([0, centre, k - 1])
    axes.set_xticks(ticks, [_signed(t - centre) for t in ticks])
    axes.set_yticks(ticks, [_signed(centre - t) for t in ticks])
    unit = "pixels" if result.source.block is None else "patches"
    axes.set_xlabel(f"{unit} from the centre", fontsize=SMALL, labelpad=1)
    axes.tick_params(length=2, width=0.4, labelsize=SMALL)


def _signed(value: int) -> str:
    return f"{value:+d}".replace("-", "−") if value else "0"


def _values(axes: Axes, weights: NDArray[np.float32], limit: float) -> None:
    """Write each weight into its cell, in units that leave two digits."""
    unit = 10.0 ** (np.floor(np.log10(limit)) - 1)
    for (y, x), value in np.ndenumerate(np.rint(weights / unit) + 0.0):
        colour = "white" if abs(weights[y, x]) > 0.62 * limit else "black"
        axes.text(
            x,
            y,
            f"{value:.0f}".replace("-", "−"),
            fontsize=SMALL,
            color=colour,
            ha="center",
            va="center",
        )
    axes.set_title(f"numbers: weight in units of {unit:.3g}", fontsize=SMALL, pad=2)


def draw_response(result: CloseUp, target: Figure | SubFigure) -> Axes:
    """Draw the gain at each spatial frequency, zero frequency in the middle.

    A bright middle answers to flat areas, two spots to stripes at right angles to the line
    between them, a ring to detail of one size in any direction. The scale is this kernel's own.
    """
    axes = _panel(target, (0, 0, 1, 1))
    # Each value is a square of the picture, so the picture reaches half a square further.
    end = -float(result.frequency[0]) + 0.5 / len(result.frequency)
    image = axes.imshow(
        result.response,
        cmap="cividis",
        vmin=0,
        vmax=result.peak_gain if 0 < result.peak_gain < np.inf else 1.0,
        extent=(-end, end, -end, end),
        interpolation="nearest",
    )
    per = "pixel" if result.source.block is None else "patch"
    axes.set_xlabel(f"cycles per {per}, across", fontsize=SMALL, labelpad=1)
    axes.set_ylabel(f"cycles per {per}, up", fontsize=SMALL, labelpad=-2)
    axes.set_xticks([-0.5, 0, 0.5])
    axes.set_yticks([-0.5, 0, 0.5])
    axes.tick_params(length=2, width=0.4, labelsize=SMALL)
    target.set_label(f"Frequency response of {result.name}.")
    _colour_bar(target, image, "gain: output per input amplitude")
    return axes
