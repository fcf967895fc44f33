"""The frame around a figure's panels: a title, a note, axes placed in inches, colours of depth."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.style import LACKING, MM, ONE_COLUMN, SMALL, TEXT, TITLE, new_figure, printable

__all__ = [
    "MARGIN",
    "block_bar",
    "depth_colours",
    "foot",
    "heading",
    "inches",
    "narrow",
    "nothing",
    "one_column",
    "panel",
    "panel_boxes",
    "plain_axes",
    "shortened",
    "wrapped",
]

MARGIN = 0.08
"""Inches kept free around a figure."""
_LINE = SMALL * 1.3 / 72
_LETTERS = 126
"""Letters of one point in an inch, on average."""
_SHORTEST, _USUAL = 12, 24
"""Letters that are kept of a name, and of most names without their ending."""
_NARROW = 120 * MM


def inches(target: Figure | SubFigure) -> tuple[float, float]:
    """Return width and height of a target in inches."""
    box = target.bbox
    dpi = target.figure.dpi if isinstance(target, SubFigure) else target.dpi
    return float(box.width / dpi), float(box.height / dpi)


def narrow(width: float) -> bool:
    """Whether so many inches are about one column of a journal: panels go below one another."""
    return width < _NARROW


def one_column(draw: Callable[[Any, Figure], Any], result: Any, height: float) -> Figure:
    """Draw a figure one column wide, as tall as the lines of its note make it."""
    # How many lines the note has is known once it is drawn.
    tall = height + 4
    for _ in range(2):
        figure = new_figure(ONE_COLUMN, tall)
        draw(result, figure)
        tall = height + foot(str(figure.get_label()), ONE_COLUMN)
    return figure


def heading(target: Figure | SubFigure, name: str, title: str, note: str) -> tuple[float, float]:
    """Write the title at the top, and a note, wrapped to the width, at the bottom."""
    width, height = inches(target)
    x = MARGIN / width
    size = TITLE
    room = int((width - 2 * MARGIN) * _LETTERS / size) - len(title) - 3
    # Rather a smaller title than a usual name cut.
    if room < max(_SHORTEST, min(len(name.rpartition(".")[0]), _USUAL)):
        size = TEXT
        room = int((width - 2 * MARGIN) * _LETTERS / size) - len(title) - 3
    shown = printable(shortened(name, room))
    if LACKING in shown and LACKING not in name:
        note = f"{note} {LACKING} in the name: a character that no font of this machine has."
    text = f"{shown} · {title}"
    lines = wrapped(text, width, size) if room < _SHORTEST else [text]
    target.text(
        x, 1 - 0.06 / height, "\n".join(lines), fontsize=size, va="top", ha="left",
        linespacing=1.2,
    )  # fmt: skip
    for i, line in enumerate(reversed(wrapped(note, width))):
        target.text(x, (0.06 + i * _LINE) / height, line, fontsize=SMALL, va="bottom", ha="left")
    target.set_label(note)
    return 0.27 + (len(lines) - 1) * size * 1.3 / 72, foot(note, width)


def wrapped(note: str, width: float, size: float = SMALL) -> list[str]:
    """Cut a text into lines that fit a target's width."""
    letters = max(20, int((width - 2 * MARGIN) * _LETTERS / size))
    # A number and its unit stay on one line.
    parts = note.replace(" %", "\u00a0%").split("\n")
    lines = [line for part in parts for line in textwrap.wrap(part, letters)]
    return [line.replace("\u00a0", " ") for line in lines]


def foot(note: str, width: float) -> float:
    """Return the inches that `heading` takes at the bottom."""
    return 0.12 + len(wrapped(note, width)) * _LINE


def shortened(name: str, letters: int) -> str:
    """Leave out the ending of a name that is too long, or else its middle; both ends stay."""
    letters = max(letters, _SHORTEST)
    if len(name) <= letters:
        return name
    stem = name.rpartition(".")[0]
    if 0 < len(stem) <= letters:
        return stem
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}…{name[-tail:]}"


def nothing(target: Figure | SubFigure, name: str, title: str, why: str) -> Axes:
    """Say in the place of a figure why there is none."""
    heading(target, name, title, "")
    axes = target.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    letters = max(20, int((inches(target)[0] - 2 * MARGIN) * _LETTERS / TEXT))
    axes.text(0.5, 0.5, textwrap.fill(why, letters), fontsize=TEXT, ha="center", va="center")
    return axes


def panel(target: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Add axes at a place given in inches."""
    width, height = inches(target)
    left, bottom, across, up = box
    axes = target.add_axes((left / width, bottom / height, across / width, up / height))
    return plain_axes(axes)


def panel_boxes(
    width: float,
    heights: tuple[float, float],
    n: int,
    *,
    left: float,
    beside: float,
    between: float,
    right: float = MARGIN,
) -> list[tuple[float, float, float, float]]:
    """Return where equal panels go: side by side, or in one column below one another."""
    low, high = heights
    room = width - left - right
    if narrow(width):
        tall = (high - low - (n - 1) * between) / n
        return [(left, low + (n - 1 - i) * (tall + between), room, tall) for i in range(n)]
    each = (room - (n - 1) * beside) / n
    return [(left + i * (each + beside), low, each, high - low) for i in range(n)]


def plain_axes(axes: Axes) -> Axes:
    """Give axes thin spines, short ticks and small numbers."""
    axes.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)
    return axes


def depth_colours(n: int) -> NDArray[np.float64]:
    """Return a colour per block, dark to light, that also reads in grey."""
    colours: NDArray[np.float64] = mpl.colormaps["viridis"](np.linspace(0, 0.93, max(n, 1)))
    return colours


def block_bar(
    target: Figure | SubFigure, box: tuple[float, float, float, float], blocks: Sequence[int]
) -> Axes:
    """Draw the key to the colours of blocks."""
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
