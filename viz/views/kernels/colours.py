"""A colour per kernel name, the same in every figure, and the key to them.

Most are of Paul Tol's "muted" scheme, made to be told apart by colour-blind readers (*Colour
Schemes*, SRON/EPS/TN/09-002). Fourteen are too many to rest on alone: areas are stacked in the
order of their key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow
from viz.views.kernels.result import KERNEL_NAMES, UNNAMED
from viz.views.weights.draw import KEY

SEEN, OTHER = 0.02, "other"
"""Share from which a name has a part of its own in bars, and what the rarer ones are called."""


NAME_COLOURS = {
    "identity": "#000000",
    "shift": "#7818f0",
    "blob+": "#cc6677",
    "blob-": "#88ccee",
    "on-centre": "#771144",
    "off-centre": "#9a7dff",
    "edge": "#ddcc77",
    "bar": "#117733",
    "ring": "#44aa99",
    "cross": "#aa4499",
    "grating": "#999933",
    "frame": "#ffb347",
    "flat": "#774411",
    OTHER: "#b09a78",
    UNNAMED: "#dddddd",
}
"""Hexadecimal RGB of every name in `viz.views.kernels.result.KERNEL_NAMES`, and of rare ones."""


def present(names: Iterable[str]) -> list[str]:
    """Return the names that occur, in the order in which figures show them."""
    there = {str(name) for name in names}
    return [name for name in KERNEL_NAMES if name in there]


def minus(name: str) -> str:
    """Return a name as figures write it."""
    return name.replace("blob-", "blob−")


def folded(shares: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names that bars show, and their shares: those rare in every bar are one.

    Shapes: ``shares`` (names, bars), as in `KERNEL_NAMES`; returns (shown, bars).
    """
    own = shares.max(1) >= SEEN
    rare = shares[:-1][~own[:-1]].sum(0)
    names = [name for name, there in zip(KERNEL_NAMES, own[:-1], strict=False) if there]
    last = [OTHER] * bool(rare.any()) + [UNNAMED]
    return names + last, np.vstack([shares[:-1][own[:-1]], *[rare] * (len(last) - 1), shares[-1:]])


def area_handles(names: Sequence[str]) -> list[Patch]:
    """Return legend handles for areas and bars, in this order."""
    return [Patch(facecolor=NAME_COLOURS[name], label=minus(name), linewidth=0) for name in names]


def key_above(names: Sequence[str], width: float) -> float:
    """Return the inches of the names' key above that to the colours; on two columns 0: beside."""
    return 0.14 * -(-len(names) // 4) if narrow(width) else 0.0


def names_key(target: Figure | SubFigure, names: Sequence[str], low: float | None = None) -> None:
    """Write the key to the names on the left: by the colours' key, or so many inches up."""
    width, height = inches(target)
    low = low or (KEY if narrow(width) else MARGIN)
    most = 4 if narrow(width) else 7
    columns = -(-len(names) // -(-len(names) // most))
    target.legend(
        handles=area_handles(names), loc="lower left", ncols=columns,
        handlelength=1.0, handleheight=1.0, columnspacing=1.2, handletextpad=0.5, borderaxespad=0,
        borderpad=0, labelspacing=0.25, bbox_to_anchor=(MARGIN / width, low / height),
    )  # fmt: skip
