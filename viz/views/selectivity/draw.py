"""Sparsity and selectivity of every channel by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, panel
from viz.plot.style import MM, ONE_COLUMN, ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.sweep.result import STAGES, Sweep

_LOOKS = {
    "patch embedding": ("#000000", "D", 0.0),
    "depthwise": (ORANGE, "o", -0.12),
    "pointwise": (TEAL, "s", 0.12),
}
"""Colour, marker, and place beside the block's number."""
_NULL = "#777777"


def selectivity_figure(result: Sweep) -> Figure:
    """Make a Figure that fits the panels."""
    return new_figure(TWO_COLUMNS if _has_classes(result) else ONE_COLUMN, 60 * MM)


def _has_classes(result: Sweep) -> bool:
    values = result.selectivity
    return bool(len(values) and np.isfinite(values).any())


def _note(result: Sweep) -> str:
    images = f"{result.n_images} image{'' if result.n_images == 1 else 's'}"
    if result.class_names:
        images += f" of {len(result.class_names)} classes"
    classes = (
        "Selectivity: (largest - mean of the others) / (largest + mean of the others) of a "
        "channel's mean positive part per class; 0: the same in every class, 1: one class only. "
        "Grey: the same for channels that know no classes but vary as much between images; few "
        "images per class make both large. "
        if _has_classes(result)
        else "Class selectivity needs images in at least two folders, one per class. "
    )
    return (
        f"{images}. Sparsity: share of a channel's values that are at most 0 after the activation, "
        f"before batch norm shifts zero. {classes}Markers: median over {result.dim} channels; "
        "bars: the middle half of them; dots: 5 % and 95 %."
    )


def draw_selectivity(result: Sweep, target: Figure | SubFigure) -> dict[str, Axes]:
    """Draw sparsity and selectivity of the channels by block.

    A selective channel need not be useful, and a useful one need not be selective (Morcos et al.
    2018 removed both). Compare with the grey null before reading selectivity at all.
    """
    width, height = inches(target)
    names = ["sparsity", *["selectivity"] * _has_classes(result)]
    target.set_label(_note(result))
    left, lower, between = MARGIN + 0.42, MARGIN + 0.34, 0.62
    across = (width - left - MARGIN - between * (len(names) - 1)) / len(names)
    up = height - MARGIN - lower - 0.2
    made = {}
    for i, name in enumerate(names):
        axes = panel(target, (left + i * (across + between), lower, across, up))
        values = 100 * getattr(result, name) if name == "sparsity" else result.selectivity
        if not len(values) or not np.isfinite(values).any():
            words = "sparsity was not measured\n(or there is no activation)"
            axes.text(0.5, 0.5, words, fontsize=SMALL, ha="center", va="center",
                      transform=axes.transAxes)  # fmt: skip
        else:
            if name == "selectivity":
                _null(axes, result)
            _markers(axes, result, values)
        _dress(axes, result, name)
        made[name] = axes
    handles: dict[str, Artist] = {}
    for axes in made.values():
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        target.legend(
            list(handles.values()), list(handles), ncols=len(handles), fontsize=SMALL,
            frameon=False, loc="upper left",
            bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height), borderaxespad=0,
            handletextpad=0.5, columnspacing=1.4,
        )  # fmt: skip
    return made


def _rows(result: Sweep, stage: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.flatnonzero(result.stage == stage)
    return found


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return five quantiles over channels, (5, rows); nan where a row has none."""
    made = np.full((5, len(values)), np.nan)
    for i, row in enumerate(values):
        finite = row[np.isfinite(row)]
        if len(finite):
            made[:, i] = np.quantile(finite, (0.05, 0.25, 0.5, 0.75, 0.95))
    return made


def _markers(axes: Axes, result: Sweep, values: NDArray[np.float64]) -> None:
    for stage in STAGES:
        if stage not in _LOOKS:
            continue
        colour, marker, beside = _LOOKS[stage]
        rows = _rows(result, stage)
        x = result.block[rows] + beside
        low, first, middle, third, high = _quantiles(values[rows])
        axes.vlines(x, first, third, color=colour, linewidth=1.6)
        axes.plot(np.concatenate([x, x]), np.concatenate([low, high]), linestyle="none",
                  marker=".", markersize=2, color=colour)  # fmt: skip
        axes.plot(x, middle, linestyle="none", marker=marker, markersize=3.4, color=colour,
                  markerfacecolor="white" if stage == "pointwise" else colour,
                  markeredgewidth=0.8, label=stage)  # fmt: skip


def _null(axes: Axes, result: Sweep) -> None:
    for stage, line in (("depthwise", "-"), ("pointwise", "--")):
        rows = _rows(result, stage)
        middle = _quantiles(result.selectivity_null[rows])[2]
        axes.plot(result.block[rows], middle, linestyle=line, linewidth=1, color=_NULL,
                  label=f"null, {stage} (median)")  # fmt: skip


def _dress(axes: Axes, result: Sweep, name: str) -> None:
    words = {"sparsity": "sparsity (%)", "selectivity": "class selectivity"}
    axes.set_ylabel(words[name], fontsize=TEXT, labelpad=2)
    axes.set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    step = max(1, -(-result.depth // 10))
    # Between many blocks there is no room for 0 beside the patches.
    ticks = list(range(0 if step == 1 else step, result.depth, step))
    axes.set_xticks([-1, *ticks], ["patches", *map(str, ticks)])
    axes.set_xlim(-1.6, result.depth - 0.4)
    unit = 100 if name == "sparsity" else 1
    axes.set_ylim(-0.02 * unit, 1.02 * unit)
