"""The best, the median and the worst fits: what was fitted, its fit and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, outlined, show_picture
from viz.plot.mosaic import Layout, enlarge
from viz.plot.style import MM, SMALL, TALLEST, TEXT, new_figure

_LEFT, _HEAD, _WORDS = 0.5, 0.19, 0.16
"""Inches for the names of the rows, for the name of a sort of fits, and for the R² below."""
_LARGEST = 16 * MM
_SORTS = ("best", "median", "worst")


def examples(r2: NDArray[np.float64], rows: NDArray[np.int64], each: int) -> NDArray[np.int64]:
    """Return which rows fit best, in the middle and worst, (3, each), none twice if there are many.

    There are fewer of each where there are few rows, and none where nothing was fitted.
    """
    rows = rows[np.isfinite(r2[rows])]
    ranked = rows[np.argsort(-r2[rows], kind="stable")]
    each = min(each, -(-len(ranked) // 3))
    start = (len(ranked) - each) // 2
    return np.stack([ranked[:each], ranked[start : start + each], ranked[len(ranked) - each :]])


@dataclass(frozen=True)
class Fits:
    """Coloured tiles (n, h, w, 3), such as what was fitted, fits and residuals, by sort.

    The sorts stand side by side on two columns, below one another on one.
    """

    parts: Sequence[NDArray[np.uint8]]
    r2: NDArray[np.float64]
    names: tuple[str, ...]

    def _steps(self, width: float) -> tuple[int, int, int, float]:
        """Tiles of a sort, pixels from one sort to the next across and down, a pixel's inches."""
        n, h, w, _ = self.parts[0].shape
        each, inner = max(1, n // 3), width - _LEFT - MARGIN
        if narrow(width):
            room = (TALLEST - 2 * _HEAD) / 3 - _HEAD - _WORDS
            inch = min(inner / (each * (w + 1)), _LARGEST / h, room / len(self.parts) / (h + 1))
            return each, 0, len(self.parts) * (h + 1) + int(np.ceil((_HEAD + _WORDS) / inch)), inch
        across = each * (w + 1) + w // 2
        return each, across, 0, min(inner / (3 * across - w // 2), _LARGEST / h)

    def _shape(self, width: float) -> tuple[int, int]:
        _, h, w, _ = self.parts[0].shape
        each, across, down, _ = self._steps(width)
        return 2 * down + len(self.parts) * (h + 1), 2 * across + each * (w + 1)

    def figure(self, width: float) -> Figure:
        """Make a Figure that fits."""
        tall = self._shape(width)[0] * self._steps(width)[3]
        return new_figure(width, tall + _HEAD + _WORDS + MARGIN)

    def draw(self, target: Figure | SubFigure) -> Axes:
        """Draw the tiles, those of a fit below one another, and its R² below."""
        width, height = inches(target)
        (n, h, w, _), rows = self.parts[0].shape, len(self.parts)
        each, across, down, inch = self._steps(width)
        shape, (sort, place) = self._shape(width), np.divmod(np.arange(n), each)
        x, y = sort * across + place * (w + 1), sort * down
        below = np.concatenate([y + line * (h + 1) for line in range(rows)])
        layout = Layout(np.tile(x, rows), below, (h, w), shape, ())
        picture = enlarge(layout.place(np.concatenate(self.parts)), 6)
        tall, wide = shape[0] * inch, shape[1] * inch
        axes = show_picture(target, (_LEFT, height - _HEAD - tall, wide, tall), picture, shape)
        outlined(axes, layout.x, layout.y, (h, w))
        for g, name in enumerate(_SORTS):
            axes.text(g * across, g * down - 0.03 / inch, name, fontsize=TEXT, va="bottom")
            for line, part in enumerate(self.names):
                if g == 0 or down:
                    axes.text(-1, g * down + line * (h + 1) + h / 2, part, fontsize=SMALL,
                              ha="right", va="center")  # fmt: skip
        for i in range(n):
            axes.text(x[i] + w / 2, y[i] + rows * (h + 1), f"{self.r2[i]:.2f}", fontsize=SMALL,
                      ha="center", va="top")  # fmt: skip
        return axes
