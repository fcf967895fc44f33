"""One patch filter and its fit: the filter as it is, what describes it, and what is left."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import rgb_tiles
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.one_filter.result import FilterFit

_GAP, _SIGN = 2.0 * MM, 4.0 * MM
_HEAD, _WORDS, _BAR = 0.2, 0.2, 0.55
_TILES = 6


def _side(width: float) -> float:
    return (width - 2 * MARGIN - _BAR - 4 * _SIGN - 4 * _GAP) / _TILES


def filter_figure(result: FilterFit) -> Figure:
    """Make a Figure that fits `draw_filter`, two columns wide."""
    del result
    return new_figure(TWO_COLUMNS, _HEAD + _side(TWO_COLUMNS) + _WORDS)


def draw_filter(result: FilterFit, target: Figure | SubFigure) -> list[Axes]:
    """Draw a filter, its fit and the residual, in colour and along its colour axis.

    In colour mid grey is zero and each tile has the scale of the filter; the residual then holds
    what other colour axes carry, too.
    """
    width, height = inches(target)
    colour = len(result.filter_weights) == 3
    limit = float(np.abs(np.nan_to_num(result.filter_weights)).max()) or 1.0
    peak = float(np.abs(np.nan_to_num(result.map)).max()) or 1.0
    target.set_label(
        f"Patch filter {result.channel}. "
        + ("In colour: mid grey is zero, one scale for the three tiles. " if colour else "")
        + "Map: the filter along its strongest colour axis"
        + (f" ({_axis(result)})" if colour else "")
        + "; white is zero, one scale for the three tiles."
    )
    side = min(_side(width), height - _HEAD - _WORDS)
    y, x, axes = height - _HEAD - side, MARGIN, []
    rest = result.map - result.fitted_map
    signed = [(result.map, "map", ""), (result.fitted_map, "Gabor", f"R² {result.r2_map:.2f}"),
              (rest, "residual", "")]  # fmt: skip
    if colour:
        stack = np.stack([result.filter_weights, result.fitted, result.residual])
        tiles = rgb_tiles(stack, np.full(3, limit))
        words = ["", f"R² {result.r2:.2f}", ""]
        for tile, name, text in zip(tiles, ("filter", "fit", "residual"), words, strict=True):
            axes.append(_tile(target, (x, y, side), tile, name, text))
            x += side + _SIGN
        x += _GAP
    for values, name, text in signed:
        axes.append(_tile(target, (x, y, side), values, name, text, peak))
        x += side + _SIGN
    _signs(target, axes, side)
    bar = panel(target, (x - _SIGN + 0.1, y, 0.07, side))
    key = target.colorbar(axes[-1].get_images()[0], cax=bar)
    key.outline.set_linewidth(0.4)
    key.set_ticks([-peak, 0, peak], labels=[f"−{peak:.2g}", "0", f"+{peak:.2g}"])
    bar.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    return axes


def _tile(
    target: Figure | SubFigure,
    box: tuple[float, float, float],
    values: NDArray[np.floating] | NDArray[np.uint8],
    title: str,
    words: str,
    limit: float | None = None,
) -> Axes:
    x, y, side = box
    axes = panel(target, (x, y, side, side))
    if limit is None:
        axes.imshow(values, interpolation="nearest")
    else:
        axes.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_title(title, fontsize=TEXT, pad=2)
    axes.text(0.5, -0.05, words, fontsize=SMALL, ha="center", va="top", transform=axes.transAxes)
    return axes


def _signs(target: Figure | SubFigure, axes: list[Axes], side: float) -> None:
    """Write between the tiles that the first is about the second plus the third."""
    width, _ = inches(target)
    for i, one in enumerate(axes):
        if i % 3 < 2:
            box = one.get_position()
            target.text(box.x1 + _SIGN / 2 / width, (box.y0 + box.y1) / 2, "≈+"[i % 3],
                        fontsize=TEXT, ha="center", va="center")  # fmt: skip


def _axis(result: FilterFit) -> str:
    names = ("red", "green", "blue")
    return ", ".join(
        f"{name} {value:+.2f}".replace("-", "−")
        for name, value in zip(names, result.colour_axis, strict=True)
    )
