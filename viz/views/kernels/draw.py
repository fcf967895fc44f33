"""What depthwise kernels are: mosaics by name, a dictionary of names, composition by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, foot, heading, inches, narrow, panel
from viz.plot.mosaic import (
    Layout,
    Scale,
    enlarge,
    few_of_each,
    grid_layout,
    hatch_text,
    limits,
    signed_tiles,
)
from viz.plot.style import SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_STYLES, area_handles, present
from viz.views.kernels.draw_by_block import (
    composition_figure,
    draw_composition,
)
from viz.views.kernels.result import DepthwiseDescription

__all__ = [
    "composition_figure",
    "dictionary_figure",
    "draw_composition",
    "draw_dictionary",
    "draw_fits",
    "draw_named",
    "fits_figure",
    "named_figure",
]

_SCALES = {
    "block": "one scale per block, ± its 99.5 % quantile of |weight| (stated above the block)",
    "figure": "one scale for all, ± the 99.5 % quantile of |weight| (stated above the blocks)",
    "tile": "each kernel ± its own largest |weight|",
}
_NAMED, _LONG_TITLE = 1.2, 1.35
"""Inches for the names of a dictionary's rows, and of a block whose title is written in full."""
_LEGEND_COLUMNS, _LEGEND_LINE = (6, 4), 0.13
"""Of the names' key, on two columns and on one; inches a line of it takes."""


def _chosen(
    result: DepthwiseDescription, per_block: int | None, seed: int
) -> list[NDArray[np.int64]]:
    """Rows shown of each block, ordered: all, or the same channels of every block."""
    channels = np.unique(result.channel)
    if per_block is not None and per_block < len(channels):
        rng = np.random.default_rng(seed)
        channels = channels[rng.choice(len(channels), per_block, replace=False)]
    shown = np.isin(result.channel, channels)
    return [result.order(np.flatnonzero(shown & (result.block == b)))
            for b in np.unique(result.block)]  # fmt: skip


def _bordered(
    result: DepthwiseDescription, rows: NDArray[np.int64], limit: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Tiles with a frame of one pixel in their name's colour, (n, k + 4, k + 4, 3)."""
    k = result.kernels.shape[1]
    colours = {n: np.round(255 * np.array(to_rgb(s.colour))) for n, s in NAME_STYLES.items()}
    frame = np.array([colours[str(name)] for name in result.name[rows]], dtype=np.uint8)
    tiles = np.repeat(np.repeat(frame[:, None, None], k + 4, 1), k + 4, 2)
    tiles[:, 1:-1, 1:-1] = 255
    tiles[:, 2:-2, 2:-2] = signed_tiles(result.kernels[rows], limit)
    return tiles


def _named_layout(
    result: DepthwiseDescription, groups: list[NDArray[np.int64]], width: float
) -> Layout:
    side = result.kernels.shape[1] + 4
    few = few_of_each(len(groups))[1:] if narrow(width) else (None, None)
    return grid_layout(
        [len(g) for g in groups], (side, side), columns=few[0], group_columns=few[1], head=side
    )


def _slim(layout: Layout, width: float) -> bool:
    """Whether blocks are too slim for their titles in full."""
    left, _, right, _ = layout.groups[0]
    return (right - left) / layout.shape[1] * (width - 2 * MARGIN) < _LONG_TITLE


def _named_note(
    kernels: NDArray[np.float32], n_shown: int | None, scale: Scale, short: bool
) -> str:
    some = "" if n_shown is None else f"The same {n_shown} channels of every block. "
    above = "Percentages: kernels of the block that have a name. " if short else ""
    return (
        "Frame: what the kernel looks like, in the order of the legend, then by angle. "
        f"{some}{above}Colours within: red positive, blue negative, white zero"
        f"{hatch_text(kernels)}; {_SCALES[scale]}."
    )


def named_figure(
    result: DepthwiseDescription, *, per_block: int | None = 64, width: float = TWO_COLUMNS
) -> Figure:
    """Make a Figure that fits `draw_named`."""
    groups = _chosen(result, per_block, 0)
    layout = _named_layout(result, groups, width)
    tall = (width - 2 * MARGIN) * layout.shape[0] / layout.shape[1]
    if not narrow(width):
        return new_figure(width, tall + 1.0)
    shown = len(groups[0]) if sum(map(len, groups)) < len(result.name) else None
    keys = _LEGEND_LINE * -(-len(present(result.name)) // _LEGEND_COLUMNS[True])
    note = _named_note(result.kernels, shown, "block", _slim(layout, width))
    return new_figure(width, 0.27 + tall + 0.1 + keys + foot(note, width))


def draw_named(
    result: DepthwiseDescription,
    target: Figure | SubFigure,
    *,
    per_block: int | None = 64,
    scale: Scale = "block",
    seed: int = 0,
) -> Axes:
    """Draw kernels by block, ordered by name and framed in the name's colour.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `named_figure`.
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
    The frame says what the whole kernel looks like, where that is clear. Each block has its own
    colour scale.
    """
    width, height = inches(target)
    groups = _chosen(result, per_block, seed)
    layout = _named_layout(result, groups, width)
    rows = np.concatenate(groups)
    limit = limits(result.kernels[rows], scale, result.block[rows])
    some, stacked = len(rows) < len(result.name), narrow(width)
    names = present(result.name[rows])
    inner, short = width - 2 * MARGIN, _slim(layout, width)
    note = _named_note(result.kernels, len(groups[0]) if some else None, scale, short)
    top, bottom = heading(target, result.source.name, "depthwise kernels by name", note)
    ncols = min(len(names), _LEGEND_COLUMNS[stacked])
    legend = 0.06 + _LEGEND_LINE * -(-len(names) // ncols) if stacked else 0.42
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
        here = result.finite & (result.block == b)
        share = 100 * float(result.named[here].sum()) / max(1, int(here.sum()))
        axes.text(left, up + 0.8 * layout.tile[0],
                  f"block {b}{ends}  {share:.0f}\u00a0%" + " named" * (not short),
                  fontsize=SMALL, va="bottom")  # fmt: skip
    target.legend(
        handles=area_handles(names), loc="lower center", ncols=ncols, frameon=False,
        fontsize=SMALL, bbox_to_anchor=(0.5, bottom / height), handlelength=1.4, columnspacing=1.2,
        **({"borderaxespad": 0, "borderpad": 0} if stacked else {}),
    )  # fmt: skip
    return axes


def _dictionary_layout(result: DepthwiseDescription, width: float) -> tuple[int, int, int, float]:
    """Return how many clear and unclear members are shown, and the taps and inches they take."""
    typical, odd = (5, 3) if narrow(width) else (8, 4)
    k = result.kernels.shape[1]
    return typical, odd, (typical + odd) * (k + 2) + k, width - _NAMED - MARGIN


def _dictionary_note(typical: int, odd: int) -> str:
    return (
        f"Left: the {typical} clearest kernels of each name (likelihood of the name beside the "
        f"row: range of all members). Right: the {odd} least clear ones. Each tile ± its own "
        "largest |weight|; red positive, blue negative, white zero."
    )


def dictionary_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_dictionary`."""
    k, rows = result.kernels.shape[1], len(present(result.name))
    typical, odd, wide, inner = _dictionary_layout(result, width)
    tall = inner * (rows * (k + 4) - 4) / wide
    rest = 0.55 + foot(_dictionary_note(typical, odd), width) if narrow(width) else 1.0
    return new_figure(width, tall + rest)


def draw_dictionary(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw, for each name, the clearest members and the least clear ones.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `dictionary_figure`.

    Returns
    -------
    matplotlib.axes.Axes
        One row per name, in taps.

    Notes
    -----
    Clear is by the likelihood that the name has. Each tile has its own colour scale.
    """
    width, height = inches(target)
    typical, odd, wide, most = _dictionary_layout(result, width)
    names = present(result.name)
    k = result.kernels.shape[1]
    picks, row_of, column_of = [], [], []
    for line, name in enumerate(names):
        rows = np.flatnonzero(result.name == name)
        rows = rows[np.argsort(-result.probability[rows], kind="stable")]
        best, rest = rows[:typical], rows[typical:]
        worst = rest[max(0, len(rest) - odd) :]
        picks += [*best, *worst]
        row_of += [line] * (len(best) + len(worst))
        column_of += [*range(len(best)), *range(typical, typical + len(worst))]
    rows = np.array(picks)
    step = k + 2
    x = np.array(column_of) * step + np.where(np.array(column_of) >= typical, k, 0)
    layout = Layout(x, np.array(row_of) * (k + 4), (k, k), (len(names) * (k + 4) - 4, wide), ())
    limit = limits(result.kernels[rows], "tile", result.block[rows])
    top, bottom = heading(
        target,
        result.source.name,
        "a dictionary of the names",
        _dictionary_note(typical, odd),
    )
    inner = min(most, (height - top - bottom - 0.2) * wide / layout.shape[0])
    axes = panel(target, (_NAMED, bottom + 0.05, inner, inner * layout.shape[0] / wide))
    picture = layout.place(signed_tiles(result.kernels[rows], limit), fill=255)
    axes.imshow(enlarge(picture, 6), extent=(0, wide, layout.shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for line, name in enumerate(names):
        members = result.name == name
        sure = 100 * result.probability[members]
        y = line * (k + 4) + k / 2
        share = f"{100 * members.mean():.1f}\u00a0%"
        axes.text(-1, y, f"{name}  {share}\n{sure.min():.0f} to {sure.max():.0f}\u00a0%",
                  fontsize=SMALL, ha="right", va="center")  # fmt: skip
    for text, at in (("clearest", 0), ("least clear", typical * step + k)):
        axes.text(at, -1, text, fontsize=TEXT, va="bottom")
    return axes


_FITS = (
    "Among named kernels, by R² of the description. Kernel, fit and residual of a column share "
    "one scale, ± the kernel's largest |weight|; red positive, blue negative, white zero. Below "
    "each: block:channel, R², number of shapes."
)
_FITS_LEFT, _FITS_WORDS = 0.55, 0.6
"""Inches for the names of the rows, and for the words of a sort of fits."""


def _fits_steps(result: DepthwiseDescription, width: float) -> tuple[int, int, int, float]:
    """Return kernels of each sort, taps from one sort to the next across and down, a tap's inches.

    The sorts stand side by side on two columns, below one another on one.
    """
    k = result.kernels.shape[1]
    inner = width - _FITS_LEFT - 0.05
    if not narrow(width):
        return 6, 6 * (k + 2) + k, 0, inner / (18 * (k + 2) + 2 * k)
    inch = inner / (8 * (k + 2))
    return 8, 0, 3 * (k + 2) + int(np.ceil(_FITS_WORDS / inch)), inch


def fits_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    _, _, down, inch = _fits_steps(result, width)
    tall = (2 * down + 3 * (result.kernels.shape[1] + 2)) * inch
    rest = 1.4 if not narrow(width) else 0.27 + _FITS_WORDS + 0.1 + foot(_FITS, width)
    return new_figure(width, tall + rest)


def draw_fits(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw kernel, description and residual for the best, the median and the worst fits.

    Parameters
    ----------
    result : DepthwiseDescription
        What each kernel is.
    target : Figure or SubFigure
        Best made by `fits_figure`.

    Returns
    -------
    matplotlib.axes.Axes
        Three rows of tiles per sort, in taps.
    """
    width, height = inches(target)
    each, across, down, inch = _fits_steps(result, width)
    rows = np.flatnonzero(result.named)
    rows = rows if len(rows) else np.arange(len(result.name))
    rows = rows[np.argsort(-result.r2[rows], kind="stable")]
    middle = max(0, (len(rows) - each) // 2)
    groups = [rows[:each], rows[middle : middle + each], rows[::-1][:each][::-1]]
    k = result.kernels.shape[1]
    picks = np.concatenate(groups)
    sort = np.repeat(np.arange(3), [len(group) for group in groups])
    x = sort * across + np.concatenate([np.arange(len(group)) for group in groups]) * (k + 2)
    y = sort * down
    parts = (result.kernels, result.fitted, result.kernels - result.fitted)
    shape = (2 * down + 3 * (k + 2), 2 * across + each * (k + 2))
    canvas = np.full((*shape, 3), 255, dtype=np.uint8)
    limit = limits(result.kernels[picks], "tile", result.block[picks])
    for line, values in enumerate(parts):
        row = Layout(x, y + line * (k + 2), (k, k), shape, ())
        canvas = np.minimum(canvas, row.place(signed_tiles(values[picks], limit), fill=255))
    top, bottom = heading(target, result.source.name, "kernel, description, residual", _FITS)
    inch = min(inch, (height - top - bottom - 0.75) / shape[0])
    wide, tall = shape[1] * inch, shape[0] * inch
    axes = panel(target, (_FITS_LEFT, height - top - 0.25 - tall, wide, tall))
    axes.imshow(enlarge(canvas, 6), extent=(0, shape[1], shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for g, name in enumerate(("best", "median", "worst")):
        axes.text(g * across, g * down - 1, name, fontsize=TEXT, va="bottom")
        for line, part in enumerate(("kernel", "fit", "residual")):
            if g == 0 or down:
                axes.text(-1, g * down + line * (k + 2) + k / 2, part, fontsize=SMALL, ha="right",
                          va="center")  # fmt: skip
    for left, up, i in zip(x, y, picks, strict=True):
        axes.text(
            left + k / 2, up + 3 * (k + 2),
            f"{result.block[i]}:{result.channel[i]}\n{result.r2[i]:.2f}\n{result.n_shapes[i]}",
            fontsize=SMALL, ha="center", va="top", linespacing=1.1,
        )  # fmt: skip
    return axes
