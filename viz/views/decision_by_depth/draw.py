"""The answer by depth: probability and rank, maps over the photograph, shares of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from viz.core.class_names import plain_name
from viz.plot.millimetres import (
    BAR,
    HALF_PAGE,
    PAGE,
    SIZE,
    bar,
    canvas,
    chart,
    common_limit,
    panels,
    photograph,
    write,
)
from viz.plot.style import MM, ORANGE, PURPLE, TEAL, new_figure
from viz.views.decision_by_depth.result import MANY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from viz.views.decision_by_depth.result import DecisionByDepth

Numbers = NDArray[np.float64]
_COLOURS = (TEAL, ORANGE, PURPLE, "#000000")
_MARKERS = ("o", "s", "^", "D")
_GAP, _LINE, _MARGIN = 1.2, 3.3, 1.0
_OWN, _SHUFFLED, _RANDOM, _CHANCE = TEAL, ORANGE, "#555555", "#aaaaaa"


def _blocks(axes: Axes, result: DecisionByDepth, *, named: bool = True) -> None:
    """Name the depths below a chart; few enough that they can be read."""
    step = -(-len(result.block) // 12)
    ticks = result.block[len(result.block) - 1 :: -step][::-1]
    axes.set_xticks(ticks, ["E" if b < 0 else str(b) for b in ticks])
    axes.margins(x=0.04)
    axes.tick_params(labelbottom=named)
    if named:
        axes.set_xlabel("after block (E: embedding)", fontsize=SIZE, labelpad=1.5)


def curves_figure(result: DecisionByDepth, width: float = PAGE) -> Figure:
    """Draw probability and rank of the answer by depth, of up to four images."""
    wide, n = width > HALF_PAGE, min(len(result.images), len(_COLOURS))
    small, columns = 9.0, 4 if wide else 2
    top = -(-n // columns) * (small + 1.5) + 5.5
    high, boxes = panels(width, 2, top, 44.0 if wide else 32.0)
    figure = new_figure(width * MM, high * MM)
    axes = canvas(figure)
    fitted = [(result.target[i] >= 0) for i in range(n)]
    for i in range(n):
        room = (width - 2 * _MARGIN) / columns
        x, y = _MARGIN + i % columns * room, 0.8 + i // columns * (small + 1.5)
        side = small * min(1, result.images.shape[2] / result.images.shape[1])
        photograph(axes, result.images[i], (x, y, side))
        axes.add_patch(Rectangle((x, y), side, small, fill=False, linewidth=1.6,
                                 edgecolor=_COLOURS[i], clip_on=False))  # fmt: skip
        name = plain_name(result.class_names[result.answer[i]])
        write(axes, x + side + 1.2, y + small / 2, name, room=room - side - 2, va="center")
    made = [chart(figure, box) for box in boxes]
    for i in range(n):
        look: dict[str, Any] = {"color": _COLOURS[i], "marker": _MARKERS[i], "markersize": 2.8,
                                "linewidth": 1.0}  # fmt: skip
        made[0].plot(result.block, 100 * result.probability[:, i], **look)
        made[1].plot(result.block, result.rank[:, i], **look)
        if fitted[i]:
            look |= {"linestyle": "--", "markerfacecolor": "white", "linewidth": 0.8}
            made[0].plot(result.block, 100 * result.fitted_probability[:, i], **look)
            made[1].plot(result.block, result.fitted_rank[:, i], **look)
    made[0].set_ylim(-4, 104)
    made[0].set_ylabel("probability (%)", fontsize=SIZE, labelpad=1.5)
    made[1].set_yscale("log")
    made[1].set_ylim(max(2.0, 1.3 * float(result.rank[:, :n].max())), 0.8)
    made[1].yaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    made[1].yaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:g}"))
    made[1].yaxis.set_minor_locator(NullLocator())
    made[1].set_ylabel("rank (log scale)", fontsize=SIZE, labelpad=1.5)
    for i, each in enumerate(made):
        _blocks(each, result, named=wide or i == 1)
    handles = [Line2D([], [], color="#333333", marker="o", markersize=2.8, linewidth=1.0,
                      label="own head: the answer")]  # fmt: skip
    if any(fitted):
        what = {"folder": "the image's folder", "answer": "the answer"}[result.target_is]
        handles.append(Line2D([], [], color="#333333", marker="o", markersize=2.8, linewidth=0.8,
                              linestyle="--", markerfacecolor="white",
                              label=f"fitted readout: {what}"))  # fmt: skip
    _key(figure, handles, top - 5)
    figure.set_label(
        "Rank 1 is the first place. Own head: the network's, on the mean over patches. "
        f"{_of_the_fit(result)} The frame of a photograph has the colour of its curves."
    )
    return figure


def _of_the_fit(result: DecisionByDepth) -> str:
    if not result.target_names:
        return f"No readout was fitted: {result.not_fitted}."
    what = {"folder": "the images' folders", "answer": "the network's answers"}[result.target_is]
    return (
        f"Fitted: a logistic regression on the same means that tells {what} "
        f"({len(result.target_names)} classes, {(result.target >= 0).sum()} images); each image is "
        "judged by one that was fitted without it."
    )


def _key(figure: Figure, handles: list[Line2D], y: float) -> None:
    width, height = figure.get_size_inches() / MM
    figure.legend(
        handles=handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=SIZE,
        handlelength=2.2, columnspacing=1.4, borderaxespad=0, borderpad=0.2,
        bbox_to_anchor=(_MARGIN / width, 1 - y / height),
    )  # fmt: skip


def maps_figure(result: DecisionByDepth, width: float = PAGE, *, images: int = 2) -> Figure:
    """Draw what each patch gives to the answer by depth, as the own head reads it and fitted.

    Later blocks have seen more of the image than the pixels that their patches are drawn on.
    """
    most = 9 if width > HALF_PAGE else 4
    depths = np.unique(np.linspace(0, len(result.block) - 1, most).round().astype(int))
    shown = range(min(images, len(result.images)))
    across = (width - 2 * _MARGIN - len(depths) * _GAP) / (len(depths) + 1)
    x = _MARGIN + np.arange(len(depths) + 1) * (across + _GAP)
    tall = across * result.images.shape[1] / result.images.shape[2]
    rows: list[tuple[int, bool]] = []
    for i in shown:
        rows.append((i, False))
        if result.target[i] >= 0:
            rows.append((i, True))
    row = 2 * _LINE + 0.8 + tall + _GAP
    figure = new_figure(width * MM, (len(rows) * row + BAR + _MARGIN) * MM)
    axes = canvas(figure)
    kinds = {False: result.maps, True: result.fitted_maps}
    limits = {
        kind: common_limit(kinds[kind][:, [i for i, k in rows if k == kind]].astype(np.float64))
        for kind in sorted({kind for _, kind in rows})
    }
    for r, (i, kind) in enumerate(rows):
        top = r * row + 2 * _LINE + 0.8
        ranks = (result.fitted_rank if kind else result.rank)[:, i]
        photograph(axes, result.images[i], (x[0], top, across))
        name = (
            result.target_names[result.target[i]] if kind else result.class_names[result.answer[i]]
        )
        words = f"{'fitted' if kind else 'own head'}\n{plain_name(name)}"
        write(axes, x[0], top - 0.6, words, room=across + 1, va="bottom")
        for left, d in zip(x[1:], depths, strict=True):
            photograph(axes, result.images[i], (left, top, across), limit=limits[kind],
                       values=kinds[kind][d, i].astype(np.float64),
                       patch=result.patch_size)  # fmt: skip
            block = int(result.block[d])
            over = "embedding" if block < 0 else f"block {block}"
            write(axes, left, top - 0.6, f"{over}\nrank {ranks[d]}", room=across + 1, va="bottom")
    wide = (width - 2 * _MARGIN - 8) / 2 - 6
    for k, (kind, limit) in enumerate(limits.items()):
        bar(figure, (_MARGIN + 4 + k * (wide + 10), len(rows) * row + 0.5, min(44.0, wide)), limit,
            f"{'fitted' if kind else 'own head'}: logits per patch")  # fmt: skip
    figure.set_label(
        "Its part of the answer's logit over the mean of all logits; above, the rank of the answer "
        "there. Red speaks for "
        "it, blue against it; one scale for each readout, which ends where 99.5 % of the values "
        f"lie within. {_of_the_fit(result)}"
    )
    return figure


def shares_figure(result: DecisionByDepth, width: float = PAGE) -> Figure:
    """Draw how many images have the answer, or the right one, by depth, beside the baselines."""
    n, wide = len(result.answer), width > HALF_PAGE
    if n < MANY:
        figure = new_figure(width * MM, 12 * MM)
        why = f"Shares need at least {MANY} images; {n} were given."
        write(canvas(figure), _MARGIN, 6, why, va="center")
        figure.set_label(f"Shares by depth are not drawn for fewer than {MANY} images.")
        return figure
    outputs = len(result.class_names)
    fitted = "is right" if result.target_is == "folder" else "has the answer"
    rows = [
        each
        for each in (
            ("has the answer (%)", result.agreement, result.baselines[0], 1 / outputs),
            ("is right (%)", result.accuracy, result.baselines[1], 1 / outputs),
            (f"fitted: {fitted} (%)", result.fitted_accuracy, result.baselines[2],
             result.most_frequent),
        )
        if np.isfinite(each[1]).any()
    ]  # fmt: skip
    count = len(rows)
    high, boxes = panels(width, count, 5.5 if wide else 9.0, 42.0 if wide else 28.0)
    figure = new_figure(width * MM, high * MM)
    for k, (label, own, drawn, chance) in enumerate(rows):
        axes = chart(figure, boxes[k])
        axes.axhline(100 * chance, color=_CHANCE, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0)
        for values, colour, marker, line in (
            (drawn[1], _RANDOM, "^", ":"), (drawn[0], _SHUFFLED, "s", "--"),
        ):  # fmt: skip
            if len(values):
                axes.fill_between(result.block, 100 * values.min(0), 100 * values.max(0),
                                  color=colour, alpha=0.2, linewidth=0)  # fmt: skip
                axes.plot(result.block, 100 * values.mean(0), color=colour, marker=marker,
                          linestyle=line, markersize=2.8, linewidth=0.9)  # fmt: skip
        axes.plot(result.block, 100 * own, color=_OWN, marker="o", markersize=2.8, linewidth=1.1)
        axes.set_ylim(-4, 104)
        axes.set_ylabel(label, fontsize=SIZE, labelpad=1.5)
        _blocks(axes, result, named=wide or k == count - 1)
    looks: tuple[tuple[str, str, Any, str], ...] = (
        (_OWN, "o", "-", "trained"), (_SHUFFLED, "s", "--", "blocks shuffled"),
        (_RANDOM, "^", ":", "randomly initialised"), (_CHANCE, "", ":", "chance"),
    )  # fmt: skip
    handles = [Line2D([], [], color=c, marker=m, linestyle=line, markersize=2.8, linewidth=1.0,
                      label=words) for c, m, line, words in looks]  # fmt: skip
    if wide:
        _key(figure, handles, 0.8)
    else:
        _key(figure, handles[:2], 0.8)
        _key(figure, handles[2:], 4.2)
    r = result.baselines.shape[2]
    figure.set_label(
        f"Share of {n} images, read by the own head: whose answer (the trained network's at its "
        "end) "
        "is first already, and, where folders are named as outputs, whose right class is. "
        f"{_of_the_fit(result)} Baselines: {r} shuffled orders of the same blocks and {r} randomly "
        "initialised networks, mean and range. Chance: one class of all; for the fitted readout "
        "always the most frequent one."
    )
    return figure
