"""Sparsity and rank of a network's maps by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.core.refusal import Refusal
from viz.plot.frame import MARGIN, inches, panel
from viz.plot.style import MM, ORANGE, SMALL, TEAL, TEXT, TWO_COLUMNS
from viz.views.feature_maps.result import FeatureMaps

SIZES = {"depth": (TWO_COLUMNS, 88 * MM)}
"""Width and height in inches that suit each figure."""

_LOOKS = {
    "patch embedding": ("#000000", "D", "none", "patch embedding"),
    "depthwise": (ORANGE, "o", "-", "after the depthwise convolution"),
    "pointwise": (TEAL, "s", "--", "after the pointwise convolution"),
}
_PANELS = {
    "off": "units switched off (%)",
    "negative_mass": "mass below zero (%)",
    "hoyer": "Hoyer's sparsity",
    "rank_centred": "effective rank",
}


def draw_depth(result: FeatureMaps, target: Figure | SubFigure) -> dict[str, Axes]:
    """Draw sparsity and rank of every activation's output by block.

    A high rank is not richness by itself: noise has the highest. A low one is measured over the
    positions of one image: another image may use other directions.
    """
    if not len(result.statistic_block):
        raise Refusal("sparsity and rank were not measured; measure with by_depth=True.")
    width, height = inches(target)
    target.set_label(_note(result))
    left, lower, between = MARGIN + 0.42, MARGIN + 0.32, 0.62
    across = (width - left - MARGIN - between) / 2
    up = (height - MARGIN - 0.22 - lower - 0.3) / 2
    made = {}
    for i, (name, words) in enumerate(_PANELS.items()):
        row, column = divmod(i, 2)
        axes = panel(
            target,
            (left + column * (across + between), lower + (1 - row) * (up + 0.3), across, up),
        )
        _curves(axes, result, name)
        _dress(axes, result, name, words, last=row == 1)
        made[name] = axes
    handles, labels = made["rank_centred"].get_legend_handles_labels()
    target.legend(
        handles, labels, ncols=len(labels), fontsize=SMALL, frameon=False, loc="upper left",
        bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height), borderaxespad=0,
        handlelength=2.2, columnspacing=1.4, handletextpad=0.5,
    )  # fmt: skip
    return made


def _note(result: FeatureMaps) -> str:
    act = {"gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "identity": "no activation"}
    name = act.get(result.activation, result.activation)
    off = (
        "without an activation no unit is switched off. "
        if result.activation == "identity"
        else f"Off: a unit whose activation ({name}) gets at most 0. "
    )
    return (
        "All numbers are of the activations' outputs, before batch norm shifts zero. "
        f"{off}Mass below zero: what units that are off still pass on, of the sum of absolute "
        "values. Hoyer's sparsity: 0 where all values have the same size, 1 where one alone is not "
        "0. Effective rank: of channels x positions, each channel's mean removed; grey: the same "
        "after the positions of every channel were shuffled on their own. Lines: mean over "
        f"{len(result.statistic_images)} images; small points: single images."
    )


def _places(result: FeatureMaps) -> NDArray[np.float64]:
    """Where each activation stands: its block; the patch embedding so far before that words fit."""
    block = result.statistic_block.astype(np.float64)
    before: NDArray[np.float64] = np.where(block < 0, -max(1.0, 0.09 * (block.max() + 1)), block)
    return before


def _curves(axes: Axes, result: FeatureMaps, name: str) -> None:
    values = getattr(result, name) * _unit(name)
    for part, (colour, marker, line, words) in _LOOKS.items():
        rows = result.statistic_part == part
        x, y = _places(result)[rows], values[rows]
        finite = np.isfinite(y)
        mean = np.where(finite, y, 0).sum(1) / np.where(finite.any(1), finite.sum(1), np.nan)
        if y.shape[1] > 1:
            axes.plot(np.repeat(x, y.shape[1]), y.ravel(), linestyle="none", marker=".",
                      markersize=2, color=colour, alpha=0.45, markeredgewidth=0)  # fmt: skip
        axes.plot(x, mean, linestyle=line, marker=marker, markersize=3.2, linewidth=1,
                  color=colour, markerfacecolor="white" if part == "pointwise" else colour,
                  markeredgewidth=0.8, label=words)  # fmt: skip
    if name == "rank_centred":
        for part, line in (("depthwise", "-"), ("pointwise", "--")):
            rows = result.statistic_part == part
            axes.plot(result.statistic_block[rows], result.rank_shuffled[rows].mean(1),
                      linestyle=line, linewidth=0.9, color="#888888",
                      label="positions shuffled" if line == "-" else None)  # fmt: skip


def _unit(name: str) -> float:
    return 100.0 if _PANELS[name].endswith("(%)") else 1.0


def _dress(axes: Axes, result: FeatureMaps, name: str, words: str, *, last: bool) -> None:
    axes.set_ylabel(words, fontsize=TEXT, labelpad=2)
    blocks = int(result.statistic_block.max()) + 1
    step = max(1, -(-blocks // 12))
    ticks = list(range(0, blocks, step))
    first = float(_places(result).min())
    axes.set_xticks([first, *ticks], ["patches", *map(str, ticks)])
    axes.set_xlim(1.6 * first, blocks - 0.4)
    if last:
        axes.set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    else:
        axes.tick_params(labelbottom=False)
    if name == "rank_centred":
        bound = int(result.rank_bound[0])
        axes.set_ylim(0, 1.12 * max(bound, 1))
        axes.axhline(bound, color="black", linewidth=0.5)
        axes.text(blocks - 0.5, bound * 1.015, f"most possible: {bound}", fontsize=SMALL,
                  ha="right", va="bottom")  # fmt: skip
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    else:
        axes.set_ylim(0, _unit(name) if name != "negative_mass" else None)
        if not np.isfinite(getattr(result, name)).any():
            axes.text(0.5, 0.5, "not defined without an activation", fontsize=SMALL, ha="center",
                      va="center", transform=axes.transAxes)  # fmt: skip
