"""Effect sizes of the descriptors, a row each, with intervals: drawn and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import inches, narrow, panel_boxes
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
