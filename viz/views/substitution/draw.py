"""What survives when kernels are replaced: by numbers per kernel, by block, by kind of filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, nothing, panel, panel_boxes
from viz.plot.style import MM, ORANGE, PURPLE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.views.substitution.result import SCORES, Substitution
from viz.views.wording import FEW_IMAGES


class _Style(NamedTuple):
    """How a method is drawn, and its name in figures."""

    colour: str
    marker: str
    line: Any
    filled: bool
    words: str

    def marks(self, size: float = 3.4) -> dict[str, Any]:
        """Return what a plot takes."""
        return {"color": self.colour, "marker": self.marker, "markersize": size,
                "markerfacecolor": self.colour if self.filled else "white"}  # fmt: skip


METHOD_STYLES = {
    "fit": _Style(TEAL, "o", "-", True, "description"),
    "principal-components": _Style(ORANGE, "s", "--", True, "principal components"),
    "dct": _Style(PURPLE, "^", "-.", True, "cosine transform"),
    "constant": _Style("#cc79a7", "v", ":", False, "mean of the taps"),
    "random": _Style("#777777", "X", ":", True, "noise, same mean and norm"),
    "without": _Style("#000000", "D", ":", False, "mean output"),
}
_AXES = ("same class (%)", "KL divergence (nats)", "correlation of logits")
_MISSING = "Not measured: this was left out of the scopes."
SIZE, NARROW = (TWO_COLUMNS, 96 * MM), 116 * MM
"""Width and height in inches of the figures by block and by kind; the height in one column."""
_LEAST = 1e-5
"""Smallest divergence that is told from 0 in figures, in nats."""
_LINE = 0.16
"""Inches of a line of a legend."""


def _images(result: Substitution) -> str:
    bars = "Bars: 95 % bootstrap over photographs."
    if result.n_photographs < FEW_IMAGES:
        bars = "No intervals: fewer than five photographs."
    return (
        f"{result.n_images} images: {result.images_note}. {bars} "
        f"Divergences below {_LEAST:g} are drawn there. Batch norms as trained."
    )


def _legend(
    target: Figure | SubFigure, methods: Sequence[str], columns: int, *more: Line2D
) -> float:
    """Write what marks mean at the top; return the height in inches that is left."""
    width, height = inches(target)
    handles = [
        Line2D([], [], linestyle=METHOD_STYLES[m].line, linewidth=1, label=METHOD_STYLES[m].words,
               **METHOD_STYLES[m].marks())
        for m in methods
    ]  # fmt: skip
    target.legend(handles=[*handles, *more], loc="upper left", ncols=columns, fontsize=SMALL,
                  frameon=False, handlelength=2.4, columnspacing=1.2, handletextpad=0.4,
                  labelspacing=0.3, borderaxespad=0,
                  bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height))  # fmt: skip
    return height - MARGIN - _LINE * -(-(len(handles) + len(more)) // columns)


def _points(
    result: Substitution, rows: NDArray[np.int64], score: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means and the lengths of their error bars, (2, n)."""
    values = np.stack([v[score, rows] for v in (result.mean, result.low, result.high)])
    values = values.clip(_LEAST) if SCORES[score] == "kl" else values * (100 if score == 0 else 1)
    mean, low, high = values
    return mean, np.nan_to_num(np.stack([mean - low, high - mean]).clip(0))


def _limit(axes: Axes, score: int) -> None:
    """Bound a score's axis by what is possible; divergences get a logarithmic one."""
    axes.set_ylabel(_AXES[score], fontsize=SMALL, labelpad=1.5)
    if score == 1:
        axes.set_yscale("log")
        low, high = np.log10(axes.dataLim.intervaly.clip(_LEAST))
        axes.set_ylim(0.6 * 10 ** np.floor(low), max(10 ** np.ceil(high), 1e-2))
        axes.minorticks_off()
    else:
        low = min(0.0, axes.get_ylim()[0]) if score else -3
        axes.set_ylim(low, 1 + 0.04 * (1 - low) if score else 103)


def curve_figure(result: Substitution, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits the curve."""
    return new_figure(width, (122 if narrow(width) else 64) * MM)


def draw_curve(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores against the numbers that hold a kernel, all kernels replaced at once.

    Batch norms keep the statistics of training, so that a fit loses by its size as well as by its
    shape. The bases of principal components are free here, and so is the choice of coefficients of
    the DCT; the choice of shapes is, too.
    """
    if result.find("all", "fit") is None:
        return [nothing(target, _MISSING)]
    width, _ = inches(target)
    target.set_label(
        "Each kernel is replaced by a constant and 1 to 4 shapes (the numbers above), or by as "
        "many principal components of its block's kernels or largest coefficients of its discrete "
        "cosine transform. Large ring: as many shapes as the description keeps. Mean output: each "
        "depthwise branch gives its mean. Scores are against the network as it is; chance: against "
        f"itself on another image. A kernel has {result.n_taps} taps. {_images(result)}"
    )
    stacked = narrow(width)
    chance = Line2D([], [], color="#777777", linewidth=3.5, alpha=0.3, label="chance")
    high = _legend(target, list(METHOD_STYLES), 2 if stacked else 4, chance) - 0.2
    boxes = panel_boxes(
        width, (MARGIN + 0.34, high), 3, left=MARGIN + 0.4, beside=0.5, between=0.12
    )
    made = []
    for i, box in enumerate(boxes):
        axes = panel(target, box)
        _draw_lines(axes, result, i)
        lowest = not stacked or i == len(SCORES) - 1
        if lowest:
            axes.set_xlabel("numbers per kernel", fontsize=TEXT, labelpad=1.5)
        if not stacked or i == 0:
            _shapes_above(axes, result)
        axes.tick_params(labelbottom=lowest)
        made.append(axes)
    return made


def _draw_lines(axes: Axes, result: Substitution, score: int) -> None:
    for method in ("fit", "principal-components", "dct", "constant"):
        style, one = METHOD_STYLES[method], method == "constant"
        rows = np.flatnonzero((result.scope == "all") & (result.method == method)
                              & ((result.n_shapes > 0) | one))  # fmt: skip
        mean, bars = _points(result, rows, score)
        axes.errorbar(result.coefficients[rows], mean, bars, linestyle=style.line, linewidth=1,
                      elinewidth=0.7, **style.marks())  # fmt: skip
    limits = axes.get_xlim()
    for method in ("fit", "random", "without"):
        rows = np.array([result.find("all", method)])
        ((value,), _), style = _points(result, rows, score), METHOD_STYLES[method]
        if method == "fit":
            axes.plot(result.coefficients[rows], value, marker="o", markersize=7.5, linestyle="",
                      markeredgecolor=style.colour, markerfacecolor="none",
                      markeredgewidth=0.9)  # fmt: skip
        else:
            axes.plot([0, 0.96], [value, value], zorder=1, linestyle=style.line, linewidth=0.8,
                      markevery=[1], transform=axes.get_yaxis_transform(),
                      **style.marks(3.2))  # fmt: skip
    chance = result.chance[score] * (100 if score == 0 else 1)
    axes.axhline(chance, color="#777777", linewidth=3.5, alpha=0.3, zorder=0)
    axes.set_xlim(0, limits[1])
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _limit(axes, score)


def _shapes_above(axes: Axes, result: Substitution) -> None:
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


def draw_by_block(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores with the kernels of one block replaced, block after block.

    A block whose kernels hardly matter (look at "without") says nothing about its description.
    """
    if not (result.scope == "block").any():
        return [nothing(target, _MISSING)]
    target.set_label(
        "Description as kept; as many principal components of the block's kernels; as many of "
        "the largest coefficients of a discrete cosine transform. Mean output: the block's "
        "depthwise branch gives its mean. Scores are against the network as it is. "
        f"{_images(result)}"
    )
    blocks = np.unique(result.block[result.scope == "block"])
    every = 1 + (len(blocks) > 16) * 3 * narrow(inches(target)[0])
    names = [str(b) if i % every == 0 else "" for i, b in enumerate(blocks)]
    made = _draw_groups(result, target, "block", result.block, blocks, names)
    made[-1].set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    return made


def patch_figure(result: Substitution) -> Figure:
    """Make a Figure that fits `draw_patch`: few kinds need little room."""
    few = ((result.scope == "patch") & (result.method == "fit")).sum() < 4
    return new_figure(85 * MM, NARROW) if few else new_figure(*SIZE)


def draw_patch(result: Substitution, target: Figure | SubFigure) -> list[Axes]:
    """Draw the scores with the patch filters of one kind replaced."""
    rows = np.flatnonzero((result.scope == "patch") & (result.method == "fit"))
    if not len(rows):
        return [nothing(target, _MISSING)]
    target.set_label(
        "All patch filters, or those of one kind, are replaced by their Gabor fit (8 numbers and a "
        "colour axis), or by as many principal components of all filters or largest coefficients "
        "of their discrete cosine transform. Mean output: the channels give their mean. Scores are "
        f"against the network as it is. A filter has {result.n_patch_taps} weights. "
        f"{_images(result)}"
    )
    kinds = result.name[rows]
    names = [
        f"{kind or 'all filters'}\n({n:,})"
        for kind, n in zip(kinds, result.n_kernels[rows], strict=True)
    ]
    return _draw_groups(result, target, "patch", result.name, kinds, names)


def _draw_groups(
    result: Substitution, target: Figure | SubFigure, scope: str, key: NDArray[Any],
    groups: NDArray[Any], names: Sequence[str],
) -> list[Axes]:  # fmt: skip
    """Draw a panel per score, in which each group of kernels has a point per method."""
    width, _ = inches(target)
    own = result.scope == scope
    methods = [m for m in METHOD_STYLES if (own & (result.method == m)).any()]
    left, gap, low = MARGIN + 0.4, 0.1, MARGIN + 0.36
    high = _legend(target, methods, 2 if narrow(width) else len(methods)) - 0.07
    up = (high - low - 2 * gap) / 3
    made = []
    for i in range(len(SCORES)):
        axes = panel(target, (left, low + (2 - i) * (up + gap), width - left - MARGIN, up))
        for j, method in enumerate(methods):
            rows = np.flatnonzero(own & (result.method == method))
            at = np.array([np.flatnonzero(groups == g)[0] for g in key[rows]])
            mean, bars = _points(result, rows, i)
            shift = 0.6 * ((j + 0.5) / len(methods) - 0.5)
            style = METHOD_STYLES[method]
            line = style.line if scope == "block" else ""
            axes.errorbar(at + shift, mean, bars, linestyle=line, linewidth=0.5, elinewidth=0.7,
                          **style.marks(3.2))  # fmt: skip
        axes.set_xlim(-0.5, len(groups) - 0.5)
        axes.set_xticks(range(len(groups)), names if i == 2 else [""] * len(groups))
        axes.tick_params(axis="x", length=0)
        for edge in range(len(groups) - 1):
            axes.axvline(edge + 0.5, linewidth=0.3, color="#dddddd", zorder=0)
        _limit(axes, i)
        made.append(axes)
    return made
