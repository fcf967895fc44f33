"""One filter or kernel, large: its frequency response."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.plot.frame import inches, panel
from viz.plot.style import ONE_COLUMN, SMALL, new_figure
from viz.views.close_up.result import CloseUp

_LEFT, _RIGHT, _ABOVE, _BELOW = 0.42, 0.72, 0.18, 0.34
"""Inches around the picture."""


def close_up_figure(result: CloseUp | None = None) -> Figure:
    """Make an empty Figure one column wide, for `draw_response`."""
    del result
    return new_figure(ONE_COLUMN, ONE_COLUMN - _LEFT - _RIGHT + _ABOVE + _BELOW)


def draw_response(result: CloseUp, target: Figure | SubFigure) -> Axes:
    """Draw the gain at each spatial frequency, zero frequency in the middle.

    A bright middle answers to flat areas, two spots to stripes at right angles to the line
    between them, a ring to detail of one size in any direction. The scale is this kernel's own.
    """
    width, height = inches(target)
    side = min(width - _LEFT - _RIGHT, height - _ABOVE - _BELOW)
    axes = panel(target, (_LEFT, _BELOW, side, side))
    # Each value is a square of the picture, so the picture reaches half a square further.
    end = -float(result.frequency[0]) + 0.5 / len(result.frequency)
    peak = float(result.response.max())
    image = axes.imshow(
        result.response, cmap="cividis", vmin=0, vmax=peak if 0 < peak < np.inf else 1.0,
        extent=(-end, end, -end, end), interpolation="nearest",
    )  # fmt: skip
    per = "pixel" if result.source.block is None else "patch"
    axes.set_xlabel(f"cycles per {per}, across", fontsize=SMALL, labelpad=1)
    axes.set_ylabel(f"cycles per {per}, up", fontsize=SMALL, labelpad=-2)
    axes.set_xticks([-0.5, 0, 0.5])
    axes.set_yticks([-0.5, 0, 0.5])
    target.set_label(f"Frequency response of {result.name}.")
    bar = panel(target, (_LEFT + 1.03 * side, _BELOW, 0.035 * side, side))
    target.colorbar(image, cax=bar)
    bar.set_ylabel("gain: output per input amplitude", fontsize=SMALL)
    return axes
