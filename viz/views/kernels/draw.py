"""What depthwise kernels are: mosaics by name, a dictionary of names, composition by depth."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, panel
from viz.plot.mosaic import (
    Layout,
    Scale,
    blocks_shown,
    enlarge,
    grid_layout,
    hatch_text,
    limits,
    signed_tiles,
)
from viz.plot.style import SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.kernels.colours import NAME_STYLES, area_handles, minus, present
from viz.views.kernels.result import DepthwiseDescription
from viz.views.weights.draw import scale_text

_PER_BLOCK = 64
"""Kernels of a block, as in the ConvMixer paper's figure."""
_ZOOM, _FRAME = 4, 2
"""Pixels of a tap, and of a frame and the white beside it, where kernels are framed."""
_NAMED, _KEY_LINE = 0.68, 0.14
"""Inches for the names of a dictionary's rows, and for a line of the names' key."""


def _chosen(
    result: DepthwiseDescription, width: float, per_block: int | None = _PER_BLOCK, seed: int = 0
) -> tuple[list[NDArray[np.int64]], tuple[int, int]]:
    """Rows shown of each block, the same channels of every one; columns of tiles and of blocks."""
    blocks, across = blocks_shown(np.unique(result.block), most=4 if narrow(width) else 8)
    channels = np.unique(result.channel)
    if per_block is not None and len(channels) > per_block:
        rng = np.random.default_rng(seed)
        channels = channels[rng.choice(len(channels), per_block, replace=False)]
    shown = np.isin(result.channel, channels)
    rows = [np.flatnonzero(shown & (result.block == b)) for b in blocks]
    columns = int(np.ceil(np.sqrt(len(channels))))
    return rows, (columns, across)


def _framed(
    result: DepthwiseDescription, rows: NDArray[np.int64], limit: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Tiles with a thin frame in their name's colour."""
    n, edge = len(rows), 2 * _FRAME
    inner = signed_tiles(result.kernels[rows], limit).repeat(_ZOOM, 1).repeat(_ZOOM, 2)
    side = inner.shape[1] + 2 * edge
    colours = {n: np.round(255 * np.array(to_rgb(s.colour))) for n, s in NAME_STYLES.items()}
    tiles = np.empty((n, side, side, 3), np.uint8)
    tiles[:] = np.array([colours[str(name)] for name in result.name[rows]])[:, None, None]
    tiles[:, _FRAME:-_FRAME, _FRAME:-_FRAME] = 255
    tiles[:, edge:-edge, edge:-edge] = inner
    return tiles


def _named_layout(
    result: DepthwiseDescription, width: float, per_block: int | None, seed: int = 0
) -> tuple[list[NDArray[np.int64]], Layout]:
    side = result.kernels.shape[1] * _ZOOM + 4 * _FRAME
    groups, (columns, across) = _chosen(result, width, per_block, seed)
    groups = [result.order(rows) for rows in groups]
    layout = grid_layout(
        [len(g) for g in groups], (side, side), gap=_FRAME + 1, head=side, columns=columns,
        group_columns=across,
    )  # fmt: skip
    return groups, layout


def _named_key(result: DepthwiseDescription, width: float) -> tuple[int, float]:
    """Return the columns of the names' key, and its height in inches."""
    columns = 4 if narrow(width) else 7
    return columns, _KEY_LINE * -(-len(present(result.name)) // columns) + 0.05


def named_figure(
    result: DepthwiseDescription,
    *,
    per_block: int | None = _PER_BLOCK,
    width: float = TWO_COLUMNS,
) -> Figure:
    """Make a Figure that fits `draw_named`."""
    rows, columns = _named_layout(result, width, per_block)[1].shape
    tall = (width - 2 * MARGIN) * rows / columns
    return new_figure(width, tall + _named_key(result, width)[1] + 2 * MARGIN)


def draw_named(
    result: DepthwiseDescription,
    target: Figure | SubFigure,
    *,
    per_block: int | None = _PER_BLOCK,
    scale: Scale = "block",
    seed: int = 0,
) -> Axes:
    """Draw kernels by block, ordered by name and framed in the name's colour.

    The frame says what the whole kernel looks like, where that is clear. Each block has its own
    colour scale.
    """
    width, height = inches(target)
    groups, layout = _named_layout(result, width, per_block, seed)
    rows = np.concatenate(groups)
    limit = limits(result.kernels[rows], scale, result.block[rows])
    zero = f"red is positive, blue negative, white zero{hatch_text(result.kernels)}"
    target.set_label(
        f"The same {len(groups[0])} channels of each block. Frame: what the kernel looks like, "
        "in the order of the legend, then by angle. Percentages: kernels of the block that have "
        "a name. "
        f"{scale_text('kernel', scale, limit, zero)}"
    )
    columns, key = _named_key(result, width)
    axes = panel(target, (MARGIN, MARGIN + key, width - 2 * MARGIN, height - key - 2 * MARGIN))
    picture = layout.place(_framed(result, rows, limit))
    axes.imshow(picture, extent=(0, layout.shape[1], layout.shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for group, (left, up, _, _) in zip(groups, layout.groups, strict=True):
        b = result.block[group[0]]
        here = result.finite & (result.block == b)
        share = 100 * float(result.named[here].sum()) / max(1, int(here.sum()))
        axes.text(left, up + 0.85 * layout.tile[0], f"block {b}: {share:.0f}\u00a0%",
                  fontsize=TEXT, va="bottom")  # fmt: skip
    names = present(result.name[rows])
    target.legend(
        handles=area_handles(names), loc="lower center", ncols=min(columns, len(names)),
        bbox_to_anchor=(0.5, MARGIN / height), handlelength=1.0, handleheight=1.0,
        columnspacing=1.2, handletextpad=0.5, borderaxespad=0, borderpad=0, labelspacing=0.25,
    )  # fmt: skip
    return axes


_CLEAR, _UNCLEAR = 5, 3
"""Kernels of each sort in a row of the dictionary."""
_DICTIONARY = (
    f"Left: the {_CLEAR} clearest kernels of each name, by its likelihood; right: the {_UNCLEAR} "
    "least clear ones. Percentages: of all kernels. Each kernel has its own colour scale, to its "
    "largest |weight|; red is positive, blue negative, white zero."
)


def _dictionary_layout(
    result: DepthwiseDescription, width: float
) -> tuple[list[str], int, int, float]:
    """Return the names, those in a column, a column's taps, and the inches of a tap."""
    names, k = present(result.name), result.kernels.shape[1]
    columns = 1 if narrow(width) else 2
    across = (_CLEAR + _UNCLEAR) * (k + 1) + k // 2
    inch = (width / columns - _NAMED - MARGIN) / across
    return names, -(-len(names) // columns), across, inch


def dictionary_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_dictionary`."""
    _, rows, _, inch = _dictionary_layout(result, width)
    return new_figure(width, rows * (result.kernels.shape[1] + 2) * inch + 0.2 + MARGIN)


def draw_dictionary(result: DepthwiseDescription, target: Figure | SubFigure) -> list[Axes]:
    """Draw, for each name, the clearest members and the least clear ones.

    Clear is by the likelihood that the name has. Each tile has its own colour scale.
    """
    width, height = inches(target)
    names, rows, across, inch = _dictionary_layout(result, width)
    target.set_label(_DICTIONARY)
    k = result.kernels.shape[1]
    apart = _CLEAR * (k + 1) + k // 2
    made = []
    for start in range(0, len(names), rows):
        shown = names[start : start + rows]
        picks, x, y = [], [], []
        for line, name in enumerate(shown):
            members = np.flatnonzero(result.name == name)
            members = members[np.argsort(-result.probability[members], kind="stable")]
            for chosen, left in (
                (members[:_CLEAR], 0),
                (members[_CLEAR:][-_UNCLEAR:], apart),
            ):
                picks.append(chosen)
                x.append(left + np.arange(len(chosen)) * (k + 1))
                y.append(np.full(len(chosen), line * (k + 2)))
        shape = (rows * (k + 2), across)
        layout = Layout(np.concatenate(x), np.concatenate(y), (k, k), shape, ())
        kernels = result.kernels[np.concatenate(picks)]
        own = limits(kernels, "tile", np.zeros(len(kernels), np.int64))
        picture = layout.place(signed_tiles(kernels, own))
        left = start // rows * width / 2 + _NAMED
        axes = panel(target, (left, MARGIN, across * inch, height - 0.2 - MARGIN))
        axes.imshow(enlarge(picture, 6), extent=(0, across, shape[0], 0), interpolation="nearest")
        axes.set_axis_off()
        for line, name in enumerate(shown):
            share = 100 * (result.name == name).mean()
            axes.text(-1, line * (k + 2) + k / 2, f"{minus(name)}\n{share:.1f}\u00a0%",
                      fontsize=SMALL, ha="right", va="center")  # fmt: skip
        for text, at in (("clearest", 0), ("least clear", apart)):
            axes.text(at, -1, text, fontsize=SMALL, va="bottom")
        made.append(axes)
    return made


_FITS = (
    "Among named kernels, by R² of the description, which stands below. Kernel, fit and residual "
    "have one colour scale, to the kernel's largest |weight|; red is positive, blue negative, "
    "white zero."
)
_FITS_LEFT, _FITS_HEAD, _FITS_WORDS = 0.5, 0.19, 0.35
"""Inches for the names of the rows, for the name of a sort of fits, and for both and the words."""


def _fits_steps(result: DepthwiseDescription, width: float) -> tuple[int, int, int, float]:
    """Return kernels of each sort, taps from one sort to the next across and down, a tap's inches.

    The sorts stand side by side on two columns, below one another on one.
    """
    k = result.kernels.shape[1]
    inner = width - _FITS_LEFT - MARGIN
    if not narrow(width):
        return 6, 6 * (k + 1) + k, 0, inner / (18 * (k + 1) + 2 * k)
    inch = inner / (8 * (k + 1))
    return 8, 0, 3 * (k + 1) + int(np.ceil((_FITS_WORDS + 0.05) / inch)), inch


def fits_figure(result: DepthwiseDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    _, _, down, inch = _fits_steps(result, width)
    tall = (2 * down + 3 * (result.kernels.shape[1] + 1)) * inch
    return new_figure(width, tall + _FITS_WORDS + MARGIN)


def draw_fits(result: DepthwiseDescription, target: Figure | SubFigure) -> Axes:
    """Draw kernel, description and residual for the best, the median and the worst fits."""
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
    x = sort * across + np.concatenate([np.arange(len(group)) for group in groups]) * (k + 1)
    y = sort * down
    parts = (result.kernels, result.fitted, result.kernels - result.fitted)
    shape = (2 * down + 3 * (k + 1), 2 * across + each * (k + 1))
    limit = limits(result.kernels[picks], "tile", result.block[picks])
    lines = np.concatenate([y + line * (k + 1) for line in range(len(parts))])
    tiles = [signed_tiles(values[picks], limit) for values in parts]
    whole = Layout(np.tile(x, len(parts)), lines, (k, k), shape, ())
    canvas = whole.place(np.concatenate(tiles))
    target.set_label(_FITS)
    wide, tall = shape[1] * inch, shape[0] * inch
    axes = panel(target, (_FITS_LEFT, height - _FITS_HEAD - tall, wide, tall))
    axes.imshow(enlarge(canvas, 6), extent=(0, shape[1], shape[0], 0), interpolation="nearest")
    axes.set_axis_off()
    for g, name in enumerate(("best", "median", "worst")):
        axes.text(g * across, g * down - 0.03 / inch, name, fontsize=TEXT, va="bottom")
        for line, part in enumerate(("kernel", "fit", "residual")):
            if g == 0 or down:
                axes.text(-1, g * down + line * (k + 1) + k / 2, part, fontsize=SMALL, ha="right",
                          va="center")  # fmt: skip
    for left, up, i in zip(x, y, picks, strict=True):
        axes.text(left + k / 2, up + 3 * (k + 1), f"{result.r2[i]:.2f}", fontsize=SMALL,
                  ha="center", va="top")  # fmt: skip
    return axes
