"""One look per kernel name: a colour and a marker, the same in every figure.

Most colours are of Paul Tol's "muted" scheme, made to be told apart by colour-blind readers
(*Colour Schemes*, SRON/EPS/TN/09-002). Fourteen colours are too many to rest on alone: every name
also has a marker of its own, areas are stacked in the order of their legend, and opposite
polarities have the same marker, filled and hollow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.patches import Patch

from viz.views.kernels.result import KERNEL_NAMES


@dataclass(frozen=True)
class NameStyle:
    """How one name is drawn: hexadecimal RGB, a marker for points, whether it is filled."""

    colour: str
    marker: str
    filled: bool


NAME_STYLES: dict[str, NameStyle] = {
    "identity": NameStyle("#000000", "P", True),
    "shift": NameStyle("#7818f0", "X", True),
    "blob+": NameStyle("#cc6677", "o", True),
    "blob-": NameStyle("#88ccee", "o", False),
    "on-centre": NameStyle("#771144", "s", True),
    "off-centre": NameStyle("#9a7dff", "s", False),
    "edge": NameStyle("#ddcc77", "^", True),
    "bar": NameStyle("#117733", "D", True),
    "ring": NameStyle("#44aa99", "h", False),
    "cross": NameStyle("#aa4499", "P", False),
    "grating": NameStyle("#999933", "v", True),
    "frame": NameStyle("#ffb347", "d", False),
    "flat": NameStyle("#774411", "*", True),
    "unnamed": NameStyle("#dddddd", "o", True),
}
"""Look of every name in `viz.views.kernels.result.KERNEL_NAMES`."""


def present(names: Iterable[str]) -> list[str]:
    """Return the names that occur, in the order in which figures show them."""
    there = {str(name) for name in names}
    return [name for name in KERNEL_NAMES if name in there]


def minus(name: str) -> str:
    """Return a name as figures write it."""
    return name.replace("blob-", "blob−")


def area_handles(names: Sequence[str]) -> list[Patch]:
    """Return legend handles for areas and bars, in this order."""
    return [
        Patch(facecolor=NAME_STYLES[name].colour, label=minus(name), linewidth=0) for name in names
    ]
