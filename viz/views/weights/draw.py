"""Patch-embedding filters and depthwise kernels as mosaics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, foot, inches, narrow, wrapped
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
from viz.plot.style import SIGNED, SMALL, TEXT, TITLE, TWO_COLUMNS, new_figure, printable
from viz.views.weights.result import DepthwiseKernels, PatchFilters

__all__ = [
    "Mosaic",
    "draw_mosaic",
    "drawn_mosaic",
    "kernel_mosaic",
    "mosaic_figure",
    "patch_filter_mosaic",
]

_TOP, _BOTTOM, _KEY = 0.42, 0.42, 0.36
"""Inches above and below, where the words fit lines of two columns; the key to the colours."""
_BACKGROUND_RGB, _BACKGROUND_SIGNED = 255, 225


@dataclass(frozen=True)
class Mosaic:
    """A mosaic ready to be shown: as an array, or drawn once on an axes.

    Parameters
    ----------
    picture : ndarray of uint8, (height, width, 3)
        One array pixel per weight.
    layout : Layout
        Where each tile lies; ``layout.locate`` turns a click into a tile.
    titles : tuple of str
        One per group.
    title, scale_text : str
        What is shown, and what the colours mean.
    scale : str
        ``"figure"``, ``"block"`` or ``"tile"``.
    limit : float
        Weight at the end of the colour bar, where there is one for all; else NaN.
    signed_map : bool
        Whether colours are the diverging map (else RGB around mid grey).
    """

    picture: NDArray[np.uint8]
    layout: Layout
    titles: tuple[str, ...]
    title: str
    scale_text: str
    scale: Scale
    limit: float
    signed_map: bool


def _scale_text(what: str, scale: Scale, limit: NDArray[np.float64], zero: str) -> str:
    if scale == "tile":
        return f"colour scale: each {what}'s own largest |weight|; {zero}"
    if scale == "block":
        return f"colour scale: one per block, ± its 99.5 % quantile of |weight|; {zero}"
    return f"colour scale: one for all, ±{limit[0]:.3g} (99.5 % of |weights| lie within); {zero}"


def _number(value: float) -> str:
    return f"{value:.2g}"


def patch_filter_mosaic(result: PatchFilters, *, scale: Scale = "tile") -> Mosaic:
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
    hatched = hatch_text(result.filters)
    about = f"patch size {p}, {n} filters, ordered by {result.order}"
    title = f"{printable(result.source.name)} · patch-embedding filters ({about})"
    if c == 3:
        layout = grid_layout([n], (p, p))
        picture = layout.place(rgb_tiles(result.filters, limit), fill=_BACKGROUND_RGB)
        titles: tuple[str, ...] = ("",)
        text = _scale_text("filter", scale, limit, f"mid grey is zero{hatched}")
    else:
        layout = grid_layout([n] * c, (p, p))
        tiles = signed_tiles(
            result.filters.transpose(1, 0, 2, 3).reshape(c * n, p, p), np.tile(limit, c)
        )
        picture = layout.place(tiles, fill=_BACKGROUND_SIGNED)
        titles = ("",) if c == 1 else tuple(f"input channel {i}" for i in range(c))
        text = _scale_text("filter", scale, limit, f"white is zero{hatched}")
    one = float(limit[0]) if scale == "figure" else float("nan")
    return Mosaic(picture, layout, titles, title, text, scale, one, c != 3)


def kernel_mosaic(
    result: DepthwiseKernels,
    *,
    scale: Scale = "block",
    columns: int | None = None,
    group_columns: int | None = None,
) -> Mosaic:
    """Lay out depthwise kernels by depth: one group of tiles per block, first block first.

    With ``"block"`` two blocks' colours cannot be compared, with ``"tile"`` two kernels' cannot: a
    dead kernel then looks like a strong one. A batch norm follows every kernel, so a kernel's
    size says little about its effect.
    """
    k = result.kernels.shape[1]
    blocks = result.blocks
    index = np.searchsorted(np.array(blocks), result.block)
    sizes = np.bincount(index).tolist()
    limit = limits(result.kernels, scale, result.block)
    layout = grid_layout(
        sizes, (k, k), columns=columns, group_columns=group_columns, head=k, edge=1
    )
    picture = layout.place(signed_tiles(result.kernels, limit), fill=_BACKGROUND_SIGNED)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    titles = tuple(
        f"block {b}" + (f"  ±{_number(limit[i])}" if scale == "block" else "")
        for b, i in zip(blocks, first, strict=True)
    )
    # Between groups the page shows through: only the tiles' gaps and their borders are grey.
    page = np.ones(layout.shape, dtype=bool)
    for left, top, right, bottom in layout.groups:
        page[top + k - 1 : bottom + 1, left - 1 : right + 1] = False
    picture[page] = 255
    about = f"kernel size {k}, {sizes[0]} per block, ordered by {result.order}"
    title = f"{printable(result.source.name)} · depthwise kernels by block ({about})"
    text = _scale_text("kernel", scale, limit, f"white is zero{hatch_text(result.kernels)}")
    one = float(limit[0]) if scale == "figure" else float("nan")
    return Mosaic(picture, layout, titles, title, text, scale, one, True)


def mosaic_figure(mosaic: Mosaic, *, width: float = TWO_COLUMNS, dpi: float = 300) -> Figure:
    """Make a Figure that fits a mosaic, every weight a whole number of pixels wide."""
    height, across = mosaic.layout.shape
    inner = width - 2 * MARGIN
    zoom = max(1, int(np.ceil(dpi * inner / across)))
    # A hair above the whole number: Agg cuts the figure's size to whole pixels.
    return new_figure(
        width,
        inner * height / across + sum(_edges(mosaic, width)),
        dpi=across * zoom / inner + 1e-6,
    )


def _edges(mosaic: Mosaic, width: float) -> tuple[float, float]:
    """Return the inches above and below a mosaic: lines of words, and the key."""
    above = _TOP + (len(_title(mosaic, width)) - 1) * TITLE * 1.3 / 72
    fits = not narrow(width) and len(wrapped(mosaic.scale_text, width)) < 3
    return above, _BOTTOM if fits else foot(mosaic.scale_text, width) + _KEY


def _title(mosaic: Mosaic, width: float) -> list[str]:
    # Letters are narrower than `wrapped` allows for: usual names fit a line of two columns.
    return wrapped(mosaic.title, width * (1 if narrow(width) else 1.12), TITLE)


def drawn_mosaic(mosaic: Mosaic, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits a mosaic, and draw it."""
    figure = mosaic_figure(mosaic, width=width)
    draw_mosaic(mosaic, figure)
    return figure


def draw_mosaic(mosaic: Mosaic, target: Figure | SubFigure) -> Axes:
    """Draw a mosaic once, with its titles and its colour scale."""
    width, height = inches(target)
    above, below = _edges(mosaic, width)
    axes = target.add_axes(
        (
            MARGIN / width,
            below / height,
            1 - 2 * MARGIN / width,
            1 - (above + below) / height,
        )
    )
    rows, columns = mosaic.layout.shape
    # As many pixels as PNG will show: vector files would otherwise be blurred by viewers.
    zoom = max(1, round(axes.get_window_extent().width / columns))
    axes.imshow(
        enlarge(mosaic.picture, zoom),
        extent=(0, columns, rows, 0),
        interpolation="nearest",
        aspect="equal",
    )
    axes.set_axis_off()
    head = mosaic.layout.tile[0]
    for name, (left, top, _, _) in zip(mosaic.titles, mosaic.layout.groups, strict=True):
        if name:
            axes.text(left, top + 0.85 * head, name, fontsize=TEXT, va="bottom", ha="left")
    x = MARGIN / width
    title, note = _title(mosaic, width), wrapped(mosaic.scale_text, width)
    target.text(x, 1 - 0.08 / height, "\n".join(title), fontsize=TITLE, va="top", ha="left")
    target.text(x, 0.09 / height, "\n".join(note), fontsize=SMALL, va="bottom", ha="left")
    target.set_label(mosaic.scale_text)
    _draw_key(mosaic, target, below - 0.16)
    return axes


def _draw_key(mosaic: Mosaic, target: Figure | SubFigure, low: float) -> None:
    """Draw the colour bar: from -limit to +limit, in weights where one limit serves all."""
    (width, height), long, thin = inches(target), 1.1, 0.07
    bar = target.add_axes(
        (1 - (MARGIN + long + 0.1) / width, low / height, long / width, thin / height)
    )
    ramp = np.linspace(-1, 1, 255)[None]
    if mosaic.signed_map:
        bar.imshow(ramp, cmap=SIGNED, vmin=-1, vmax=1, aspect="auto", extent=(-1, 1, 0, 1))
    else:
        bar.imshow(ramp, cmap="gray", vmin=-1, vmax=1, aspect="auto", extent=(-1, 1, 0, 1))
    end = "limit" if np.isnan(mosaic.limit) else _number(mosaic.limit)
    bar.set_xticks([-1, 0, 1], [f"−{end}", "0", f"+{end}"], fontsize=SMALL)
    bar.set_yticks([])
    bar.tick_params(length=2, width=0.4, pad=1)
    for spine in bar.spines.values():
        spine.set_linewidth(0.4)
