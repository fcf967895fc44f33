"""From drawing functions to finished figures of two columns or one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure, SubFigure

from viz.plot.style import ONE_COLUMN, new_figure

Draw = Callable[..., Any]
Size = tuple[float, float] | Callable[..., Figure]
Height = float | Callable[[Any], float]


@dataclass(frozen=True)
class Drawing:
    """What turns a result into a figure.

    ``size`` is width and height in inches, or a function of the result and the width that returns
    an empty figure; ``short`` the height in one column, where it differs.
    """

    draw: Draw
    size: Size
    short: Height | None = None
    columns: int = 2

    def __call__(self, result: Any) -> Figure:
        """Return the finished figure."""
        if self.columns == 1 and self.short is not None:
            tall = self.short(result) if callable(self.short) else self.short
            figure = new_figure(ONE_COLUMN, tall)
        elif callable(self.size):
            wide = {"width": ONE_COLUMN} if self.columns == 1 else {}
            figure = self.size(result, **wide)
        else:
            figure = new_figure(*self.size)
        self.draw(result, figure)
        return figure

    def onto(self, result: Any, target: Figure | SubFigure) -> None:
        """Draw into a part of another figure."""
        self.draw(result, target)


def drawn(draw: Draw, size: Size, short: Height | None = None, *, columns: int = 2) -> Drawing:
    """Return what turns a result into a figure, as `Drawing` has it."""
    return Drawing(draw, size, short, columns)


def both(draw: Draw, size: Size, short: Height | None = None) -> tuple[Drawing, Drawing]:
    """Return what makes a figure for two columns and for one."""
    return drawn(draw, size, short), drawn(draw, size, short, columns=1)
