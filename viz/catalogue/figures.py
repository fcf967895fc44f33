"""From the name of a figure to what makes it, without importing matplotlib before."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawn"]


def drawn(module: str, name: str) -> Callable[[Any], Figure]:
    """Return what turns a result into a figure of a module of `viz.draw`.

    Parameters
    ----------
    module : str
        Of `viz.draw`, such as ``"clusters"``.
    name : str
        Of the figure: drawn by the module's ``draw_NAME`` on its ``NAME_figure(result)`` or, where
        it has none, on a new figure of its ``SIZES[NAME]``.

    Returns
    -------
    callable
        Result to a finished Figure.
    """

    def make(result: Any) -> Figure:
        from viz.draw.style import new_figure

        found = import_module(f"viz.draw.{module}")
        sized = getattr(found, f"{name}_figure", None)
        figure: Figure = sized(result) if sized is not None else new_figure(*found.SIZES[name])
        getattr(found, f"draw_{name}")(result, figure)
        return figure

    return make
