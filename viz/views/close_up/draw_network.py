"""The network to scale: what each part can see of the image, and where the parameters are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import EngFormatter, MaxNLocator

from viz.core.network import counted
from viz.plot.frame import MARGIN, depth_colours, inches, panel
from viz.plot.style import ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.views.close_up.result import Parts

_ROW = 0.125
_FIELD = 2.2
_SEGMENTS = (
    ("patch filters, depthwise kernels", TEAL),
    ("pointwise weights, head", ORANGE),
    ("biases and batch norms", "#bbbbbb"),
)
_NOTE = (
    "Left: the image to scale, cut into patches, and the square of pixels that a position in the "
    "middle can depend on after the patch embedding and after each block (the theoretical field; "
    "what it does depend on is far less). Right: trainable parameters of each part, and the shape "
    "of what leaves it: channels x height x width."
)


def _height(result: Parts) -> float:
    return max(_FIELD, _ROW * len(result.part) + 0.1)


def network_figure(result: Parts) -> Figure:
    """Make a Figure that fits `draw_network`, two columns wide."""
    return new_figure(TWO_COLUMNS, 0.44 + _height(result) + 0.36)


def draw_network(result: Parts, target: Figure | SubFigure) -> list[Axes]:
    """Draw a network's parts to scale.

    Squares reach beyond the image, where the padding's zeros are seen; those that leave the panel
    are left out.
    """
    width, height = inches(target)
    target.set_label(_NOTE)
    tall = min(_height(result), height - 2 * MARGIN - 0.82)
    upper = height - MARGIN - 0.42
    fields = panel(target, (MARGIN + 0.3, upper - _FIELD, _FIELD, _FIELD))
    _draw_fields(fields, result)
    left = MARGIN + 0.3 + _FIELD + 1.0
    bars = panel(target, (left, upper - tall, width - left - 1.15, tall))
    _draw_parameters(bars, result)
    target.legend(
        handles=[Patch(facecolor=colour, label=name) for name, colour in _SEGMENTS],
        loc="upper left", ncols=3, frameon=False, fontsize=SMALL, handlelength=1.4,
        columnspacing=1.0, borderaxespad=0,
        bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height),
    )  # fmt: skip
    return [fields, bars]


def _draw_fields(axes: Axes, result: Parts) -> None:
    """Draw image, patches and receptive fields around the middle patch."""
    size, patch = result.image_size, result.patch_size
    margin = 0.3 * size
    grid = np.arange(0, size - size % patch + 1, patch)
    axes.add_patch(Rectangle((0, 0), size, size, color="#f4f4f4", zorder=0))
    axes.vlines(grid, 0, grid[-1], color="#cccccc", linewidth=0.3, zorder=1)
    axes.hlines(grid, 0, grid[-1], color="#cccccc", linewidth=0.3, zorder=1)
    axes.add_patch(Rectangle((0, 0), size, size, fill=False, linewidth=0.9, zorder=2))
    middle = patch * ((size // patch) // 2) + patch / 2
    room = 2 * min(middle + margin, size + margin - middle)
    fields = result.receptive_field[:-1]
    shown = fields[fields < room]
    colours = [ORANGE, *depth_colours(len(fields) - 1)]
    for number, (field, colour) in enumerate(zip(shown.tolist(), colours, strict=False)):
        corner = (middle - field / 2, middle - field / 2)
        axes.add_patch(Rectangle(corner, field, field, fill=number == 0, facecolor=colour,
                                 edgecolor=colour, linewidth=1.1, zorder=3))  # fmt: skip
        if number:
            axes.text(*corner, f"{number - 1}", fontsize=SMALL, ha="left",
                      va="bottom", zorder=4)  # fmt: skip
    axes.set_xlim(-margin, size + margin)
    axes.set_ylim(size + margin, -margin)
    axes.set_aspect("equal")
    ticks = sorted({0, size})
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.set_xlabel("pixels", fontsize=TEXT, labelpad=1)
    last = len(shown) - 2
    words = f"filled: patch; squares: after block 0 to {last}" if last > 0 else "filled: patch"
    words = "filled: patch; square: after block 0" if last == 0 else words
    axes.set_title(words + ("" if len(shown) == len(fields) else " (later: larger)"),
                   fontsize=SMALL, pad=3)  # fmt: skip


def _draw_parameters(axes: Axes, result: Parts) -> None:
    """Draw a bar per part, and beside it what leaves the part."""
    rows = np.arange(len(result.part))
    rest = result.parameters - result.filter_parameters - result.pointwise_parameters
    start = np.zeros(len(rows))
    for (_, colour), count in zip(
        _SEGMENTS, (result.filter_parameters, result.pointwise_parameters, rest), strict=True
    ):
        axes.barh(rows, count, 0.8, start, color=colour)
        start += count
    axes.set_xlim(0, 1.02 * start.max())
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(rows, list(result.part), fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("parameters", fontsize=TEXT, labelpad=1)
    for row, shape in enumerate(result.shape.tolist()):
        text = " × ".join(map(str, shape)) if row + 1 < len(rows) else counted(shape[0], "class")
        axes.text(1.03 * 1.02 * start.max(), row, text, fontsize=SMALL, va="center", clip_on=False)
