"""How far each class's logit moves when one kernel or patch filter is changed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from viz.plot.frame import MARGIN, inches, panel, shortened
from viz.plot.style import ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure, printable
from viz.views.ablation.result import Removal

_LOOKS = {
    "removed": ("X", "#222222", "removed: its branch gives its mean output"),
    "fit": ("o", TEAL, "replaced by its fit"),
    "shuffled": ("v", ORANGE, "its own taps shuffled"),
}
_ROW, _HEAD, _AXIS, _NAMES, _KEY = 0.15, 0.3, 0.36, 1.75, 0.2
_MOST = 8
"""Images drawn, at most."""


def _rows(result: Removal) -> list[int]:
    return [len(result.top(i)) for i in range(min(_MOST, len(result.image_names)))]


def _note(result: Removal) -> str:
    n = len(result.image_names)
    some = f" The first {_MOST} of {n} images are drawn." if n > _MOST else ""
    return (
        "Change of the logit of the five classes with the largest logits (number behind a class: "
        "logit of the network as it is), and of any class that becomes the answer; one scale for "
        "all images. The answer is the class with the largest logit." + some
    )


def removal_figure(result: Removal) -> Figure:
    """Make a Figure that fits `draw_removal`, two columns wide."""
    rows = _rows(result)
    pairs = [max(rows[i : i + 2]) for i in range(0, len(rows), 2)]
    height = sum(_HEAD + _ROW * n + _AXIS for n in pairs)
    return new_figure(TWO_COLUMNS, _KEY + height)


def draw_removal(result: Removal, target: Figure | SubFigure) -> list[Axes]:
    """Draw the change of the largest logits, one panel per image.

    Logits that all move by as much leave the probabilities as they are: compare classes within an
    image. The effect of one filter says little: others may do the same.
    """
    width, height = inches(target)
    target.set_label(_note(result))
    rows = _rows(result)
    half = width / 2
    end = 1.15 * max(
        (np.abs(result.difference[:, i, result.top(i)]).max() for i in range(len(rows))),
        default=0.0,
    ) or 1.0  # fmt: skip
    upper = height - MARGIN - _KEY
    axes = []
    for first in range(0, len(rows), 2):
        tall = _ROW * max(rows[first : first + 2])
        for i in range(first, min(first + 2, len(rows))):
            left = MARGIN + (i - first) * half + _NAMES
            own = _ROW * rows[i]
            box = (left, upper - _HEAD - own, half - _NAMES - 2 * MARGIN, own)
            axes.append(_panel_of(result, target, i, box, end))
        upper -= _HEAD + tall + _AXIS
    target.legend(
        handles=[_handle(name) for name in result.changes], loc="upper left", ncols=3,
        frameon=False, fontsize=SMALL, handletextpad=0.2, columnspacing=1.4, borderaxespad=0,
        bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height),
    )  # fmt: skip
    return axes


def _handle(name: str) -> Line2D:
    marker, colour, words = _LOOKS[name]
    return Line2D([], [], linestyle="", marker=marker, markersize=4, color=colour,
                  markerfacecolor=colour if name != "fit" else "white", label=words)  # fmt: skip


def _panel_of(
    result: Removal,
    target: Figure | SubFigure,
    image: int,
    box: tuple[float, float, float, float],
    end: float,
) -> Axes:
    axes = panel(target, box)
    classes = result.top(image)
    y = np.arange(len(classes))
    axes.axvline(0, color="#888888", linewidth=0.6, zorder=0)
    axes.hlines(y, -end, end, color="#eeeeee", linewidth=0.4, zorder=0)
    for j, name in enumerate(result.changes):
        marker, colour, _ = _LOOKS[name]
        axes.scatter(
            result.difference[j, image, classes], y, s=16, marker=marker, linewidths=0.8,
            facecolors="white" if name == "fit" else colour, edgecolors=colour, zorder=3 - j,
        )  # fmt: skip
    axes.set_xlim(-end, end)
    axes.set_ylim(len(classes) - 0.5, -0.5)
    names = [
        f"{printable(shortened(result.class_names[c], 28))}  {result.logits[0, image, c]:.1f}"
        for c in classes.tolist()
    ]
    axes.set_yticks(y, names, fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.set_xlabel("change of the logit", fontsize=SMALL, labelpad=1)
    title = printable(shortened(result.image_names[image], 22))
    axes.text(-_NAMES / box[2], 1 + 0.13 / box[3], f"{title}: {_answer(result, image)}",
              fontsize=TEXT, va="center", ha="left", transform=axes.transAxes)  # fmt: skip
    return axes


def _answer(result: Removal, image: int) -> str:
    """Say in a few words whether the answer changes."""
    changed = [n for n, new in zip(result.changes, result.answer_changes[:, image], strict=True)
               if new]  # fmt: skip
    if not changed:
        return "same answer"
    if len(changed) == len(result.changes):
        return "another answer in every case"
    return "another answer if " + " or ".join(changed)
