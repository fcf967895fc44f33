"""Scores of attributions over many images."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.style import GREY, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.views.attribution.result import REFERENCES, Trust, method_words

_ROW, _NAMES = 0.17, 1.08
_PANELS = (
    ("insertion AUC", "more is better", "insertion_auc", 1),
    ("deletion AUC", "less is better", "deletion_auc", 1),
    ("unexplained (%)", "less is better", "unexplained", 100),
    ("max-sensitivity (%)", "less is steadier", "max_sensitivity", 100),
    ("|completeness gap|", "logits", "completeness_gap", 1),
    ("randomisation |ρ|", "less is better", "randomisation", 1),
)
"""Words, what is good, the score, and its factor."""


def _scores_note(result: Trust) -> str:
    n = len(result.names)
    passes = ", ".join(f"{k} {v:,}" for k, v in result.passes.items() if v)
    return (
        f"{n} image{'s' * (n > 1)}. A dot is an image, a bar the mean over images; dotted and "
        "dash-dotted: means of the random map and of the edge detector, which know nothing of the "
        "network; nor does the constant map. AUC: area under the curve of the probability of what "
        "is explained, as patches are inserted into a blurred image or replaced by the mean "
        "colour, largest value first. unexplained: 0 % if the map predicts every change of the "
        "score when patches go, 100 % if none. max-sensitivity: largest relative change of the map "
        f"under noise of ±{result.source.settings['radius']:g}. completeness gap: the sum "
        "of a map's values less the change of the score that they should add up to, where a method "
        "promises that. randomisation: mean size of the rank correlation ρ between "
        "the map and those of the network with weights drawn anew, from the head down. Passes "
        f"through the network for one image: {passes}."
    )


def scores_figure(result: Trust) -> Figure:
    """Make a Figure that fits `draw_scores`."""
    height = 0.34 + _ROW * (len(result.rated) + 0.5) + 0.22
    return new_figure(TWO_COLUMNS, height)


def draw_scores(result: Trust, target: Figure | SubFigure) -> list[Axes]:
    """Draw every score of every map over all images.

    Scores disagree because they ask different questions. With few images the means are uncertain:
    look at the dots. A map that ignores its input has a sensitivity of 0.
    """
    width, height = inches(target)
    target.set_label(_scores_note(result))
    shown = [row for row in _PANELS if np.isfinite(getattr(result, row[2])).any()]
    each = (width - _NAMES - 2 * MARGIN) / max(len(shown), 1)
    up = height - 0.56
    made = []
    for i, (words, better, name, factor) in enumerate(shown):
        axes = panel(target, (MARGIN + _NAMES + i * each, 0.22, each - 0.1, up))
        values = factor * np.abs(getattr(result, name)).T
        _dots(axes, result, values)
        axes.set_title(f"{words}\n{better}", fontsize=SMALL, pad=3, linespacing=1.15)
        if i:
            axes.set_yticklabels([])
        else:
            names = [method_words(m) for m in result.rated]
            axes.set_yticklabels(names, fontsize=TEXT)
        made.append(axes)
    return made


def _dots(axes: Axes, result: Trust, values: NDArray[np.float64]) -> None:
    """Draw the images' values of each map, their mean, and the references' means."""
    finite = values[np.isfinite(values)]
    top = float(finite.max(initial=0.0)) or 1.0
    rows = len(result.rated)
    for row, name in enumerate(result.rated):
        shown = values[row][np.isfinite(values[row])]
        if not len(shown):
            axes.text(0.02 * top, row, "–", fontsize=SMALL, va="center")
            continue
        known = name not in REFERENCES
        spread = np.linspace(-0.2, 0.2, len(shown)) if len(shown) > 1 else np.zeros(1)
        axes.plot(shown, row + spread, linestyle="", marker="o", markersize=2, markeredgewidth=0,
                  color=TEAL if known else GREY, alpha=0.6)  # fmt: skip
        mean = float(shown.mean())
        axes.plot([mean, mean], [row - 0.34, row + 0.34], color="black", linewidth=1.2)
        if name in ("random", "edges"):
            axes.axvline(mean, color="#777777", linewidth=0.6,
                         linestyle=":" if name == "random" else "-.")  # fmt: skip
    axes.axhline(rows - len(REFERENCES) - 0.5, color="black", linewidth=0.4)
    axes.set_xlim(-0.04 * top, 1.06 * top)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows))
    axes.tick_params(axis="y", length=0)
    ticks = MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(0, top)
    axes.set_xticks([tick for tick in ticks if tick <= top])
    axes.xaxis.set_major_formatter("{x:g}")
