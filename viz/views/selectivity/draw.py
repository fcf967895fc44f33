"""Sparsity and selectivity of every channel by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, STAGE_LOOKS, blocks_axis, inches, panel, panel_boxes
from viz.plot.style import GREY, MM, ONE_COLUMN, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.sweep.result import Sweep
from viz.views.wording import n_images

_WORDS = {"sparsity": "sparsity (%)", "selectivity": "class selectivity (%)"}
_BESIDE = {"patch embedding": 0.0, "depthwise": -0.12, "pointwise": 0.12}
"""Place beside the block's number."""


def selectivity_figure(result: Sweep) -> Figure:
    """Make a Figure that fits the panels."""
    return new_figure(TWO_COLUMNS if _has_classes(result) else ONE_COLUMN, 60 * MM)


def _has_classes(result: Sweep) -> bool:
    values = result.selectivity
    return bool(len(values) and np.isfinite(values).any())


def _note(result: Sweep) -> str:
    images = n_images(result.n_images)
    if result.class_names:
        images += f" of {len(result.class_names)} classes"
    classes = (
        "Selectivity: (largest - mean of the others) / (largest + mean of the others) of a "
        "channel's mean positive part per class; 0 %: the same in every class, 100 %: one class "
        "only. Grey: the same for channels that know no classes but vary as much between images; "
        "few images per class make both large. "
        if _has_classes(result)
        else "Class selectivity needs images in at least two folders, one per class. "
    )
    return (
        f"{images[0].upper()}{images[1:]}. Sparsity: share of a channel's values that are at most "
        f"0 after the activation, before batch norm shifts zero. {classes}Markers: median over "
        f"{result.dim} channels; bars: the middle half of them; dots: 5 % and 95 %."
    )


def draw_selectivity(result: Sweep, target: Figure | SubFigure) -> dict[str, Axes]:
    """Draw sparsity and selectivity of the channels by block.

    A selective channel need not be useful, and a useful one need not be selective (Morcos et al.
    2018 removed both). Compare with the grey null before reading selectivity at all.
    """
    width, height = inches(target)
    names = ["sparsity", *["selectivity"] * _has_classes(result)]
    target.set_label(_note(result))
    boxes = panel_boxes(width, (MARGIN + 0.34, height - MARGIN - 0.2), len(names),
                        left=MARGIN + 0.42, beside=0.62, between=0.5)  # fmt: skip
    made = {}
    handles: dict[str, Artist] = {}
    for name, box in zip(names, boxes, strict=True):
        axes = panel(target, box)
        before = blocks_axis(axes, result.depth)
        values = 100 * getattr(result, name)
        if not len(values) or not np.isfinite(values).any():
            words = "sparsity was not measured\n(or there is no activation)"
            axes.text(0.5, 0.5, words, fontsize=SMALL, ha="center", va="center",
                      transform=axes.transAxes)  # fmt: skip
        else:
            _markers(axes, result, values, before)
            if name == "selectivity":
                _null(axes, result)
        axes.set_ylabel(_WORDS[name], fontsize=TEXT, labelpad=2)
        axes.set_ylim(-2, 102)
        made[name] = axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        target.legend(
            list(handles.values()), list(handles), ncols=len(handles), loc="upper left",
            bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height), borderaxespad=0,
            handletextpad=0.5, columnspacing=1.4,
        )  # fmt: skip
    return made


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return five quantiles over channels, (5, rows); nan where a row has none."""
    made = np.full((5, len(values)), np.nan)
    for i, row in enumerate(values):
        finite = row[np.isfinite(row)]
        if len(finite):
            made[:, i] = np.quantile(finite, (0.05, 0.25, 0.5, 0.75, 0.95))
    return made


def _markers(axes: Axes, result: Sweep, values: NDArray[np.float64], before: float) -> None:
    for stage, (colour, marker, face) in STAGE_LOOKS.items():
        rows = result.stage == stage
        x = np.where(result.block < 0, before, result.block)[rows] + _BESIDE[stage]
        low, first, middle, third, high = _quantiles(values[rows])
        axes.vlines(x, first, third, color=colour, linewidth=1.6)
        axes.plot(np.concatenate([x, x]), np.concatenate([low, high]), linestyle="none",
                  marker=".", markersize=2, color=colour)  # fmt: skip
        axes.plot(x, middle, linestyle="none", marker=marker, markersize=3.4, color=colour,
                  markerfacecolor=face, markeredgewidth=0.8, label=stage)  # fmt: skip


def _null(axes: Axes, result: Sweep) -> None:
    for stage, line in (("depthwise", "-"), ("pointwise", "--")):
        rows = result.stage == stage
        middle = _quantiles(100 * result.selectivity_null[rows])[2]
        axes.plot(result.block[rows], middle, linestyle=line, linewidth=1, color=GREY, zorder=1,
                  label=f"null, {stage} (median)")  # fmt: skip
