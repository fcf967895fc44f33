"""Sparsity and rank of a network's maps by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from viz.core.refusal import Refusal
from viz.plot.frame import MARGIN, STAGE_LOOKS, blocks_axis, inches, narrow, panel, panel_boxes
from viz.plot.style import GREY, SMALL, TEXT
from viz.views.feature_maps.result import FeatureMaps
from viz.views.wording import n_images

_LINES = {"patch embedding": "none", "depthwise": "-", "pointwise": "--"}
_PANELS = {"off": "units switched off (%)", "rank": "effective rank"}


def draw_depth(result: FeatureMaps, target: Figure | SubFigure) -> dict[str, Axes]:
    """Draw sparsity and rank of every activation's output by block.

    A high rank is not richness by itself: noise has the highest. A low one is measured over the
    positions of one image: another image may use other directions.
    """
    if not len(result.statistic_block):
        raise Refusal("sparsity and rank were not measured; measure with by_depth=True.")
    width, height = inches(target)
    target.set_label(_note(result))
    lines = 2 if narrow(width) else 1
    boxes = panel_boxes(width, (MARGIN + 0.32, height - 0.12 - 0.16 * lines), len(_PANELS),
                        left=MARGIN + 0.42, beside=0.62, between=0.5)  # fmt: skip
    made = {}
    for (name, words), box in zip(_PANELS.items(), boxes, strict=True):
        axes = panel(target, box)
        axes.set_ylabel(words, fontsize=TEXT, labelpad=2)
        _curves(axes, result, name)
        made[name] = axes
    made["off"].set_ylim(0, 100)
    if not np.isfinite(result.off).any():
        made["off"].text(0.5, 0.5, "not defined without an activation", fontsize=SMALL,
                         ha="center", transform=made["off"].transAxes)  # fmt: skip
    bound, rank = result.rank_bound, made["rank"]
    rank.set_ylim(0, 1.12 * max(bound, 1))
    rank.axhline(bound, color="black", linewidth=0.5)
    rank.text(rank.get_xlim()[1], bound, f"most possible: {bound}", fontsize=SMALL, ha="right",
              va="bottom")  # fmt: skip
    rank.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    handles, labels = rank.get_legend_handles_labels()
    target.legend(
        handles, labels, ncols=len(labels) // lines, loc="upper left", borderaxespad=0,
        bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height), columnspacing=1.4, handletextpad=0.5,
        handlelength=2.2,
    )  # fmt: skip
    return made


def _note(result: FeatureMaps) -> str:
    off = (
        "Without an activation no unit is switched off."
        if result.activation == "identity"
        else f"A unit is off where its activation ({result.activation}) gets at most 0."
    )
    return (
        f"{off} Activations are named by the convolution before them. The effective rank is that "
        "of their outputs as channels x positions, each channel's mean removed; grey: the same "
        "after the positions of every channel were shuffled on their own. Lines: mean over "
        f"{n_images(len(result.statistic_images))}; small points: single images."
    )


def _curves(axes: Axes, result: FeatureMaps, name: str) -> None:
    before = blocks_axis(axes, int(result.statistic_block.max()) + 1)
    values = getattr(result, name) * (100 if name == "off" else 1)
    for part, (colour, marker, face) in STAGE_LOOKS.items():
        rows = result.statistic_part == part
        x = np.where(result.statistic_block < 0, before, result.statistic_block)[rows]
        if values.shape[1] > 1:
            axes.plot(x, values[rows], linestyle="none", marker=".", markersize=2, color=colour,
                      alpha=0.45, markeredgewidth=0)  # fmt: skip
        words = part if part == "patch embedding" else f"{part} convolution"
        axes.plot(x, values[rows].mean(1), linestyle=_LINES[part], marker=marker, markersize=3.2,
                  linewidth=1, color=colour, markerfacecolor=face, markeredgewidth=0.8,
                  label=words)  # fmt: skip
        if name == "rank" and part != "patch embedding":
            axes.plot(x, result.rank_shuffled[rows].mean(1), linestyle=_LINES[part], linewidth=0.9,
                      color=GREY, label="positions shuffled" if part == "depthwise" else None,
                      zorder=1)  # fmt: skip
