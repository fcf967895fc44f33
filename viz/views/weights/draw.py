"""Patch-embedding filters and depthwise kernels as mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, colour_key, inches, panel, show_picture
from viz.plot.mosaic import (
    Layout,
    Scale,
    enlarge,
    grid_layout,
    hatch_text,
    limits,
    rgb_tiles,
    signed_tiles,
)
from viz.plot.style import SMALL, TEXT, TWO_COLUMNS, new_figure, page_colour
from viz.views.weights.result import DepthwiseKernels, PatchFilters

KEY = 0.31
"""Inches below for the key to the colours."""
_BACKGROUND_SIGNED = 140
_ORDERED = {"similarity": "Similar ones stand side by side. ", "norm": "The largest come first. "}
ZERO = "red is positive, blue negative, white zero"


@dataclass(frozen=True)
class Mosaic:
    """A mosaic ready to be shown: an array of one pixel per weight, and where each tile lies.

    ``layout.locate`` turns a click into a tile. There is a title for each group; ``limit`` is the
    weight at the end of the colour bar, nan where tiles differ; ``signed_map`` says whether colours
    are the diverging map or RGB around mid grey.
    """

    picture: NDArray[np.uint8]
    layout: Layout
    titles: tuple[str, ...]
    scale_text: str
    scale: Scale
    limit: float
    signed_map: bool


def shown_text(shown: int, block: NDArray[np.int64]) -> str:
    """Say how many kernels of each block are shown; ``block`` is that of every kernel there is."""
    every = int(np.unique(block, return_counts=True)[1].max())
    if shown >= every:
        return f"All {every} kernels of each block."
    return f"The same {shown} of {every} kernels of each block."


def scale_text(what: str, scale: Scale, limit: NDArray[np.float64], zero: str = ZERO) -> str:
    """Say what the colours of tiles mean, in a sentence."""
    if scale == "tile":
        return f"Each {what} has its own colour scale, to its largest |weight|; {zero}."
    if scale == "block":
        ends = "to".join(dict.fromkeys(f" ±{end:#.2g} " for end in (limit.min(), limit.max())))
        return (
            f"Each block has its own colour scale; its limit,{ends}by block, is that within which "
            f"99.5 % of its |weights| lie; {zero}."
        )
    return f"One colour scale for all, ±{limit[0]:.3g}: 99.5 % of |weights| lie within; {zero}."


def patch_filter_mosaic(
    result: PatchFilters, *, scale: Scale = "tile", columns: int | None = None
) -> Mosaic:
    """Lay out every patch-embedding filter as a tile.

    Three-channel filters are shown as RGB with zero at mid grey; any other number of channels as
    rows of signed tiles, one group per channel.

    With the scale ``"tile"`` a filter that is nearly zero looks as strong as the rest. Colours are
    those of the normalised input: a filter that likes red is drawn red, and so is one that
    dislikes cyan.
    """
    n, c, p, _ = result.filters.shape
    scale = "figure" if scale == "block" else scale
    zero = np.zeros(n, dtype=np.int64)
    limit = limits(result.filters, scale, zero)
    if c == 3:
        layout = grid_layout([n], (p, p), columns=columns)
        picture = layout.place(rgb_tiles(result.filters, limit))
        titles: tuple[str, ...] = ("",)
        text = scale_text("filter", scale, limit, f"mid grey is zero{hatch_text(result.filters)}")
    else:
        layout = grid_layout([n] * c, (p, p), columns=columns, head=p if c > 1 else 0)
        tiles = signed_tiles(
            result.filters.transpose(1, 0, 2, 3).reshape(c * n, p, p), np.tile(limit, c)
        )
        picture = layout.place(tiles, fill=_BACKGROUND_SIGNED)
        titles = ("",) if c == 1 else tuple(f"input channel {i}" for i in range(c))
        text = scale_text("filter", scale, limit, f"white is zero{hatch_text(result.filters)}")
    one = float(limit[0]) if scale == "figure" else float("nan")
    return Mosaic(picture, layout, titles, text, scale, one, c != 3)


def with_gutters(layout: Layout, tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Place tiles, each in a grey edge of a pixel; everywhere else lies the page."""
    picture, (h, w) = layout.place(tiles, fill=_BACKGROUND_SIGNED), layout.tile
    page = np.ones(layout.shape, dtype=bool)
    rows = layout.y[:, None, None] + np.arange(-1, h + 1)[:, None]
    page[rows, layout.x[:, None, None] + np.arange(-1, w + 1)] = False
    picture[page] = page_colour()
    return picture


def kernel_mosaic(
    result: DepthwiseKernels,
    *,
    scale: Scale = "block",
    columns: int | None = None,
    group_columns: int | None = None,
    ends: Sequence[float] | None = None,
    below: int = 0,
) -> Mosaic:
    """Lay out depthwise kernels by depth: one group of tiles per block, first block first.

    With ``"block"`` two blocks' colours cannot be compared, with ``"tile"`` two kernels' cannot: a
    dead kernel then looks like a strong one. A batch norm follows every kernel, so a kernel's
    size says little about its effect. ``ends``, by block of the network, are where scales end; a
    choice of kernels keeps the colours of all with them. ``below`` as in `grid_layout`.
    """
    k = result.kernels.shape[1]
    blocks = result.blocks
    index = np.searchsorted(np.array(blocks), result.block)
    sizes = np.bincount(index).tolist()
    if ends is None:
        limit = limits(result.kernels, scale, result.block)
    else:
        limit = np.asarray(ends, dtype=np.float64)[result.block]
    layout = grid_layout(
        sizes, (k, k), columns=columns, group_columns=group_columns, head=k, edge=1, below=below
    )
    picture = with_gutters(layout, signed_tiles(result.kernels, limit))
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    titles = tuple(
        f"block {b}" + (f"  ±{limit[i]:#.2g}" if scale == "block" else "")
        for b, i in zip(blocks, first, strict=True)
    )
    text = scale_text("kernel", scale, limit, f"{ZERO}{hatch_text(result.kernels)}")
    text = _ORDERED.get(result.order, "") + text
    one = float(limit[0]) if scale == "figure" else float("nan")
    return Mosaic(picture, layout, titles, text, scale, one, True)


def mosaic_figure(
    mosaic: Mosaic, *, width: float = TWO_COLUMNS, below: float = 0.0, dpi: float = 300
) -> Figure:
    """Make a Figure that fits a mosaic, every weight a whole number of pixels wide."""
    height, across = mosaic.layout.shape
    inner = width - 2 * MARGIN
    zoom = max(1, int(np.ceil(dpi * inner / across)))
    # A hair above the whole number: Agg cuts the figure's size to whole pixels.
    return new_figure(
        width, inner * height / across + below + KEY + MARGIN, dpi=across * zoom / inner + 1e-6
    )


def drawn_mosaic(mosaic: Mosaic, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits a mosaic, and draw it."""
    figure = mosaic_figure(mosaic, width=width)
    draw_mosaic(mosaic, figure)
    return figure


def draw_mosaic(mosaic: Mosaic, target: Figure | SubFigure, *, below: float = 0.0) -> Axes:
    """Draw a mosaic once, with its titles and its colour scale, above so many free inches."""
    width, height = inches(target)
    # As many pixels as PNG will show: vector files would otherwise be blurred by viewers.
    dpi = target.figure.dpi if isinstance(target, SubFigure) else target.dpi
    zoom = max(1, round((width - 2 * MARGIN) * dpi / mosaic.layout.shape[1]))
    low = below + KEY
    box = (MARGIN, low, width - 2 * MARGIN, height - low - MARGIN)
    axes = show_picture(target, box, enlarge(mosaic.picture, zoom), mosaic.layout.shape)
    axes.set_aspect("equal")
    head = mosaic.layout.y.min() - mosaic.layout.groups[0][1]
    for name, (left, top, _, _) in zip(mosaic.titles, mosaic.layout.groups, strict=True):
        if name:
            axes.text(left, top + 0.85 * head, name, fontsize=TEXT, va="bottom", ha="left")
    target.set_label(mosaic.scale_text)
    if mosaic.signed_map:
        end = "limit" if np.isnan(mosaic.limit) else f"{mosaic.limit:.2g}"
        colour_key(target, (width - MARGIN - 1.3, KEY - 0.13, 1.1), end)
        return axes
    grey = panel(target, (MARGIN, KEY - 0.2, 0.12, 0.12))
    grey.set(facecolor="#808080", xticks=[], yticks=[])
    grey.text(1.4, 0.5, "0; lighter +, darker −", size=SMALL, va="center", transform=grey.transAxes)
    return axes
