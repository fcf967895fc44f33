"""What depthwise kernels are: mosaics by label, a dictionary of labels, composition by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.draw.depthwise_by_block import (
    composition_figure,
    descriptors_figure,
    draw_composition,
    draw_descriptors,
)
from viz.draw.frame import MARGIN, heading, inches, panel
from viz.draw.labels import LABEL_STYLES, area_handles, present
from viz.draw.mosaic import Layout, Scale, enlarge, grid_layout, limits, signed_tiles
from viz.draw.style import SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.results.depthwise import LABELS, DepthwiseDescription

__all__ = [
    "composition_figure",
    "descriptors_figure",
    "dictionary_figure",
    "draw_composition",
    "draw_descriptors",
    "draw_dictionary",
    "draw_fits",
    "draw_labelled",
    "fits_figure",
    "labelled_figure",
]

_SCALES = {
    "block": "one scale per block, ± its 99.5 % quantile of |weight| (stated above the block)",
    "figure": "one scale for all, ± the 99.5 % quantile of |weight| (stated above the blocks)",
    "tile": "each kernel ± its own largest |weight|",
}
_NAMED = 1.2


def _order(result: DepthwiseDescription, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """By label as figures list them, then by the angle, then best fit first."""
    rank = np.array([LABELS.index(str(name)) for name in result.label[rows]])
    angle = np.nan_to_num(result.orientation[rows], nan=0.0)
    return rows[np.lexsort((-result.r2[rows], angle, rank))]


def _chosen(
    result: DepthwiseDescription, per_block: int | None, seed: int
) -> list[NDArray[np.int64]]:
    """Rows shown of each block, ordered: all, or the same channels of every block."""
    channels = np.unique(result.channel)
    if per_block is not None and per_block < len(channels):
        rng = np.random.default_rng(seed)
        channels = channels[rng.choice(len(channels), per_block, replace=False)]
    shown = np.isin(result.channel, channels)
    return [_order(result, np.flatnonzero(shown & (result.block == b)))
            for b in np.unique(result.block)]  # fmt: skip


def _bordered(
    result: DepthwiseDescription, rows: NDArray[np.int64], limit: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Tiles with a frame of one pixel in their label's colour, (n, k + 4, k + 4, 3)."""
    k = result.kernels.shape[1]
    colours = {n: np.round(255 * np.array(to_rgb(s.colour))) for n, s in LABEL_STYLES.items()}
    frame = np.array([colours[str(name)] for name in result.label[rows]], dtype=np.uint8)
    tiles = np.repeat(np.repeat(frame[:, None, None], k + 4, 1), k + 4, 2)
    tiles[:, 1:-1, 1:-1] = 255
    tiles[:, 2:-2, 2:-2] = signed_tiles(result.kernels[rows], limit)
    return tiles


def _labelled_layout(result: DepthwiseDescription, groups: list[NDArray[np.int64]]) -> Layout:
    side = result.kernels.shape[1] + 4
    return grid_layout([len(g) for g in groups], (side, side), head=side)


def labelled_figure(result: DepthwiseDescription, *, per_block: int | None = 64) -> Figure:
    """Make a Figure that fits `draw_labelled`."""
    layout = _labelled_layout(result, _chosen(result, per_block, 0))
    height, width = layout.shape
    return new_figure(TWO_COLUMNS, (TWO_COLUMNS - 2 * MARGIN) * height / width + 1.0)


def draw_labelled(
    result: DepthwiseDescription,
    target: Figure | SubFigure,
    *,
    per_block: int | None = 64,
    scale: Scale = "block",
    seed: int = 0,
) -> Axes:
    """Draw kernels by block, ordered by label and framed in the label's colour.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `labelled_figure`.
    per_block : int or None
        How many of each block (the same channels in every block), or None for all.
    scale : str
        One colour scale per ``"block"``, for the whole ``"figure"``, or each ``"tile"``'s own.
    seed : int
        Of the choice.

    Returns
    -------
    matplotlib.axes.Axes
        Of the mosaic, in taps.

    Notes
    -----
    The frame says what the strongest atom looks like; the kernel within may hold others. Each block
    has its own colour scale.
    """
    groups = _chosen(result, per_block, seed)
    layout = _labelled_layout(result, groups)
    rows = np.concatenate(groups)
    limit = limits(result.kernels[rows], scale, result.block[rows])
    some = len(rows) < len(result.label)
    top, bottom = heading(
        target,
        result.source.name,
        "depthwise kernels by label",
        "Frame: label of the strongest atom, in the order of the legend, then by angle. "
        + (f"The same {len(groups[0])} channels of every block. " if some else "")
        + f"Colours within: red positive, blue negative, white zero; {_SCALES[scale]}.",
    )
    width, height = inches(target)
    legend = 0.42
    inner = width - 2 * MARGIN
    tall = min(inner * layout.shape[0] / layout.shape[1], height - top - bottom - legend)
    axes = panel(target, (MARGIN, bottom + legend, inner, tall))
    picture = layout.place(_bordered(result, rows, limit), fill=255)
    zoom = max(1, round(axes.get_window_extent().width / layout.shape[1]))
    axes.imshow(
        enlarge(picture, zoom), extent=(0, layout.shape[1], layout.shape[0], 0),
        interpolation="nearest",
    )  # fmt: skip
    axes.set_axis_off()
    first = np.cumsum([0, *map(len, groups)])
    for i, (group, (left, up, _, _)) in enumerate(zip(groups, layout.groups, strict=True)):
        b = result.block[group[0]]
        ends = "" if scale == "tile" else f"  ±{limit[first[i]]:.2g}"
        share = float(result.classified[result.block == b].mean())
        axes.text(left, up + 0.8 * layout.tile[0],
                  f"block {b}{ends}  {100 * share:.0f}\u00a0% labelled",
                  fontsize=SMALL, va="bottom")  # fmt: skip
    names = present(result.label[rows])
    target.legend(
        handles=area_handles(names), loc="lower center", ncols=min(len(names), 6), frameon=False,
        fontsize=SMALL, bbox_to_anchor=(0.5, bottom / height), handlelength=1.4, columnspacing=1.2,
    )  # fmt: skip
    return axes


def dictionary_figure(result: DepthwiseDescription, *, typical: int = 8, odd: int = 4) -> Figure:
    """Make a Figure that fits `draw_dictionary`."""
    k, rows = result.kernels.shape[1], len(present(result.label))
    wide = (typical + odd) * (k + 2) + k
    tall = (TWO_COLUMNS - _NAMED - MARGIN) * (rows * (k + 4) - 4) / wide
    return new_figure(TWO_COLUMNS, tall + 1.0)


def draw_dictionary(
    result: DepthwiseDescription, target: Figure | SubFigure, *, typical: int = 8, odd: int = 4
) -> Axes:
    """Draw, for each label, the members that a single atom fits best, and those it fits worst.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `dictionary_figure`.
    typical, odd : int
        How many of each.

    Returns
    -------
    matplotlib.axes.Axes
        One row per label, in taps.

    Notes
    -----
    Typical and odd are by the R^2 of the strongest atom alone, so the odd ones are kernels in which
    the atom that names them is only a part. Each tile has its own colour scale.
    """
    names = present(result.label)
    k = result.kernels.shape[1]
    picks, row_of, column_of = [], [], []
    for line, name in enumerate(names):
        rows = np.flatnonzero(result.label == name)
        rows = rows[np.argsort(-result.r2_by_atoms[rows, 0], kind="stable")]
        best, rest = rows[:typical], rows[typical:]
        worst = rest[max(0, len(rest) - odd) :]
        picks += [*best, *worst]
        row_of += [line] * (len(best) + len(worst))
        column_of += [*range(len(best)), *range(typical, typical + len(worst))]
    rows = np.array(picks)
    step, wide = k + 2, (typical + odd) * (k + 2) + k
    x = np.array(column_of) * step + np.where(np.array(column_of) >= typical, k, 0)
    layout = Layout(x, np.array(row_of) * (k + 4), (k, k), (len(names) * (k + 4) - 4, wide), ())
    limit = limits(result.kernels[rows], "tile", result.block[rows])
    top, bottom = heading(
        target,
        result.source.name,
        "a dictionary of the labels",
        f"Left, typical: the {typical} kernels that their strongest atom alone fits best (R² "
        f"beside the row: range of all members). Right, odd: the {odd} that it fits worst. Each "
        "tile ± its own largest |weight|; red positive, blue negative, white zero.",
    )
    width, height = inches(target)
    left = _NAMED
    inner = min(width - left - MARGIN, (height - top - bottom - 0.2) * wide / layout.shape[0])
    axes = panel(target, (left, bottom + 0.05, inner, inner * layout.shape[0] / wide))
    picture = layout.place(signed_tiles(result.kernels[rows], limit), fill=255)
    axes.imshow(enlarge(picture, 6), extent=(0, wide, layout.shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for line, name in enumerate(names):
        members = result.label == name
        r2 = result.r2_by_atoms[members, 0]
        y = line * (k + 4) + k / 2
        share = f"{100 * members.mean():.1f}\u00a0%"
        axes.text(-1, y, f"{name}  {share}\nR² {r2.min():.2f} to {r2.max():.2f}",
                  fontsize=SMALL, ha="right", va="center")  # fmt: skip
    for text, at in (("typical", 0), ("odd", typical * step + k)):
        axes.text(at, -1, text, fontsize=TEXT, va="bottom")
    return axes


def fits_figure(result: DepthwiseDescription, *, each: int = 6) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    k = result.kernels.shape[1]
    tall = (TWO_COLUMNS - 0.6) * 3 * (k + 2) / (3 * each * (k + 2) + 2 * k)
    return new_figure(TWO_COLUMNS, tall + 1.4)


def draw_fits(result: DepthwiseDescription, target: Figure | SubFigure, *, each: int = 6) -> Axes:
    """Draw kernel, description and residual for the best, the median and the worst fits.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `fits_figure`.
    each : int
        Kernels of each sort, among those that have a label.

    Returns
    -------
    matplotlib.axes.Axes
        Three rows of tiles per sort, in taps.
    """
    rows = np.flatnonzero(result.classified)
    rows = rows if len(rows) else np.arange(len(result.label))
    rows = rows[np.argsort(-result.r2[rows], kind="stable")]
    middle = max(0, (len(rows) - each) // 2)
    groups = [rows[:each], rows[middle : middle + each], rows[::-1][:each][::-1]]
    k = result.kernels.shape[1]
    picks = np.concatenate(groups)
    starts = np.concatenate([g * (each * (k + 2) + k) + np.arange(len(rows_)) * (k + 2)
                             for g, rows_ in enumerate(groups)])  # fmt: skip
    parts = (result.kernels, result.fitted, result.kernels - result.fitted)
    wide = 3 * each * (k + 2) + 2 * k
    canvas = np.full((3 * (k + 2), wide, 3), 255, dtype=np.uint8)
    limit = limits(result.kernels[picks], "tile", result.block[picks])
    for line, values in enumerate(parts):
        row = Layout(starts, np.full(len(picks), line * (k + 2)), (k, k), canvas.shape[:2], ())
        canvas = np.minimum(canvas, row.place(signed_tiles(values[picks], limit), fill=255))
    top, bottom = heading(
        target,
        result.source.name,
        "kernel, description, residual",
        "Among labelled kernels, by R² of the description. Kernel, fit and residual of a column "
        "share one scale, ± the kernel's largest |weight|; red positive, blue negative, white "
        "zero. Below each: block:channel, R², number of atoms.",
    )
    width, height = inches(target)
    inner = min(width - 0.6, (height - top - bottom - 0.75) * wide / canvas.shape[0])
    tall = inner * canvas.shape[0] / wide
    axes = panel(target, (0.55, height - top - 0.25 - tall, inner, tall))
    axes.imshow(enlarge(canvas, 6), extent=(0, wide, canvas.shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for line, name in enumerate(("kernel", "fit", "residual")):
        axes.text(-1, line * (k + 2) + k / 2, name, fontsize=SMALL, ha="right", va="center")
    for g, name in enumerate(("best", "median", "worst")):
        axes.text(g * (each * (k + 2) + k), -1, name, fontsize=TEXT, va="bottom")
    for x, i in zip(starts, picks, strict=True):
        axes.text(
            x + k / 2, 3 * (k + 2),
            f"{result.block[i]}:{result.channel[i]}\n{result.r2[i]:.2f}\n{result.n_atoms[i]}",
            fontsize=SMALL, ha="center", va="top", linespacing=1.1,
        )  # fmt: skip
    return axes
