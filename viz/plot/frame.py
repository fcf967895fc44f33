"""What figures are put together from: axes placed in inches, names that fit, colours of depth.

A figure holds panels and their labels alone. What it shows, and how to read it, is its caption:
a drawing sets it with ``target.set_label``, and pages, reports and figures.tex write it below.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.style import INK, MM, ORANGE, SIGNED, SMALL, TEAL, TEXT, is_dark

MARGIN = 0.04
"""Inches kept free around a figure."""
_LETTERS = 126
"""Letters of one point in an inch, on average."""
_SHORTEST = 12
"""Letters that are kept of a name."""
_NARROW = 120 * MM
STAGE_LOOKS = {
    "patch embedding": ("#000000", "D", "#000000"),
    "depthwise": (ORANGE, "o", ORANGE),
    "pointwise": (TEAL, "s", "white"),
}
"""Colour, marker and the marker's face of what a network's activations stand behind."""


def inches(target: Figure | SubFigure) -> tuple[float, float]:
    """Return width and height of a target in inches."""
    box = target.bbox
    dpi = target.figure.dpi if isinstance(target, SubFigure) else target.dpi
    return float(box.width / dpi), float(box.height / dpi)


def narrow(width: float) -> bool:
    """Whether so many inches are about one column of a journal: panels go below one another."""
    return width < _NARROW


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


def nothing(target: Figure | SubFigure, why: str) -> Axes:
    """Say in the place of a figure why there is none."""
    axes = target.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    letters = max(20, int((inches(target)[0] - 2 * MARGIN) * _LETTERS / TEXT))
    target.set_label("Nothing is drawn; the reason stands in the figure's place.")
    axes.text(0.5, 0.5, textwrap.fill(why, letters), fontsize=TEXT, ha="center", va="center")
    return axes


def panel(target: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Add axes at a place given in inches."""
    width, height = inches(target)
    left, bottom, across, up = box
    axes = target.add_axes((left / width, bottom / height, across / width, up / height))
    return plain_axes(axes)


def show_picture(
    target: Figure | SubFigure,
    box: tuple[float, float, float, float],
    picture: NDArray[np.uint8],
    shape: tuple[int, int],
) -> Axes:
    """Draw a picture at a place in inches; coordinates are rows and columns of that shape."""
    axes = panel(target, box)
    axes.imshow(picture, extent=(0, shape[1], shape[0], 0), interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    return axes


def outlined(axes: Axes, x: NDArray[np.int64], y: NDArray[np.int64], size: tuple[int, int]) -> Axes:
    """Put a hairline around tiles, at (x, y) and so high and wide: pale ones end somewhere."""
    corners = np.array([(0, 0), (size[1], 0), size[::-1], (0, size[0])])
    axes.add_collection(
        PolyCollection(np.stack([x, y], 1)[:, None] + corners, facecolors="none", linewidths=0.3,
                       edgecolors="#777777", clip_on=False), autolim=False
    )  # fmt: skip
    return axes


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


def legend_below(target: Figure | SubFigure, handles: Sequence[Any], columns: int) -> None:
    """Write the key to a figure into its lower left corner."""
    width, height = inches(target)
    target.legend(
        handles=handles, ncols=columns, fontsize=SMALL, frameon=False, loc="lower left",
        borderaxespad=0, borderpad=0.2, labelspacing=0.2, columnspacing=1.2,
        bbox_to_anchor=(MARGIN / width, (MARGIN + 0.02) / height),
    )  # fmt: skip


def plain_axes(axes: Axes) -> Axes:
    """Give axes thin spines, short ticks and small numbers."""
    axes.tick_params(length=2, width=0.5, pad=1.5, labelsize=SMALL, color=INK)
    return axes


def depth_colours(n: int) -> NDArray[np.float64]:
    """Return a colour per block, dark to light, that also reads in grey."""
    colours: NDArray[np.float64] = mpl.colormaps["viridis"](
        np.linspace(0.3 if is_dark() else 0, 0.93, max(n, 1))
    )
    return colours


def colour_key(
    target: Figure | SubFigure, place: tuple[float, float, float], end: str, *, words: str = ""
) -> Axes:
    """Draw a flat bar of colours from -end to +end; the place is left, bottom and length."""
    left, low, long = place
    axes = panel(target, (left, low, long, 0.07))
    axes.imshow(np.linspace(-1, 1, 255)[None], cmap=SIGNED, aspect="auto", extent=(-1, 1, 0, 1))
    axes.set_xticks([-1, 0, 1], [f"−{end}", "0", f"+{end}"])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_xlabel(words, fontsize=SMALL, labelpad=1)
    return axes


def signed_bar(
    target: Figure | SubFigure, box: tuple[float, float, float, float], limit: float
) -> Axes:
    """Draw an upright bar of colours from -limit to +limit at a place in inches."""
    axes = panel(target, box)
    key = target.colorbar(ScalarMappable(Normalize(-limit, limit), SIGNED), cax=axes)
    key.outline.set_linewidth(0.4)
    key.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    return plain_axes(axes)


def blocks_axis(axes: Axes, depth: int) -> float:
    """Number the blocks along an axis, the patch embedding before them; return its place."""
    # So far before the first block that the words fit.
    before = -max(1.0, 0.09 * depth)
    ticks = range(0, depth, max(1, -(-depth // 10)))
    axes.set_xticks([before, *ticks], ["patches", *map(str, ticks)])
    axes.set_xlim(1.6 * before, depth - 0.4)
    axes.set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    return before


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
