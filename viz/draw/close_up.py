"""One filter or kernel, large: its weights with their values, its frequency response."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.draw.mosaic import rgb_tiles
from viz.draw.style import ONE_COLUMN, SIGNED, SMALL, TEXT, TITLE, new_figure
from viz.results.close_up import CloseUp

__all__ = ["close_up_figure", "draw_response", "draw_weights"]

_MOST_VALUES = 15
_COLOURS = ("red", "green", "blue")


def close_up_figure() -> Figure:
    """Make an empty Figure one column wide, for `draw_weights` or `draw_response`.

    Returns
    -------
    matplotlib.figure.Figure
        Laid out so that nothing is cut off.
    """
    figure = new_figure(ONE_COLUMN, ONE_COLUMN * 1.08)
    figure.set_layout_engine("constrained")
    return figure


def draw_weights(result: CloseUp, target: Figure | SubFigure) -> list[Axes]:
    """Draw a kernel as signed taps with their values, or a filter in colour and by channel.

    Parameters
    ----------
    result : CloseUp
        One filter or kernel.
    target : Figure or SubFigure
        Best made by `close_up_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for one channel; for three, the colour tile first, then red, green and blue.

    Notes
    -----
    The colours run to this kernel's own largest absolute weight, so that a weak kernel looks as
    strong as a strong one: compare norms, not colours. Weights are those of the file; the batch
    norm behind them scales every channel anew.
    """
    channels, _, k = result.weights.shape
    limit = float(np.abs(np.nan_to_num(result.weights, posinf=0, neginf=0)).max()) or 1.0
    target.suptitle(f"{_plain(result.source.name)} · {result.name}", fontsize=TITLE, parse_math=False)
    mesh: Any = None
    if channels == 1:
        axes = [target.add_subplot()]
        mesh = _taps(axes[0], result.weights[0], limit, result.source.block is None)
        if k <= _MOST_VALUES:
            _values(axes[0], result.weights[0], limit)
    else:
        shown = ["colour, mid grey is zero"] if channels == 3 else []
        named = _COLOURS if channels == 3 else [f"input channel {i}" for i in range(channels)]
        side = int(np.ceil(np.sqrt(channels + len(shown))))
        grid = target.add_gridspec(-(-(channels + len(shown)) // side), side)
        axes = [target.add_subplot(grid[i // side, i % side]) for i in range(channels + len(shown))]
        if shown:
            tile = rgb_tiles(result.weights[None], np.array([limit]))[0]
            axes[0].imshow(tile, interpolation="nearest")
        for one, weights in zip(axes[len(shown) :], result.weights, strict=True):
            mesh = _taps(one, weights, limit, True)
        for one, name in zip(axes, [*shown, *named], strict=True):
            one.set_title(name, fontsize=TEXT)
            one.set_axis_off()
    bar = target.colorbar(mesh, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("weight; white is zero", fontsize=SMALL)
    return axes


def _plain(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:18]} … {name[-18:]}"


def _taps(axes: Axes, weights: NDArray[np.float32], limit: float, pixels: bool) -> Any:
    image = axes.imshow(weights, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    k = len(weights)
    ticks = np.unique([0, k // 2, k - 1])
    axes.set_xticks(ticks, [str(t - k // 2) for t in ticks], fontsize=SMALL)
    axes.set_yticks(ticks, [str(k // 2 - t) for t in ticks], fontsize=SMALL)
    axes.set_xlabel(f"{'pixels' if pixels else 'patches'} from the centre", fontsize=SMALL)
    axes.tick_params(length=2, width=0.4)
    return image


def _values(axes: Axes, weights: NDArray[np.float32], limit: float) -> None:
    """Write each weight into its cell, in units that leave two digits."""
    power = int(np.floor(np.log10(limit)))
    digits = np.rint(weights / 10.0 ** (power - 1))
    size = min(SMALL, 62 / len(weights))
    for (y, x), value in np.ndenumerate(digits):
        colour = "white" if abs(weights[y, x]) > 0.62 * limit else "black"
        axes.text(x, y, f"{value + 0.0:.0f}", fontsize=size, color=colour, ha="center",
                  va="center")  # fmt: skip
    axes.set_title(f"numbers: weight in units of {10.0 ** (power - 1):.0e}", fontsize=SMALL)


def draw_response(result: CloseUp, target: Figure | SubFigure) -> Axes:
    """Draw the gain at each spatial frequency, zero frequency in the middle.

    Parameters
    ----------
    result : CloseUp
        One filter or kernel.
    target : Figure or SubFigure
        Best made by `close_up_figure`.

    Returns
    -------
    matplotlib.axes.Axes
        Frequencies in cycles per tap (per pixel for a patch filter).

    Notes
    -----
    A bright middle answers to flat areas, two spots to stripes at right angles to the line
    between them, a ring to detail of one size in any direction. The scale is this kernel's own.
    """
    axes = target.add_subplot()
    ends = 0.5
    image = axes.imshow(
        result.response,
        cmap="cividis",
        vmin=0,
        vmax=result.peak_gain if 0 < result.peak_gain < np.inf else 1.0,
        extent=(-ends, ends, -ends, ends),
        interpolation="nearest",
    )
    per = "pixel" if result.source.block is None else "patch"
    axes.set_xlabel(f"cycles per {per}, across", fontsize=SMALL)
    axes.set_ylabel(f"cycles per {per}, up", fontsize=SMALL)
    axes.set_xticks([-0.5, 0, 0.5])
    axes.set_yticks([-0.5, 0, 0.5])
    axes.tick_params(length=2, width=0.4, labelsize=SMALL)
    target.suptitle(f"frequency response of {result.name}", fontsize=TITLE)
    bar = target.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("gain: output per input amplitude", fontsize=SMALL)
    return axes
