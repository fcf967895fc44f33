"""What survives when kernels are replaced: by number of shapes, by block, by name, by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, nothing, panel, panel_boxes
from viz.plot.style import MM, ORANGE, PURPLE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.views.substitution.result import SCORES, Substitution


@dataclass(frozen=True)
class _Style:
    colour: str
    marker: str
    line: Any
    filled: bool
    words: str


METHOD_STYLES = {
    "fit": _Style(TEAL, "o", "-", True, "description"),
    "principal-components": _Style(ORANGE, "s", "--", True, "principal components"),
    "dct": _Style(PURPLE, "^", "-.", True, "DCT"),
    "constant": _Style("#cc79a7", "v", ":", False, "mean of the taps"),
    "random": _Style("#777777", "X", ":", True, "noise, same mean and norm"),
    "without": _Style("#000000", "D", ":", False, "without"),
}
"""Colour, marker and line of each method, and its name in figures."""
_AXES = {
    "agreement": "same class (%)",
    "kl": "KL divergence (nats)",
    "correlation": "correlation of logits",
}
_MISSING = "Not measured: this was left out of the scopes."
_SERIES = ("fit", "principal-components", "dct")
SIZES = {"by_block": (TWO_COLUMNS, 96 * MM)}
"""Width and height in inches of the figure that is not fitted."""
NARROW = {"by_block": 116 * MM}
"""Its height in one column."""
_LEAST = 1e-5
"""Smallest divergence that is told from 0 in figures, in nats."""
_LINE = 0.16
"""Inches of a line of a legend."""
_ROW = 3.1 * MM
"""Height of one method's line in the figures by name."""


def curve_figure(result: Substitution, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits the curve."""
    tall = (122 if narrow(width) else 64) * MM
    return new_figure(width, tall)


def draw_curve(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores against the numbers that hold a kernel, all kernels replaced at once.

    Batch norms keep the statistics of training, so that a fit loses by its size as well as by its
    shape. The bases of principal components are free here, and so is the choice of coefficients of
    the DCT; the choice of shapes is, too.
    """
    if result.find("all", "fit") is None:
        return [nothing(target, _MISSING)]
    width, height = inches(target)
    target.set_label(_curve_note(result))
    used = [m for m in METHOD_STYLES if result.find("all", m) is not None]
    handles = [*(_handle(m, line=True) for m in used), _chance_handle()]
    stacked = narrow(width)
    columns = 2 if stacked else 4
    high = height - MARGIN - 0.2 - _LINE * -(-len(handles) // columns)
    boxes = panel_boxes(
        width, (MARGIN + 0.34, high), 3, left=MARGIN + 0.4, beside=0.5, between=0.12
    )
    made = []
    for i, (score, box) in enumerate(zip(SCORES, boxes, strict=True)):
        axes = panel(target, box)
        _draw_lines(axes, result, i)
        axes.set_ylabel(_AXES[score], fontsize=SMALL if stacked else TEXT, labelpad=1.5)
        if not stacked or i == len(SCORES) - 1:
            axes.set_xlabel("numbers per kernel", fontsize=TEXT, labelpad=1.5)
        if not stacked or i == 0:
            _atoms_above(axes, result)
        axes.tick_params(labelbottom=not stacked or i == len(SCORES) - 1)
        made.append(axes)
    target.legend(handles=handles, loc="upper left", ncols=columns, fontsize=SMALL,
                  frameon=False, handlelength=2.4, columnspacing=1.2, handletextpad=0.4,
                  labelspacing=0.3, borderaxespad=0,
                  bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height))  # fmt: skip
    return made


def _images(result: Substitution) -> str:
    bars = {
        "nothing": "No intervals: fewer than five photographs.",
        "images": "Bars: 95 % bootstrap over photographs.",
    }[result.resampled]
    return (
        f"{result.n_images} images: {result.images_note}. {bars} "
        f"Divergences below {_LEAST:g} are drawn there."
    )


def _curve_note(result: Substitution) -> str:
    return (
        "Each kernel is replaced by a constant and 1 to 4 shapes, or by as many principal "
        "components of its block's kernels or largest DCT coefficients. Large ring: as many shapes "
        "as the description keeps. Without: each "
        "depthwise branch gives its mean output. Chance: two different images. "
        f"A kernel has {result.n_taps} taps. {_images(result)} Batch norms as trained."
    )


def _scale(score: int) -> float:
    return 100.0 if score == 0 else 1.0


def _points(
    result: Substitution, rows: NDArray[np.int64], score: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means and the lengths of their error bars, (2, n)."""
    mean, low, high = (
        v[score, rows] * _scale(score) for v in (result.mean, result.low, result.high)
    )
    if SCORES[score] == "kl":
        mean, low, high = (v.clip(_LEAST) for v in (mean, low, high))
    bars = np.stack([mean - low, high - mean]).clip(0)
    return mean, np.nan_to_num(bars)


def _draw_lines(axes: Axes, result: Substitution, score: int) -> None:
    for method in _SERIES:
        style = METHOD_STYLES[method]
        rows = np.flatnonzero(
            (result.scope == "all") & (result.method == method) & (result.n_shapes > 0)
        )
        if not len(rows):
            continue
        mean, bars = _points(result, rows, score)
        axes.errorbar(result.coefficients[rows], mean, bars, color=style.colour,
                      marker=style.marker, linestyle=style.line, markersize=3.2, linewidth=1,
                      elinewidth=0.7)  # fmt: skip
    constant = result.find("all", "constant")
    if constant is not None:
        style, (mean, bars) = (
            METHOD_STYLES["constant"],
            _points(result, np.array([constant]), score),
        )
        axes.errorbar(1, mean, bars, color=style.colour, marker=style.marker, markersize=3.6,
                      elinewidth=0.7, markerfacecolor=_face(style))  # fmt: skip
    kept = result.find("all", "fit")
    if kept is not None:
        mean, _ = _points(result, np.array([kept]), score)
        axes.plot(result.coefficients[kept], mean, marker="o", markersize=7.5, linestyle="",
                  markeredgecolor=METHOD_STYLES["fit"].colour, markerfacecolor="none",
                  markeredgewidth=0.9)  # fmt: skip
    limits = axes.get_xlim()
    for method in ("random", "without"):
        row = result.find("all", method)
        if row is not None:
            style, y = METHOD_STYLES[method], result.mean[score, row] * _scale(score)
            axes.plot([0, 0.96], [y, y], color=style.colour, zorder=1, linestyle=style.line,
                      linewidth=0.8, marker=style.marker, markersize=3.2, markevery=[1],
                      markerfacecolor=_face(style),
                      transform=axes.get_yaxis_transform())  # fmt: skip
    axes.axhline(result.chance[score] * _scale(score), color="#777777", linewidth=3.5, alpha=0.3,
                 zorder=0)  # fmt: skip
    axes.set_xlim(0, limits[1])
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _limit(axes, score, from_zero=True)


def _limit(axes: Axes, score: int, *, way: str = "y", from_zero: bool = False) -> None:
    """Bound a score's axis by what is possible; divergences get a logarithmic one."""
    low, high = getattr(axes, f"get_{way}lim")()
    bound = getattr(axes, f"set_{way}lim")
    if score == 0:
        bound(-3 if from_zero else max(low, -3), 103)
    elif score == 1:
        getattr(axes, f"set_{way}scale")("log")
        axes.minorticks_off()
        bound(_LEAST * 0.7, max(10 ** np.ceil(np.log10(high)), 1e-2))
    else:
        low = min(0.0 if from_zero else 0.9, low)
        bound(low, 1 + 0.04 * (1 - low))


def _atoms_above(axes: Axes, result: Substitution) -> None:
    """Name the numbers of shapes above the panel."""
    rows = np.flatnonzero(
        (result.scope == "all") & (result.method == "fit") & (result.n_shapes > 0)
    )
    for row in rows:
        words = f"{result.n_shapes[row]}" + " shape" * bool(result.n_shapes[row] == 1)
        axes.annotate(words, (result.coefficients[row], 1),
                      xycoords=("data", "axes fraction"), xytext=(0, 1.5),
                      textcoords="offset points", fontsize=SMALL, ha="center", va="bottom",
                      color=METHOD_STYLES["fit"].colour)  # fmt: skip


def _face(style: _Style) -> str:
    return style.colour if style.filled else "white"


def _handle(method: str, *, line: bool) -> Line2D:
    style = METHOD_STYLES[method]
    return Line2D([], [], color=style.colour, marker=style.marker, markersize=3.6, linewidth=1,
                  linestyle=style.line if line else "", label=style.words,
                  markerfacecolor=_face(style))  # fmt: skip


def _chance_handle() -> Line2D:
    return Line2D([], [], color="#777777", linewidth=3.5, alpha=0.3, label="chance")


def draw_by_block(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores with the kernels of one block replaced, block after block.

    A block whose kernels hardly matter (look at "without") says nothing about its description.
    """
    if not (result.scope == "block").any():
        return [nothing(target, _MISSING)]
    width, height = inches(target)
    target.set_label(
        "Description as kept; as many principal components of the block's kernels, as many of the "
        "largest DCT coefficients. Without: the block's depthwise branch gives its mean output. "
        f"{_images(result)} Batch norms as trained."
    )
    made: list[Axes] = []
    blocks = np.unique(result.block[result.scope == "block"])
    methods = [
        m for m in METHOD_STYLES if result.find("block", m, block=int(blocks[0])) is not None
    ]
    columns = 2 if narrow(width) else len(methods)
    left, gap, low = MARGIN + 0.4, 0.1, MARGIN + 0.32
    up = (height - MARGIN - low - 0.07 - _LINE * -(-len(methods) // columns) - 2 * gap) / 3
    for i, score in enumerate(SCORES):
        axes = panel(target, (left, low + (2 - i) * (up + gap), width - left - MARGIN, up))
        for j, method in enumerate(methods):
            style = METHOD_STYLES[method]
            rows = np.flatnonzero((result.scope == "block") & (result.method == method))
            mean, bars = _points(result, rows, i)
            shift = 0.6 * ((j + 0.5) / len(methods) - 0.5)
            axes.errorbar(result.block[rows] + shift, mean, bars, color=style.colour,
                          marker=style.marker, markersize=3.2, linestyle=style.line, linewidth=0.5,
                          elinewidth=0.7, markerfacecolor=_face(style))  # fmt: skip
        axes.set_xlim(blocks[0] - 0.5, blocks[-1] + 0.5)
        shown = blocks[:: 1 + (len(blocks) > 16) * 3 * narrow(width)]
        axes.set_xticks(shown, [str(b) for b in shown] if i == 2 else [])
        axes.set_xticks(blocks[:-1] + 0.5, minor=True)
        axes.tick_params(axis="x", which="minor", length=0)
        axes.grid(axis="x", which="minor", linewidth=0.3, color="#dddddd")
        axes.set_ylabel(_AXES[score], fontsize=SMALL, labelpad=1.5)
        _limit(axes, i)
        made.append(axes)
    made[-1].set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    target.legend(handles=[_handle(m, line=True) for m in methods], loc="upper left",
                  ncols=columns, fontsize=SMALL, frameon=False, handlelength=2.4,
                  columnspacing=1.2, handletextpad=0.4, labelspacing=0.3, borderaxespad=0,
                  bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height))  # fmt: skip
    return made


def _kinds(result: Substitution) -> list[str]:
    rows = result.scope == "patch"
    return list(dict.fromkeys(str(name) for name in result.name[rows]))


def _methods(result: Substitution, kind: str) -> list[str]:
    return [m for m in METHOD_STYLES if result.find("patch", m, name=kind) is not None]


def patch_figure(result: Substitution) -> Figure:
    """Make a Figure two columns wide that fits the scores by kind of patch filter."""
    lines = sum(len(_methods(result, kind)) + 1 for kind in _kinds(result))
    return new_figure(TWO_COLUMNS, lines * _ROW + 0.62)


def _patch_note(result: Substitution) -> str:
    return (
        "All patch filters of one kind are replaced by their Gabor fit (8 numbers and a "
        "colour axis), or by as many principal components of all filters or largest DCT "
        "coefficients. Without: the channels give their mean output. "
        f"A filter has {result.n_patch_taps} weights. {_images(result)} Batch norms as trained."
    )


def draw_patch(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores with the patch filters of one kind replaced."""
    kinds = _kinds(result)
    if not kinds:
        return [nothing(target, _MISSING)]
    width, height = inches(target)
    target.set_label(_patch_note(result))
    y, rows, ticks, at = [], [], [], 0.0
    for kind in kinds:
        methods = _methods(result, kind)
        found = [result.find("patch", m, name=kind) for m in methods]
        y += [at + i for i in range(len(methods))]
        rows += [r for r in found if r is not None]
        ticks.append(at + (len(methods) - 1) / 2)
        at += len(methods) + 1
    counts = [int(result.n_kernels[result.find("patch", "fit", name=k) or 0]) for k in kinds]
    names = [f"{k or 'all filters'} ({n:,})" for k, n in zip(kinds, counts, strict=True)]
    left, gap = MARGIN + 1.05, 0.2
    across = (width - left - MARGIN - 2 * gap) / 3
    low, up = 0.36, height - 0.62
    made = []
    for i, score in enumerate(SCORES):
        axes = panel(target, (left + i * (across + gap), low, across, up))
        _draw_points(axes, result, np.array(rows), np.array(y), i)
        axes.set_ylim(at - 0.5, -1.0)
        axes.set_yticks(ticks, names if i == 0 else [""] * len(ticks), fontsize=SMALL)
        axes.tick_params(axis="y", length=0)
        for edge in np.flatnonzero(np.diff(y) > 1):
            axes.axhline((y[edge] + y[edge + 1]) / 2, linewidth=0.3, color="#bbbbbb")
        axes.set_xlabel(_AXES[score], fontsize=TEXT, labelpad=1.5)
        made.append(axes)
    used = [m for m in METHOD_STYLES if any(m in _methods(result, kind) for kind in kinds)]
    target.legend(handles=[_handle(m, line=False) for m in used], loc="upper left",
                  ncols=len(used), fontsize=SMALL, frameon=False, handlelength=1.0,
                  columnspacing=1.4, handletextpad=0.3, borderaxespad=0,
                  bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height))  # fmt: skip
    return made


def _draw_points(
    axes: Axes, result: Substitution, rows: NDArray[np.int64], y: NDArray[np.float64], score: int
) -> None:
    mean, bars = _points(result, rows, score)
    for method, style in METHOD_STYLES.items():
        mine = result.method[rows] == method
        if mine.any():
            axes.errorbar(mean[mine], y[mine], xerr=bars[:, mine], color=style.colour,
                          marker=style.marker, markersize=3.4, linestyle="", elinewidth=0.8,
                          markerfacecolor=_face(style))  # fmt: skip
    _limit(axes, score, way="x")
