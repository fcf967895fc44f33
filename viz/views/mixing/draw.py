"""Pointwise weights by block: matrices ordered by name, spectra, effective rank."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, block_bar, depth_colours, inches, panel
from viz.plot.style import MM, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_STYLES, area_handles
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
        f"scale of branch j's batch norm; {shown}. Bars: names of the kernels, in the legend's "
        "order; across those of the block, down those of the next block (none after the last). "
        "Within a name the channels with the strongest links come first. One colour scale for all "
        f"blocks: ±{result.limit:.2g}, within which 99.5 % of what is shown lies."
    )


def draw_matrices(result: Mixing, target: Figure | SubFigure) -> list[Axes]:
    """Draw the links of every block, channels sorted by the names of their kernels.

    The order within a name makes gradients towards the top left of each name's part: they are
    sorted in.
    """
    width, height = inches(target)
    target.set_label(_note(result))
    columns, _, side = _grid(result)
    made = []
    for b in range(result.depth):
        row, column = divmod(b, columns)
        left = MARGIN + _BESIDE + column * (side + _BESIDE)
        bottom = height - _KEY - (row + 1) * (side + _HEAD)
        axes = panel(target, (left, bottom, side, side))
        axes.imshow(result.matrix[b], cmap=SIGNED, vmin=-result.limit, vmax=result.limit,
                    interpolation="nearest", aspect="auto", rasterized=True)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"block {b}", fontsize=TEXT, pad=_BAR * 72 + 4)
        across = result.names[b][result.in_order[b]]
        _name_bar(target, (left, bottom + side + 0.02, side, _BAR), across)
        if b + 1 < result.depth:
            down = result.names[b + 1][result.out_order[b]]
            _name_bar(target, (left - 0.02 - _BAR, bottom, _BAR, side), down)
        made.append(axes)
    _legend(result, target)
    long = min(side, 1.4)
    _scale_bar(target, (width - 0.5, height - _KEY - _HEAD - long, 0.08, long),
              result.limit, "link")  # fmt: skip
    return made


def _legend(result: Mixing, target: Figure | SubFigure) -> None:
    width, height = inches(target)
    names = result.names_used
    target.legend(handles=area_handles(names), loc="upper left", ncols=min(7, len(names)),
                  handlelength=1.0, columnspacing=1.2, handletextpad=0.5, handleheight=1.0,
                  labelspacing=0.25, borderaxespad=0, borderpad=0,
                  bbox_to_anchor=(MARGIN / width, 1 - MARGIN / height))  # fmt: skip


def _scale_bar(
    target: Figure | SubFigure, box: tuple[float, float, float, float], limit: float, words: str
) -> Axes:
    """Draw the key of a signed colour scale."""
    bar = panel(target, box)
    key = target.colorbar(ScalarMappable(Normalize(-limit, limit), SIGNED), cax=bar)
    key.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"{limit:.2g}"])
    bar.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    key.set_label(words, fontsize=SMALL, labelpad=0)
    key.outline.set_linewidth(0.4)
    return bar


def _name_bar(
    target: Figure | SubFigure,
    box: tuple[float, float, float, float],
    names: NDArray[np.str_],
) -> Axes:
    """Draw sorted names as a bar."""
    axes = panel(target, box)
    flat, n = box[2] > box[3], len(names)
    axes.set_axis_off()
    axes.set_xlim(0, n if flat else 1)
    axes.set_ylim((0, 1) if flat else (n, 0))
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = [*starts[1:].tolist(), n]
    for start, end in zip(starts.tolist(), ends, strict=True):
        style = NAME_STYLES[str(names[start])]
        corner, wide, high = ((start, 0), end - start, 1) if flat else ((0, start), 1, end - start)
        axes.add_patch(Rectangle(corner, wide, high, linewidth=0.3, facecolor=style.colour,
                                 edgecolor="white"))  # fmt: skip
    return axes


def draw_spectra(result: Mixing, target: Figure | SubFigure) -> list[Axes]:
    """Draw singular values, effective rank and the branches' share by block.

    The effective rank counts directions by energy: a weak direction may still decide a class.
    """
    width, height = inches(target)
    target.set_label(
        "Spectrum: share of the squared singular values. Effective rank: exp of the shares' "
        f"entropy, at most {result.dim}. Dashed: newly drawn weights. Branches' share: part of the "
        "variance of the pointwise convolution's output that comes from the depthwise branches, "
        "the rest from the residual path, taking channels as independent; their variances are the "
        "squared scales of their batch norms."
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
                   label="newly drawn")  # fmt: skip
    second.set_ylim(0, 1.12 * max(result.null_effective_rank, result.effective_rank.max()))
    second.set_ylabel("effective rank", fontsize=TEXT, labelpad=1.5)
    second.legend(fontsize=SMALL, frameon=False, loc="lower left", handlelength=2)
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
