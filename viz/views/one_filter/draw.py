"""One patch filter and its fit: the filter as it is, what describes it, and what is left."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.equation import Tile, draw_equation, equation_figure
from viz.plot.mosaic import rgb_tiles
from viz.views.one_filter.result import FilterFit

_MOST, _WORDS = 6, 0.2
"""Filter, fit and residual in colour and as maps; inches for the words below them."""


def filter_figure(result: FilterFit) -> Figure:
    """Make a Figure that fits `draw_filter`, two columns wide."""
    del result
    return equation_figure(_MOST, _WORDS)


def draw_filter(result: FilterFit, target: Figure | SubFigure) -> list[Axes]:
    """Draw a filter, its fit and the residual, in colour and along its colour axis.

    In colour mid grey is zero and each tile has the scale of the filter; the residual then holds
    what other colour axes carry, too.
    """
    colour = len(result.filter_weights) == 3
    peak = float(np.abs(np.nan_to_num(result.map)).max()) or 1.0
    target.set_label(
        f"Patch filter {result.channel}. "
        + ("In colour, mid grey is zero and the three tiles have one scale. " if colour else "")
        + "Map: the filter along its strongest colour axis"
        + (f" ({_axis(result)})" if colour else "")
        + "; white is zero, and the three tiles have one scale."
    )
    tiles = [
        Tile(result.map, "map", sign="≈"),
        Tile(result.fitted_map, "Gabor", f"R² {result.r2_map:.2f}", "+"),
        Tile(result.map - result.fitted_map, "residual"),
    ]
    if colour:
        stack = np.stack([result.filter_weights, result.fitted, result.residual])
        limit = float(np.abs(np.nan_to_num(result.filter_weights)).max()) or 1.0
        whole, fit, rest = rgb_tiles(stack, np.full(3, limit))
        tiles = [
            Tile(whole, "filter", sign="≈"),
            Tile(fit, "fit", f"R² {result.r2:.2f}", "+"),
            Tile(rest, "residual"),
            *tiles,
        ]
    return draw_equation(target, tiles, _MOST, _WORDS, peak)


def _axis(result: FilterFit) -> str:
    names = ("red", "green", "blue")
    return ", ".join(
        f"{name} {value:+.2f}".replace("-", "−")
        for name, value in zip(names, result.colour_axis, strict=True)
    )
