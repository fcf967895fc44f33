"""Effect sizes of the descriptors, a row each, with intervals: drawn and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, panel, panel_boxes
from viz.plot.style import SMALL, TEXT

NAMES = {
    "dc_share": "DC share",
    "odd_energy": "odd energy",
    "rms_radius": "RMS radius (taps)",
    "anisotropy": "anisotropy",
    "spectral_centroid": "spectral centroid (cycles/tap)",
    "radial_sign_changes": "radial sign changes",
    "separability": "separability",
    "r2_one_shape": "R² of one shape",
}
"""Descriptors in words."""


def effect_boxes(
    target: Figure | SubFigure, taken: tuple[float, float], panels: int
) -> list[tuple[float, float, float, float]]:
    """Return where panels of effects go: side by side, or below one another in one column."""
    (width, height), (above, below) = inches(target), taken
    return panel_boxes(
        width, (below + 0.36, height - above - 0.08), panels,
        left=1.02 if narrow(width) else 1.62, beside=0.2, between=0.44, right=0.1,
    )  # fmt: skip


def descriptor_panels(
    target: Figure | SubFigure, descriptors: Sequence[str], notes: Sequence[str], *, below: float
) -> list[Axes]:
    """Return a panel for each descriptor by block, with its name and a note above.

    They stand in rows of four or, in one column, of two, above so many free inches.
    """
    width, height = inches(target)
    across = 2 if narrow(width) else 4
    down = -(-len(descriptors) // across)
    head, foot, ticks = 0.15 * (1 + any(notes)), MARGIN + 0.32 + below, 0.23
    left, between = 0.4, 0.42
    each = (width - left - (across - 1) * between - MARGIN) / across
    room = (height - MARGIN - foot + ticks) / down
    out = []
    for i, name in enumerate(descriptors):
        x = left + i % across * (each + between)
        low = foot + (down - 1 - i // across) * room
        axes = panel(target, (x, low, each, room - head - ticks))
        words = NAMES.get(name, name)
        axes.set_title(f"{words}\n{notes[i]}" if any(notes) else words, fontsize=SMALL, pad=3)
        axes.margins(0.08, 0.12)
        if i // across == down - 1:
            axes.set_xlabel("block", fontsize=SMALL)
        out.append(axes)
    return out


def with_quartiles(
    axes: Axes,
    x: NDArray[np.float64] | NDArray[np.int64],
    quartiles: NDArray[np.float64],
    colour: str,
    marker: str,
) -> None:
    """Draw medians as points and quartiles as bars; ``quartiles`` are (n, 3)."""
    axes.vlines(x, quartiles[:, 0], quartiles[:, 2], color=colour, linewidth=1.2)
    axes.plot(x, quartiles[:, 1], marker, color=colour, markersize=3.4)


def draw_effect_rows(
    axes: Axes,
    estimate: NDArray[np.float64],
    interval: NDArray[np.float64],
    label: str,
    *,
    names: Sequence[str] | None,
) -> None:
    """Draw effects from -1 to 1 with their intervals, the first in the highest row."""
    rows = np.arange(len(estimate))[::-1]
    axes.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    axes.hlines(rows, *interval.T, color="black", linewidth=1.1, zorder=3)
    axes.plot(estimate, rows, "o", color="black", markersize=3.2, zorder=4, linestyle="")
    axes.set(xlim=(-1.03, 1.03), ylim=(-0.6, len(rows) - 0.4))
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_xlabel(label, fontsize=TEXT)
    words = [NAMES.get(name, name) for name in names or ()]
    short = narrow(inches(axes.figure)[0])
    # In one column a unit has a line of its own.
    words = [word.replace(" (", "\n(") for word in words] if short else words
    axes.set_yticks(rows, words or [""] * len(rows), linespacing=1.0)
    axes.tick_params(axis="y", labelsize=SMALL if short else TEXT)
    axes.spines[["top", "right"]].set_visible(False)
