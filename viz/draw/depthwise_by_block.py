"""Depthwise descriptions by block: the labels' shares, and the numbers without labels."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from viz.draw.frame import heading, inches, narrow, panel
from viz.draw.labels import LABEL_STYLES, area_handles
from viz.draw.style import MM, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.results.depthwise import DESCRIPTORS, LABELS, DepthwiseDescription

__all__ = ["composition_figure", "descriptors_figure", "draw_composition", "draw_descriptors"]

_NAMES = {
    "dc_share": "DC share",
    "odd_energy": "odd energy",
    "rms_radius": "RMS radius (taps)",
    "anisotropy": "anisotropy",
    "spectral_centroid": "spectral centroid\n(cycles/tap)",
    "radial_sign_changes": "radial sign changes",
    "separability": "separability",
}


def composition_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_composition`."""
    del result
    return new_figure(width, 82 * MM if narrow(width) else 3.2)


def draw_composition(result: DepthwiseDescription, target: Figure | SubFigure) -> list[Axes]:
    """Draw the share of each label by block, with a randomly initialised network's beside it.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `composition_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        Shares by block, and of the random network.

    Notes
    -----
    Areas between blocks are drawn for the eye only: there is nothing between block 2 and block 3.
    """
    blocks = np.unique(result.block)
    shares = np.array([[result.shares(int(b))[name] for b in blocks] for name in LABELS])
    null = np.array([result.null_shares[name] for name in LABELS])
    top, bottom = heading(
        target,
        result.source.name,
        "what depthwise kernels are, by depth",
        f"Share of kernels by label of the strongest atom. Right: {len(result.init_labels)} "
        "kernels of a randomly initialised network, described against the same thresholds: what "
        "is labelled there is the method's false alarm.",
    )
    width, height = inches(target)
    up, low = height - top - bottom - 0.5, bottom + 0.35
    axes = panel(target, (0.5, low, width - 2.25, up))
    beside = panel(target, (width - 1.6, low, 0.32, up))
    names = [i for i, name in enumerate(LABELS) if shares[i].any() or null[i] > 0]
    wide = len(blocks) > 1
    x = blocks if wide else np.array([blocks[0] - 0.4, blocks[0] + 0.4])
    y = shares[names] if wide else np.repeat(shares[names], 2, axis=1)
    areas = axes.stackplot(x, y, colors=[LABEL_STYLES[LABELS[i]].colour for i in names],
                           edgecolor="white", linewidth=0.3)  # fmt: skip
    for area, i in zip(areas, names, strict=True):
        area.set_hatch(LABEL_STYLES[LABELS[i]].hatch)
    foot = 0.0
    for i in names:
        style = LABEL_STYLES[LABELS[i]]
        beside.bar(0, null[i], 1, foot, color=style.colour, hatch=style.hatch, edgecolor="white",
                   linewidth=0.3)  # fmt: skip
        foot += null[i]
    axes.set(xlim=(x[0], x[-1]), ylim=(0, 1))
    axes.set_xticks(blocks[:: max(1, len(blocks) // (6 if narrow(width) else 12))])
    axes.set_xlabel("block", fontsize=TEXT)
    axes.set_ylabel("share of kernels", fontsize=TEXT)
    beside.set(xlim=(-0.5, 0.5), ylim=(0, 1), yticks=[])
    beside.set_xticks([0], ["random\ninit"], fontsize=SMALL)
    target.legend(handles=area_handles([LABELS[i] for i in names])[::-1], loc="center right",
                  fontsize=SMALL, frameon=False, handlelength=1.6)  # fmt: skip
    return [axes, beside]


def descriptors_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_descriptors`."""
    del result
    return new_figure(width, 4.9 if narrow(width) else 3.9)


def draw_descriptors(result: DepthwiseDescription, target: Figure | SubFigure) -> list[Axes]:
    """Draw every descriptor by block, median and quartiles, and R^2 by number of atoms.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `descriptors_figure`.

    Returns
    -------
    list of matplotlib.axes.Axes
        One per descriptor, then R^2.
    """
    blocks = np.unique(result.block)
    top, bottom = heading(
        target,
        result.source.name,
        "descriptors of depthwise kernels by depth",
        "Line: median over the block's kernels; band: quartiles. Bottom right: median R² of one to "
        f"{result.max_atoms} atoms (line, lighter for more); dashed: kernels with shuffled taps.",
    )
    width, height = inches(target)
    columns = 2 if narrow(width) else 4
    rows = 8 // columns
    across, up = (width - 0.2) / columns, (height - top - bottom) / rows
    out = []
    for i in range(8):
        left = 0.42 + i % columns * across
        low = bottom + 0.3 + (rows - 1 - i // columns) * up
        axes = panel(target, (left, low, across - 0.5, up - 0.5))
        if i < 7:
            values = getattr(result, DESCRIPTORS[i]).astype(float)
            q = np.stack([_quartiles(values[result.block == b]) for b in blocks])
            axes.fill_between(blocks, q[:, 0], q[:, 2], color="#4477aa", alpha=0.25, linewidth=0)
            axes.plot(blocks, q[:, 1], color="#4477aa", marker="o", markersize=2, linewidth=1)
            axes.set_title(_NAMES[DESCRIPTORS[i]], fontsize=TEXT, pad=2)
            if values.max() > 1 and (values == np.round(values)).all():
                axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        else:
            _draw_r2(result, axes, blocks)
        axes.set_xticks(blocks[:: max(1, len(blocks) // 5)])
        if i >= 8 - columns:
            axes.set_xlabel("block", fontsize=TEXT, labelpad=1)
        out.append(axes)
    return out


def _quartiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quartiles of what is known, nan of kernels that are all zero."""
    known = values[np.isfinite(values)]
    found = np.quantile(known, (0.25, 0.5, 0.75)) if len(known) else np.full(3, np.nan)
    return np.asarray(found, dtype=np.float64)


def _draw_r2(result: DepthwiseDescription, axes: Axes, blocks: NDArray[np.int64]) -> None:
    shades = ["#332211", "#7a4d1e", "#bf7f30", "#e6b566"]
    ends: list[float] = []
    for j in range(result.max_atoms):
        medians = [np.median(result.r2_by_atoms[result.block == b, j]) for b in blocks]
        axes.plot(blocks, medians, color=shades[j], marker="o", markersize=2, linewidth=1)
        ends.append(float(medians[-1]))
        if len(result.shuffled_r2_by_atoms):
            null = np.median(result.shuffled_r2_by_atoms[:, j])
            axes.axhline(null, color=shades[j], linewidth=0.6, linestyle=(0, (4, 2)))
    # The numbers at the lines' ends are kept a line of text apart, from the top down.
    line = SMALL * 1.1 / 72 / (axes.get_position().height * inches(axes.figure)[1])
    heights = [min(end, 1 - line * (len(ends) - 1 - j)) for j, end in enumerate(ends)]
    for j in range(len(ends) - 2, -1, -1):
        heights[j] = min(heights[j], heights[j + 1] - line)
    for j, height in enumerate(heights):
        axes.annotate(f"{j + 1}", (1, height), xytext=(3, 0), fontsize=SMALL, va="center",
                      xycoords=("axes fraction", "data"), textcoords="offset points",
                      color=shades[j], annotation_clip=False)  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_title("R² by number of atoms", fontsize=TEXT, pad=2)
