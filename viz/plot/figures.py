"""From drawing functions to finished figures of two columns or one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from viz.plot.style import ONE_COLUMN, new_figure

__all__ = ["both", "drawn"]

Draw = Callable[[Any, Figure], Any]
Size = tuple[float, float] | Callable[..., Figure]
Height = float | Callable[[Any], float]


def drawn(
    draw: Draw, size: Size, short: Height | None = None, *, columns: int = 2
) -> Callable[[Any], Figure]:
    """Return what turns a result into a figure.

    ``size`` is width and height in inches, or a function of the result and the width that returns
    an empty figure; ``short`` the height in one column, where it differs.
    """
    return partial(_make, draw, size, short, columns)


def _make(draw: Draw, size: Size, short: Height | None, columns: int, result: Any) -> Figure:
    if columns == 1 and short is not None:
        figure = new_figure(ONE_COLUMN, short(result) if callable(short) else short)
    elif callable(size):
        figure = size(result, width=ONE_COLUMN) if columns == 1 else size(result)
    else:
        figure = new_figure(*size)
    draw(result, figure)
    return figure


def both(
    draw: Draw, size: Size, short: Height | None = None
) -> tuple[Callable[[Any], Figure], Callable[[Any], Figure]]:
    """Return what makes a figure for two columns and for one, as `drawn` does."""
    return drawn(draw, size, short), drawn(draw, size, short, columns=1)
