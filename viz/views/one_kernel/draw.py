"""One kernel as a sum of shapes: kernel, sum, residual, and each shape."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.equation import Tile, draw_equation, equation_figure
from viz.views.one_kernel.result import ShapeFit

_MOST, _WORDS = 7, 0.5
"""Kernel, sum, residual and four shapes; inches for the words below them."""


def shapes_figure(result: ShapeFit) -> Figure:
    """Make a Figure that fits `draw_shapes`, two columns wide."""
    del result
    return equation_figure(_MOST, _WORDS)


def draw_shapes(result: ShapeFit, target: Figure | SubFigure) -> list[Axes]:
    """Draw a kernel, its sum of shapes and the residual, then each shape.

    Shapes are drawn with their factor, so they add up to the sum. Two shapes that cancel each
    other can both be strong where the kernel is pale.
    """
    target.set_label(
        f"Block {result.block}, kernel {result.channel}. All tiles have one colour scale, to the "
        "kernel's largest |weight|; white is zero. Below a shape stand its name as if it stood "
        "alone, its scale, and the share of the energy explained up to it."
    )
    k, r2 = len(result.kernel), result.r2
    tiles = [
        Tile(result.kernel, "kernel", sign="≈"),
        Tile(
            result.fitted, "sum", f"R² {r2:.2f}\n{result.coefficients} numbers\nfor {k}² taps", "+"
        ),
        Tile(result.residual, "residual", f"{100 * (1 - r2):.0f}\u00a0% of\nthe energy"),
    ]
    for i, shape in enumerate(result.shapes):
        sign = "+" if i + 1 < len(result.shapes) else ""
        tiles.append(Tile(shape, f"shape {i + 1}", _words(result, i), sign))
    limit = float(np.abs(result.kernel).max()) or 1.0
    return draw_equation(target, tiles, _MOST, _WORDS, limit)


def _words(result: ShapeFit, i: int) -> str:
    name = result.names[i]
    if np.isfinite(result.orientation[i]):
        name += f", {result.orientation[i]:.0f}°"
    scale = f"{result.scale[i]:.1f} taps\n" if np.isfinite(result.scale[i]) else ""
    return f"{name}\n{scale}R² {result.r2_by_shapes[i]:.2f}"
