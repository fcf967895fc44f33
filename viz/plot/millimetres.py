"""Bare figures, measured in millimetres: signed maps over photographs, charts, their scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from viz.plot.frame import inches, plain_axes
from viz.plot.overlay import laid_over, pale
from viz.plot.style import MM, SIGNED, printable

PAGE, HALF_PAGE = 178.0, 85.0
"""Widths of two columns and of one, in millimetres."""
SIZE = 7.0
"""Of all text, in points."""
BAR = 10.5
"""Height of a colour bar with its numbers and its unit, in millimetres."""
_LETTER = 0.56 * SIZE / 72 / MM
"""Width of a letter on average, in millimetres."""
_FRAME = "#777777"
_AXIS = 14.0
"""Room on the left of a chart, in millimetres."""


def canvas(target: Figure | SubFigure) -> Axes:
    """Return axes over all of a figure, in millimetres from its upper left corner."""
    width, height = (side / MM for side in inches(target))
    axes = target.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return axes


def chart(target: Figure | SubFigure, box: tuple[float, float, float, float]) -> Axes:
    """Return axes at (x, y), so wide and high, in millimetres from the upper left corner."""
    width, height = (side / MM for side in inches(target))
    x, y, across, down = box
    axes = target.add_axes((x / width, 1 - (y + down) / height, across / width, down / height))
    plain_axes(axes).tick_params(labelsize=SIZE)
    return axes


def panels(
    width: float, n: int, top: float, high: float
) -> tuple[float, list[tuple[float, float, float, float]]]:
    """Return a figure's height and where n charts go: side by side, or in one column."""
    if width > HALF_PAGE:
        each = width / n
        boxes = [(k * each + _AXIS, top, each - _AXIS - 2, high) for k in range(n)]
        return top + high + 9, boxes
    boxes = [(_AXIS, top + k * (high + 3), width - _AXIS - 3, high) for k in range(n)]
    return top + n * (high + 3) + 6, boxes


def write(
    axes: Axes, x: float, y: float, text: str, *, room: float | None = None, **how: Any
) -> Text:
    """Write lines of text; each is cut to the room there is, in millimetres."""
    lines = text.split("\n")
    if room is not None:
        most = max(4, int(room / _LETTER))
        lines = [line if len(line) <= most else f"{line[: most - 1]}…" for line in lines]
    shown = "\n".join(map(printable, lines))
    made: Text = axes.text(x, y, shown, fontsize=SIZE, linespacing=1.0, **how)
    return made


def common_limit(values: NDArray[np.floating], share: float = 0.995) -> float:
    """Return where a scale ends that many maps have in common."""
    sizes = np.abs(values[np.isfinite(values)])
    return (float(np.quantile(sizes, share)) if len(sizes) else 0.0) or 1.0


def photograph(
    axes: Axes,
    image: NDArray[np.uint8],
    place: tuple[float, float, float],
    *,
    values: NDArray[np.float64] | None = None,
    limit: float = 1.0,
    patch: int = 1,
) -> None:
    """Draw an image at (x, y) so wide, grey below a map where there is one."""
    x, y, across = place
    high, wide = image.shape[:2]
    tall = across * high / wide
    below = image if values is None else pale(image)
    axes.imshow(below, extent=(x, x + across, y + tall, y), aspect="auto", interpolation="nearest")
    if values is not None:
        # Pixels beyond the last whole patch belong to none.
        pixel, (rows, columns) = across / wide, values.shape
        extent = (x, x + pixel * patch * columns, y + pixel * patch * rows, y)
        axes.imshow(laid_over(values, limit), extent=extent, aspect="auto",
                    interpolation="nearest")  # fmt: skip
    axes.add_patch(
        Rectangle((x, y), across, tall, fill=False, linewidth=0.3, edgecolor=_FRAME, clip_on=False)
    )


def signed_map(
    axes: Axes,
    values: NDArray[np.floating],
    box: tuple[float, float, float, float],
    limit: float,
) -> None:
    """Draw signed values at (x, y), so wide and high, in a thin frame."""
    x, y, across, down = box
    axes.imshow(values, extent=(x, x + across, y + down, y), cmap=SIGNED, vmin=-limit, vmax=limit,
                interpolation="nearest", aspect="auto")  # fmt: skip
    axes.add_patch(
        Rectangle((x, y), across, down, fill=False, linewidth=0.3, edgecolor=_FRAME, clip_on=False)
    )


def bar(
    target: Figure | SubFigure,
    box: tuple[float, float, float],
    limit: float,
    unit: str,
    *,
    cut: bool = True,
) -> Axes:
    """State a symmetric scale at (x, y) so wide, in millimetres of the whole figure."""
    axes = chart(target, (*box, 1.8))
    key = target.colorbar(
        ScalarMappable(Normalize(-limit, limit), SIGNED), cax=axes, orientation="horizontal",
        extend="both" if cut else "neither", extendfrac=0.04, ticks=[-limit, 0, limit],
    )  # fmt: skip
    axes.set_xticklabels([f"−{limit:.2g}", "0", f"{limit:.2g}"])
    # Inward, so that bars can stand side by side.
    low, _, high = axes.get_xticklabels()
    low.set_horizontalalignment("left")
    high.set_horizontalalignment("right")
    key.outline.set_linewidth(0.4)
    axes.set_xlabel(unit, fontsize=SIZE, labelpad=1)
    return axes
