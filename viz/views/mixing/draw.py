"""Pointwise weights by block: matrices ordered by name, spectra, effective rank."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, block_bar, depth_colours, inches, panel, signed_bar
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_COLOURS, OTHER, SEEN, folded, names_key
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.mixing.result import Mixing
from viz.views.spectrum import shares

SIZES = {"spectra": (TWO_COLUMNS, 56 * MM)}
"""Width and height in inches that suit each figure."""

_BAR = 0.075
"""Inches across a bar of names."""
_KEY, _HEAD, _BESIDE = 0.34, 0.28, 0.16
"""Inches for the legend, above a matrix, and to its left."""


def _grid(result: Mixing) -> tuple[int, int, float]:
    """Columns, rows, and the side of a matrix in inches."""
    columns = min(result.depth, 4 if result.depth <= 12 else 5)
    across = (TWO_COLUMNS - 2 * MARGIN - 0.55) / columns
    return columns, math.ceil(result.depth / columns), min(across - _BESIDE, 2.4)


def matrices_figure(result: Mixing) -> Figure:
    """Make a Figure that fits the matrices."""
    _, rows, side = _grid(result)
    height = rows * (side + _HEAD) + _KEY + MARGIN
    return new_figure(TWO_COLUMNS, height)


def _note(result: Mixing) -> str:
    shown = "every link"
    if result.pooled > 1:
        shown = (
            f"of every {result.pooled} x {result.pooled} links the strongest, which makes weak "
            "regions look fuller than they are"
        )
    return (
        "Link from input channel j (across) to output channel i (down): pointwise weight times the "
        f"scale of branch j's batch norm; {shown}. Bars: names of the kernels, sorted as the key "
        "is; above those of the block, on the left those of the next block, which take its outputs "
        f"(none after the last). Other: names that fewer than {100 * SEEN:.0f} % of every block's "
        "kernels have, at their places. Within a name the channels with the strongest links come "
        f"first. One colour scale for all blocks: ±{result.limit:.2g}, within which 99.5 % of what "
        "is shown lies; red is positive, blue negative, white zero."
    )


def draw_matrices(result: Mixing, target: Figure | SubFigure) -> list[Axes]:
    """Draw the links of every block, channels sorted by the names of their kernels."""
    width, height = inches(target)
    target.set_label(_note(result))
    columns, _, side = _grid(result)
    shares = np.stack([(result.names == name).mean(1) for name in KERNEL_NAMES])
    key, made = folded(shares)[0], []
    names = np.where(np.isin(result.names, key), result.names, OTHER)
    for b in range(result.depth):
        row, column = divmod(b, columns)
        left = MARGIN + _BESIDE + column * (side + _BESIDE)
        bottom = height - _KEY - (row + 1) * (side + _HEAD)
        axes = panel(target, (left, bottom, side, side))
        axes.imshow(result.matrix[b], cmap=SIGNED, vmin=-result.limit, vmax=result.limit,
                    interpolation="nearest", aspect="auto", rasterized=True)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        inner = b + 1 < result.depth
        title = f"block {b} to block {b + 1}" if inner else f"block {b} to the output"
        axes.set_title(title, fontsize=TEXT, pad=_BAR * 72 + 4)
        across = names[b][result.in_order[b]]
        _name_bar(target, (left, bottom + side + 0.02, side, _BAR), across)
        if inner:
            down = names[b + 1][result.out_order[b]]
            _name_bar(target, (left - 0.02 - _BAR, bottom, _BAR, side), down)
        made.append(axes)
    names_key(target, key, height - _KEY + 0.02)
    long = min(side, 1.4)
    bar = signed_bar(target, (width - 0.5, height - _KEY - _HEAD - long, 0.08, long), result.limit)
    bar.set_ylabel("link", fontsize=SMALL, labelpad=0)
    return made


def _name_bar(
    target: Figure | SubFigure, box: tuple[float, float, float, float], names: NDArray[np.str_]
) -> Axes:
    """Draw sorted names as a bar."""
    axes, flat = panel(target, box), box[2] > box[3]
    axes.set_axis_off()
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    (axes.barh if flat else axes.bar)(
        0, np.diff(starts, append=len(names)), 1, starts, linewidth=0.3, edgecolor="white",
        color=[NAME_COLOURS[str(name)] for name in names[starts]],
    )  # fmt: skip
    axes.margins(0)
    if not flat:
        axes.invert_yaxis()
    return axes


def draw_spectra(result: Mixing, target: Figure | SubFigure) -> list[Axes]:
    """Draw singular values, effective rank and the branches' share by block.

    The effective rank counts directions by energy: a weak direction may still decide a class.
    """
    width, height = inches(target)
    target.set_label(
        "Left: share of each squared singular value in their sum. Middle: effective rank, about "
        "how many directions the weights use (exp of the entropy of those shares, at most "
        f"{result.dim}). Dashed: randomly initialised weights. Right: part of the variance of the "
        "pointwise convolution's output that comes from the depthwise branches, the rest from the "
        "residual path, taking channels as independent; their variances are the squared scales of "
        "their batch norms."
    )
    left, gap = MARGIN + 0.42, 0.5
    bar = 0.42
    across = (width - left - MARGIN - 2 * gap - bar) / 3
    low, up = MARGIN + 0.34, height - 2 * MARGIN - 0.34 - 0.1
    colours = depth_colours(result.depth)
    energy = 100 * shares(result.singular_values**2)
    null = 100 * shares(result.null_singular_values**2).mean(0)
    ranks = np.arange(1, result.dim + 1)
    first = panel(target, (left, low, across, up))
    for b in range(result.depth):
        first.plot(ranks, energy[b], color=colours[b], linewidth=0.9)
    first.plot(ranks, null, color="black", linewidth=1, linestyle="--")
    first.set_yscale("log")
    first.set_ylim(max(energy[:, -1].min() * 0.5, 1e-4), energy.max() * 1.6)
    first.set_xlabel("singular value, by size", fontsize=TEXT, labelpad=1.5)
    first.set_ylabel("share of energy (%)", fontsize=TEXT, labelpad=1.5)
    first.minorticks_off()
    block_bar(target, (left + across + 0.08, low, 0.08, up), list(range(result.depth)))
    blocks = np.arange(result.depth)
    second = panel(target, (left + across + gap + bar, low, across, up))
    second.plot(blocks, result.effective_rank, color="black", marker="o", markersize=3,
                linewidth=1, label="trained")  # fmt: skip
    second.axhline(result.null_effective_rank, color="black", linestyle="--", linewidth=1,
                   label="random initialisation")  # fmt: skip
    second.set_ylim(0, 1.12 * max(result.null_effective_rank, result.effective_rank.max()))
    second.set_ylabel("effective rank", fontsize=TEXT, labelpad=1.5)
    second.legend(fontsize=SMALL, frameon=False, loc="best", handlelength=2)
    third = panel(target, (left + 2 * (across + gap) + bar, low, across, up))
    third.plot(blocks, 100 * result.branch_share, color="black", marker="o", markersize=3,
               linewidth=1)  # fmt: skip
    third.set_ylim(0, 100)
    third.set_ylabel("branches' share (%)", fontsize=TEXT, labelpad=1.5)
    for axes in (second, third):
        axes.set_xlim(-0.5, result.depth - 0.5)
        axes.set_xticks(np.unique(np.linspace(0, result.depth - 1, min(result.depth, 8)).round()))
        axes.set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    return [first, second, third]
