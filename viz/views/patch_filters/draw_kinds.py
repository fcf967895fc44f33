"""Patch-embedding filters in one mosaic, ordered and bordered by kind; one look per kind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, show_picture
from viz.plot.mosaic import Layout, Scale, framed, hatch_text, limits, rgb_tiles, signed_tiles
from viz.plot.style import TEXT, TWO_COLUMNS, new_figure
from viz.views.patch_filters.result import BEYOND_BLOB, STRUCTURES, PatchFilterDescription
from viz.views.weights.draw import scale_text


@dataclass(frozen=True)
class KindStyle:
    """How one kind of filter is drawn: colour, the same dark enough for text, marker of points.

    Black and Paul Tol's "bright" scheme (SRON/EPS/TN/09-002), told apart by colour-blind readers
    and from mid grey.
    """

    colour: str
    ink: str
    marker: str


KIND_STYLES = {
    "stripes": KindStyle("#000000", "#000000", "o"),
    "edge": KindStyle("#aa3377", "#aa3377", "D"),
    "bar": KindStyle("#228833", "#1c6e2a", "s"),
    "blob": KindStyle("#009988", "#006f63", "^"),
    "other": KindStyle("#ee7733", "#a84f14", "v"),
    "noise": KindStyle("#ccbb44", "#70661c", "X"),
    "": KindStyle("#bbbbbb", "#555555", "P"),
}
"""Look of every kind, the same in every figure."""

_GROUPS = (*STRUCTURES, "")
_BORDER, _GAP = 1, 3
_HEAD = 0.19


def filter_tiles(
    filters: NDArray[np.floating], limit: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Colour filters: RGB around mid grey, or the signed map, channels side by side.

    Shapes: ``filters`` (n, c, p, p); ``limit`` (n,); returns (n, p, p, 3).
    """
    n, c, p, _ = filters.shape
    if limit is None:
        limit = limits(filters, "tile", np.zeros(n, dtype=np.int64))
    if c == 3:
        return rgb_tiles(filters, limit)
    signed = signed_tiles(filters.reshape(n * c, p, p), np.repeat(limit, c))
    beside = signed.reshape(n, c, p, p, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(beside.reshape(n, p, c * p, 3))


def zero_words(result: PatchFilterDescription) -> str:
    """Return what the colours of `filter_tiles` mean, in words."""
    if result.filters.shape[1] == 3:
        return "mid grey is zero" + hatch_text(result.filters)
    beside = "; input channels side by side" if result.filters.shape[1] > 1 else ""
    return f"red positive, white zero, blue negative{hatch_text(result.filters)}{beside}"


def _order(result: PatchFilterDescription) -> NDArray[np.int64]:
    """Kind after kind: Gabors by orientation, coloured blobs by hue, the others by quality."""
    index = np.array([_GROUPS.index(kind) for kind in result.structure])
    flat = result.fitted_maps.reshape(len(index), -1)
    # The hue that is seen: the axis's end for bright blobs, its other end for dark ones.
    sign = np.where(flat.max(1) >= -flat.min(1), 1.0, -1.0)
    hue = np.arctan2(sign * result.opponent[:, 2], sign * result.opponent[:, 1])
    key = np.select(
        [result.oriented, result.structure == "blob"],
        [result.orientation, hue],
        -np.nan_to_num(result.r2, nan=-1.0),
    )
    return np.lexsort((np.nan_to_num(key), index))


def _kind_layout(sizes: list[int], tile: tuple[int, int], columns: int, head: int) -> Layout:
    """Groups one below the other, each of full rows below a head; empty ones take no room."""
    h, w = tile[0] + _GAP, tile[1] + _GAP
    rows = np.array([-(-size // columns) for size in sizes])
    top = np.concatenate([[0], np.cumsum(np.where(rows > 0, head + rows * h, 0))])
    group = np.repeat(np.arange(len(sizes)), sizes)
    within = np.concatenate([np.arange(size) for size in sizes])
    across = columns * w - _GAP
    return Layout(
        x=(within % columns * w).astype(np.int64),
        y=(top[group] + head + within // columns * h).astype(np.int64),
        tile=tile,
        shape=(int(top[-1]) - _GAP, across),
        groups=tuple((0, int(upper), across, int(lower)) for upper, lower in pairwise(top)),
    )


def _limits(result: PatchFilterDescription, scale: Scale) -> NDArray[np.float64]:
    return limits(result.filters, scale, np.zeros(len(result.filters), dtype=np.int64))


def _mosaic(
    result: PatchFilterDescription, scale: Scale, width: float
) -> tuple[NDArray[np.uint8], Layout, float]:
    """Return the picture, its layout, and the inches of one of its pixels at that width."""
    n, _, p, _ = result.filters.shape
    order = _order(result)
    zoom = max(1, round(28 / p))
    tiles = filter_tiles(result.filters[order], _limits(result, scale)[order])
    colours = [KIND_STYLES[str(kind)].colour for kind in result.structure[order]]
    tiles = framed(tiles, colours, zoom, _BORDER)
    h, w = tiles.shape[1:3]
    columns = int(np.clip(round(np.sqrt(3 * n * h / w)), 8, 56))
    inch = (width - 2 * MARGIN) / (columns * (w + _GAP) - _GAP)
    sizes = [int((result.structure == kind).sum()) for kind in _GROUPS]
    layout = _kind_layout(sizes, (h, w), columns, int(np.ceil(_HEAD / inch)))
    return layout.place(tiles), layout, inch


def _note(result: PatchFilterDescription, scale: Scale) -> str:
    energy = result.source.settings["named_energy"]
    colours = scale_text("filter", scale, _limits(result, scale), zero_words(result))
    return (
        f"{colours} Stripes, edges and bars are ordered by orientation, blobs by hue, the rest by "
        f"R². A filter has the name of the nearest picture where that explains {100 * energy:g} % "
        "of its spatial map (the filter along the colour that holds most of its energy), and is a "
        f"blob unless another explains {100 * BEYOND_BLOB:g} % more; else it is called other or "
        "noise."
    )


def kinds_figure(
    result: PatchFilterDescription,
    *,
    scale: Scale = "tile",
    width: float = TWO_COLUMNS,
    dpi: float = 300,
) -> Figure:
    """Make a Figure that fits `draw_kinds`, every weight a whole number of pixels wide."""
    _, layout, inch = _mosaic(result, scale, width)
    zoom = max(1, int(np.ceil(dpi * inch)))
    # A hair above the whole number: Agg cuts the figure's size to whole pixels.
    return new_figure(width, layout.shape[0] * inch + 2 * MARGIN, dpi=zoom / inch + 1e-6)


def draw_kinds(
    result: PatchFilterDescription, target: Figure | SubFigure, *, scale: Scale = "tile"
) -> Axes:
    """Draw every filter as a tile, ordered and bordered by kind.

    With the scale ``"tile"`` a filter that is nearly zero looks as strong as the rest. A filter
    near a threshold could as well stand on its other side.
    """
    width, height = inches(target)
    n = len(result.filters)
    target.set_label(_note(result, scale))
    picture, layout, inch = _mosaic(result, scale, width)
    box = (MARGIN, MARGIN, width - 2 * MARGIN, height - 2 * MARGIN)
    axes = show_picture(target, box, picture, layout.shape)
    axes.set_aspect("equal")
    for kind, (left, upper, _, lower) in zip(_GROUPS, layout.groups, strict=True):
        if lower > upper:
            count = int((result.structure == kind).sum())
            axes.text(
                left,
                upper + 0.15 / inch,
                f"{kind or 'too small to name'}: {count} of {n} ({100 * count / n:.0f} %)",
                fontsize=TEXT,
                va="baseline",
                weight="bold",
                color=KIND_STYLES[kind].ink,
            )
    return axes
