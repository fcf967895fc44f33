"""Tiles in a row with signs between: a sum of pictures, their signed scale on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel, signed_bar
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure

_GAP, _SIGN, _BAR, _HEAD = 2.0 * MM, 4.0 * MM, 0.55, 0.2


@dataclass(frozen=True)
class Tile:
    """One picture: signed values or RGB, the words above and below, and the sign behind it."""

    values: NDArray[np.floating] | NDArray[np.uint8]
    title: str
    words: str = ""
    sign: str = ""


def _side(width: float, most: int) -> float:
    return (width - 2 * MARGIN - _BAR - (most - 1) * (_SIGN + _GAP / 2)) / most


def equation_figure(most: int, words: float) -> Figure:
    """Make a Figure for up to so many tiles, with so many inches for the words below."""
    return new_figure(TWO_COLUMNS, _HEAD + _side(TWO_COLUMNS, most) + words)


def draw_equation(
    target: Figure | SubFigure, tiles: Sequence[Tile], most: int, words: float, limit: float
) -> list[Axes]:
    """Draw tiles on one signed scale; where a tile has no sign behind it, a gap follows."""
    width, height = inches(target)
    side = min(_side(width, most), height - _HEAD - words)
    y, x, made = height - _HEAD - side, MARGIN, []
    for tile in tiles:
        axes = panel(target, (x, y, side, side))
        # RGB stays as it is.
        axes.imshow(tile.values, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.set_title(tile.title, fontsize=TEXT, pad=2)
        axes.text(0.5, -0.05, tile.words, fontsize=SMALL, ha="center", va="top",
                  transform=axes.transAxes, linespacing=1.1)  # fmt: skip
        made.append(axes)
        gap = _SIGN if tile.sign else _SIGN + _GAP
        target.text((x + side + gap / 2) / width, (y + side / 2) / height, tile.sign,
                    fontsize=TEXT, ha="center", va="center")  # fmt: skip
        x += side + gap
    signed_bar(target, (x - _SIGN - _GAP + 0.1, y, 0.07, side), limit)
    return made
