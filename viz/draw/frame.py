"""The frame around a figure's panels: a title, a note, axes placed in inches, colours of depth."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text
from numpy.typing import NDArray

from viz.draw.style import SMALL, TEXT, TITLE, printable

__all__ = [
    "MARGIN",
    "NOTE",
    "block_bar",
    "depth_colours",
    "foot",
    "heading",
    "inches",
    "note_of",
    "nothing",
    "panel",
    "plain_axes",
    "shortened",
]

MARGIN = 0.08
"""Inches kept free around a figure."""
_LINE = SMALL * 1.3 / 72
_LETTERS = 126
"""Letters of one point in an inch, on average."""
_SHORTEST = 12
"""Letters that are kept of a name."""
NOTE = "note"
"""Label of the texts that are a figure's note; it is not drawn."""


def inches(target: Figure | SubFigure) -> tuple[float, float]:
    """Return width and height of a target in inches."""
    box = target.bbox
    dpi = target.figure.dpi if isinstance(target, SubFigure) else target.dpi
    return float(box.width / dpi), float(box.height / dpi)


def heading(target: Figure | SubFigure, name: str, title: str, note: str) -> tuple[float, float]:
    """Write the title at the top, and a note, wrapped to the width, at the bottom.

    Parameters
    ----------
    target : Figure or SubFigure
        To write on.
    name : str
        Of the checkpoint; characters that cannot be drawn are replaced.
    title : str
        What is shown.
    note : str
        How to read it; lines are kept.

    Returns
    -------
    tuple of float
        Inches taken at the top and at the bottom.
    """
    width, height = inches(target)
    x = MARGIN / width
    size = TITLE
    room = int((width - 2 * MARGIN) * _LETTERS / size) - len(title) - 3
    if room < _SHORTEST:
        size = TEXT
        room = int((width - 2 * MARGIN) * _LETTERS / size) - len(title) - 3
    text = f"{printable(shortened(name, room))} · {title}"
    target.text(x, 1 - 0.06 / height, text, fontsize=size, va="top", ha="left")
    for i, line in enumerate(reversed(_wrapped(note, width))):
        target.text(
            x, (0.06 + i * _LINE) / height, line, fontsize=SMALL, va="bottom", ha="left",
            label=NOTE,
        )  # fmt: skip
    return 0.27, foot(note, width)


def note_of(figure: Figure) -> str:
    """Return the note at a figure's bottom: its scale, and how to read it.

    Parameters
    ----------
    figure : Figure
        Drawn.

    Returns
    -------
    str
        As `heading` was given it, on one line; empty where there is none.
    """
    lines = [text for text in figure.findobj(Text) if text.get_label() == NOTE]
    # Lines were written from the bottom up.
    return " ".join(text.get_text() for text in reversed(lines)).replace(r"\$", "$")


def _wrapped(note: str, width: float) -> list[str]:
    letters = max(20, int((width - 2 * MARGIN) * _LETTERS / SMALL))
    # A number and its unit stay on one line.
    parts = note.replace(" %", "\u00a0%").split("\n")
    lines = [line for part in parts for line in textwrap.wrap(part, letters)]
    return [line.replace("\u00a0", " ") for line in lines]


def foot(note: str, width: float) -> float:
    """Return the inches that `heading` takes at the bottom.

    Parameters
    ----------
    note : str
        As given there.
    width : float
        Of the target, in inches.

    Returns
    -------
    float
        Height.
    """
    return 0.12 + len(_wrapped(note, width)) * _LINE


def shortened(name: str, letters: int) -> str:
    """Leave out the middle of a name that is too long, so that both ends can be read.

    Parameters
    ----------
    name : str
        Such as a file name.
    letters : int
        Room; 12 at least are kept.

    Returns
    -------
    str
        The name, or its ends around an ellipsis.
    """
    letters = max(letters, _SHORTEST)
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}…{name[-tail:]}"


def nothing(target: Figure | SubFigure, name: str, title: str, why: str) -> Axes:
    """Say in the place of a figure why there is none.

    Parameters
    ----------
    target : Figure or SubFigure
        To write on.
    name, title : str
        As in `heading`.
    why : str
        A sentence.

    Returns
    -------
    matplotlib.axes.Axes
        Empty, its only text the sentence.
    """
    heading(target, name, title, "")
    axes = target.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    letters = max(20, int((inches(target)[0] - 2 * MARGIN) * _LETTERS / TEXT))
    axes.text(0.5, 0.5, textwrap.fill(why, letters), fontsize=TEXT, ha="center", va="center")
    return axes


def panel(target: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Add axes at a place given in inches.

    Parameters
    ----------
    target : Figure or SubFigure
        To draw on.
    box : tuple of float
        Left, bottom, width, height.

    Returns
    -------
    matplotlib.axes.Axes
        Empty, with thin spines and small numbers.
    """
    width, height = inches(target)
    left, bottom, across, up = box
    axes = target.add_axes((left / width, bottom / height, across / width, up / height))
    return plain_axes(axes)


def plain_axes(axes: Axes) -> Axes:
    """Give axes thin spines, short ticks and small numbers.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        To change.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    axes.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)
    return axes


def depth_colours(n: int) -> NDArray[np.float64]:
    """Return a colour per block, dark to light, that also reads in grey.

    Parameters
    ----------
    n : int
        Blocks.

    Returns
    -------
    ndarray, (n, 4)
        RGBA of the colour map "viridis", its palest end left out.
    """
    colours: NDArray[np.float64] = mpl.colormaps["viridis"](np.linspace(0, 0.93, max(n, 1)))
    return colours


def block_bar(
    target: Figure | SubFigure, box: tuple[float, float, float, float], blocks: Sequence[int]
) -> Axes:
    """Draw the key to the colours of blocks.

    Parameters
    ----------
    target : Figure or SubFigure
        To draw on.
    box : tuple of float
        Left, bottom, width, height in inches; wide for a horizontal bar.
    blocks : sequence of int
        First block first.

    Returns
    -------
    matplotlib.axes.Axes
        The bar.
    """
    axes, n = panel(target, box), len(blocks)
    cmap = ListedColormap(depth_colours(n))
    key = ScalarMappable(BoundaryNorm(np.arange(n + 1) - 0.5, n), cmap)
    flat = box[2] > box[3]
    bar = target.colorbar(key, cax=axes, orientation="horizontal" if flat else "vertical")
    shown = np.unique(np.linspace(0, n - 1, min(n, 10)).round().astype(int))
    bar.set_ticks(shown.tolist(), labels=[str(blocks[i]) for i in shown])
    bar.ax.minorticks_off()
    plain_axes(bar.ax)
    words: dict[str, Any] = {"fontsize": TEXT, "labelpad": 1.5}
    bar.set_label("block", **words)
    return axes
