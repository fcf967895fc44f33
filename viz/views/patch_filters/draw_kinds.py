"""Patch-embedding filters in one mosaic, ordered and bordered by kind; one look per kind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, panel
from viz.plot.mosaic import Layout, Scale, full_rows, hatch_text, limits, rgb_tiles, signed_tiles
from viz.plot.style import TEXT, TWO_COLUMNS, new_figure
from viz.views.patch_filters.result import STRUCTURES, PatchFilterDescription
from viz.views.weights.draw import Mosaic, patch_filter_mosaic, scale_text
from viz.views.weights.result import PatchFilters


@dataclass(frozen=True)
class KindStyle:
    """How one kind of filter is drawn.

    Parameters
    ----------
    colour : str
        Of borders and points: black and Paul Tol's "bright" scheme (SRON/EPS/TN/09-002), told
        apart by colour-blind readers and from mid grey.
    ink : str
        The same, dark enough for text on white.
    marker : str
        Of matplotlib.
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
_HUES = 12


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


def filters_mosaic(
    result: PatchFilterDescription, width: float = TWO_COLUMNS, *, scale: Scale = "tile"
) -> Mosaic:
    """Lay out all filters by hue, grey ones first, and by orientation within a hue."""
    turn = np.where(result.oriented, np.nan_to_num(result.orientation), 181.0)
    # An axis of colours has no sign: opposite hues are one.
    angle = np.arctan2(result.opponent[:, 2], result.opponent[:, 1]) % np.pi
    hue = np.where(result.colour == "coloured", np.floor(angle / np.pi * _HUES), -1)
    order = np.lexsort((turn, hue))
    bank = PatchFilters(
        source=result.source, filters=result.filters[order], channel=order.astype(np.int64),
        order="hue",
    )  # fmt: skip
    columns = full_rows(len(order), 1.2 if narrow(width) else 2.5)
    return patch_filter_mosaic(bank, scale=scale, columns=columns)


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
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    colours = np.array(
        [tuple(bytes.fromhex(KIND_STYLES[kind].colour[1:])) for kind in result.structure[order]]
    )
    h, w = tiles.shape[1] + 2 * _BORDER, tiles.shape[2] + 2 * _BORDER
    framed = np.empty((n, h, w, 3), dtype=np.uint8)
    framed[:] = colours[:, None, None]
    framed[:, _BORDER:-_BORDER, _BORDER:-_BORDER] = tiles
    columns = int(np.clip(round(np.sqrt(3 * n * h / w)), 8, 56))
    inch = (width - 2 * MARGIN) / (columns * (w + _GAP) - _GAP)
    sizes = [int((result.structure == kind).sum()) for kind in _GROUPS]
    layout = _kind_layout(sizes, (h, w), columns, int(np.ceil(_HEAD / inch)))
    return layout.place(framed), layout, inch


def _note(result: PatchFilterDescription, scale: Scale) -> str:
    energy = result.source.settings["named_energy"]
    colours = scale_text("filter", scale, _limits(result, scale), zero_words(result))
    return (
        f"{colours} Stripes, edges and bars are ordered by orientation, blobs by hue, the rest by "
        f"R². A filter has the name of the nearest picture, where that explains {100 * energy:g} % "
        "of its spatial map; else it is called other or noise."
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
    rows, columns = layout.shape
    axes = panel(target, (MARGIN, MARGIN, width - 2 * MARGIN, height - 2 * MARGIN))
    axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="nearest", aspect="equal")
    axes.set_axis_off()
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
