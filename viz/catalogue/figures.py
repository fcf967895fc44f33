"""From the name of a figure to what makes it, without importing matplotlib before."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["both", "drawn"]


def drawn(module: str, name: str, *, columns: int = 2) -> Callable[[Any], Figure]:
    """Return what turns a result into a figure of a module of `viz.draw`."""

    def make(result: Any) -> Figure:
        from viz.draw.frame import one_column
        from viz.draw.style import ONE_COLUMN, new_figure

        found = import_module(f"viz.draw.{module}")
        draw = getattr(found, f"draw_{name}")
        sized = getattr(found, f"{name}_figure", None)
        short = getattr(found, "NARROW", {}).get(name)
        if columns == 1 and short is not None:
            return one_column(draw, result, short(result) if callable(short) else short)
        if sized is not None:
            figure: Figure = sized(result, width=ONE_COLUMN) if columns == 1 else sized(result)
        else:
            figure = new_figure(*found.SIZES[name])
        draw(result, figure)
        return figure

    return make


def both(module: str, name: str) -> tuple[Callable[[Any], Figure], Callable[[Any], Figure]]:
    """Return what makes a figure for two columns and for one, as `drawn` does."""
    return drawn(module, name), drawn(module, name, columns=1)
