"""One kernel as a sum of shapes: kernel, sum, residual, and each shape."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.one_kernel.result import ShapeFit

_GAP, _SIGN, _WORDS = 1.5 * MM, 4.0 * MM, 0.42
_MOST = 7
_BAR = 0.55


def _tile_side(width: float) -> float:
    """Inches of a tile: kernel, sum, rest and four shapes fit in a row."""
    return (width - 2 * MARGIN - _BAR - 5 * _SIGN - _GAP) / _MOST


def shapes_figure(result: ShapeFit) -> Figure:
    """Make a Figure that fits `draw_shapes`, two columns wide."""
    del result
    return new_figure(TWO_COLUMNS, _tile_side(TWO_COLUMNS) + _WORDS + 0.22 + MARGIN)


def draw_shapes(result: ShapeFit, target: Figure | SubFigure) -> list[Axes]:
    """Draw a kernel, its sum of shapes and the residual, then each shape.

    Shapes are drawn with their factor, so they add up to the sum. Two shapes that cancel each
    other can both be strong where the kernel is pale.
    """
    width, height = inches(target)
    count = len(result.shapes)
    target.set_label(
        f"Block {result.block}, kernel {result.channel}. All tiles have one colour scale, to the "
        "kernel's largest |weight|; white is zero. Below a shape: its name as if it stood alone, "
        "its scale, and the share of the energy explained up to it."
    )
    side = min(_tile_side(width), height - MARGIN - _WORDS - 0.2)
    limit = float(np.abs(result.kernel).max()) or 1.0
    k = len(result.kernel)
    tiles: list[tuple[NDArray[np.float32], str, str]] = [
        (result.kernel, "kernel", ""),
        (result.fitted, "sum", f"R² {result.r2:.2f}\n{result.coefficients} numbers\nfor {k}² taps"),
        (result.residual, "residual", f"{100 * (1 - result.r2):.0f}\u00a0% of\nthe energy"),
        *((shape, f"shape {i + 1}", _words(result, i)) for i, shape in enumerate(result.shapes)),
    ]
    signs = ["≈", "+", "", *["+"] * count]
    y, x, axes = MARGIN + _WORDS, MARGIN, []
    for i, (values, title, words) in enumerate(tiles):
        one = panel(target, (x, y, side, side))
        mesh = one.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        one.set_xticks([])
        one.set_yticks([])
        one.spines[:].set_visible(True)
        one.set_title(title, fontsize=TEXT, pad=2)
        one.text(0.5, -0.05, words, fontsize=SMALL, ha="center", va="top",
                 transform=one.transAxes, linespacing=1.1)  # fmt: skip
        axes.append(one)
        gap = _GAP + _SIGN if i == 2 else _SIGN
        sign = signs[i] if i + 1 < len(tiles) else ""
        target.text((x + side + gap / 2) / width, (y + side / 2) / height, sign, fontsize=TEXT,
                    ha="center", va="center")  # fmt: skip
        x += side + gap
    bar = panel(target, (x - _SIGN + 0.1, y, 0.07, side))
    key = target.colorbar(mesh, cax=bar)
    key.outline.set_linewidth(0.4)
    key.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    bar.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    return axes


def _words(result: ShapeFit, i: int) -> str:
    name = result.names[i]
    if np.isfinite(result.orientation[i]):
        name += f", {result.orientation[i]:.0f}°"
    scale = f"{result.scale[i]:.1f} taps\n" if np.isfinite(result.scale[i]) else ""
    return f"{name}\n{scale}R² {result.r2_by_shapes[i]:.2f}"
