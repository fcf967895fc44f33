"""Many small pictures as one array: laid out, coloured and enlarged without a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

from viz.core.refusal import Refusal
from viz.plot.style import is_dark, page_colour, signed_lut, turned

Scale = Literal["figure", "block", "tile"]

_ASPECT = 1.5
"""Width over height that a mosaic gets, unless told otherwise."""
_SHARE = 0.995
"""Of the values, which lie within a common colour scale."""
_HATCH = np.array([[60] * 3, [225] * 3, [225] * 3], dtype=np.uint8)
"""Greys of the diagonal stripes that stand for what is not a number: one dark, two light."""


@dataclass(frozen=True)
class Layout:
    """Where each tile of a mosaic lies, in array pixels before enlargement."""

    x: NDArray[np.int64]  # left and top of each tile
    y: NDArray[np.int64]
    tile: tuple[int, int]  # height and width, as of the whole mosaic
    shape: tuple[int, int]
    groups: tuple[tuple[int, int, int, int], ...]  # left, top, right, bottom of each

    def place(self, tiles: NDArray[np.uint8], fill: int | None = None) -> NDArray[np.uint8]:
        """Write tiles (n, h, w, 3) into one picture (height, width, 3), on the page or a grey."""
        canvas = np.full((*self.shape, 3), page_colour() if fill is None else fill, dtype=np.uint8)
        h, w = self.tile
        rows = self.y[:, None, None] + np.arange(h)[None, :, None]
        columns = self.x[:, None, None] + np.arange(w)[None, None, :]
        canvas[rows, columns] = tiles
        return canvas

    def locate(self, x: float, y: float) -> int | None:
        """Return the tile at a pixel of the mosaic, or None between tiles."""
        h, w = self.tile
        hit = (self.x <= x) & (x < self.x + w) & (self.y <= y) & (y < self.y + h)
        found = np.flatnonzero(hit)
        return int(found[0]) if len(found) else None


def grid_layout(
    sizes: list[int],
    tile: tuple[int, int],
    *,
    columns: int | None = None,
    group_columns: int | None = None,
    gap: int = 1,
    group_gap: int | None = None,
    head: int = 0,
    edge: int = 0,
    below: int = 0,
) -> Layout:
    """Lay out groups of tiles: each group a grid, the groups a grid of grids.

    Below each tile ``below`` pixels are kept free, for its name.
    """
    h, w = tile
    n_groups, largest = len(sizes), max(sizes)
    between = max(h, w) if group_gap is None else group_gap
    if columns is None:
        wanted = _ASPECT if n_groups == 1 else 1.0
        columns = max(1, round(np.sqrt(largest * wanted * h / w)))
    columns = min(columns, largest)
    rows = -(-largest // columns)
    width = columns * (w + gap) - gap
    height = head + rows * (h + below + gap) - gap
    if group_columns is None:
        counts = np.arange(1, n_groups + 1)
        across = counts * (width + between)
        down = -(-n_groups // counts) * (height + between)
        group_columns = int(counts[np.abs(np.log(across / down / _ASPECT)).argmin()])
    group = np.repeat(np.arange(n_groups), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    within = np.arange(len(group)) - starts[group]
    left = edge + (np.arange(n_groups) % group_columns) * (width + between)
    top = edge + (np.arange(n_groups) // group_columns) * (height + between)
    n_down = -(-n_groups // group_columns)
    return Layout(
        x=(left[group] + (within % columns) * (w + gap)).astype(np.int64),
        y=(top[group] + head + (within // columns) * (h + below + gap)).astype(np.int64),
        tile=tile,
        shape=(
            n_down * (height + between) - between + 2 * edge,
            min(group_columns, n_groups) * (width + between) - between + 2 * edge,
        ),
        groups=tuple(
            (int(x), int(y), int(x + width), int(y + height))
            for x, y in zip(left, top, strict=True)
        ),
    )


def blocks_shown(blocks: NDArray[np.int64], *, most: int) -> tuple[NDArray[np.int64], int]:
    """Return which blocks a figure shows, the first and the last among them, and how many a row.

    There are so many that every row is full.
    """
    n = max(m for m in (1, 2, 3, 4, 5, 6, 8) if m <= min(len(blocks), most))
    at = np.linspace(0, len(blocks) - 1, n).round().astype(np.int64)
    return blocks[at], n if n < 4 or most > 4 >= n - 1 else n // 2


def full_rows(n: int, aspect: float) -> int:
    """Return the columns of a grid of about that aspect; its last row is full where one can be."""
    wanted = np.sqrt(aspect * n)
    near = [c for c in range(1, n + 1) if n % c == 0 and wanted / 1.5 <= c <= wanted * 1.5]
    return min(near, key=lambda c: abs(np.log(c / wanted)), default=max(1, round(wanted)))


def limits(
    values: NDArray[np.floating], scale: Scale, group: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the symmetric colour limit of each tile: colours run from -limit to +limit."""
    flat = np.nan_to_num(np.abs(values.reshape(len(values), -1)), posinf=0)
    if scale == "tile":
        out = flat.max(1).astype(np.float64)
    elif scale == "figure":
        out = np.full(len(flat), np.quantile(flat, _SHARE))
    elif scale == "block":
        out = np.empty(len(flat))
        for g in np.unique(group):
            out[group == g] = np.quantile(flat[group == g], _SHARE)
    else:
        raise Refusal(f"scale is one of figure, block, tile, not {scale!r}.")
    return np.where(out > 0, out, 1.0)


def hatch_text(values: NDArray[np.floating]) -> str:
    """Explain the hatch, where there is one."""
    return ", hatched is not a number" if np.isnan(values).any() else ""


def signed_tiles(values: NDArray[np.floating], limit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colour signed values: blue negative, white zero, red positive, hatched not a number."""
    scaled = values / limit[:, None, None].astype(values.dtype)
    index = np.rint(np.clip(np.nan_to_num(scaled), -1, 1) * 127 + 127).astype(np.uint8)
    return _hatched(signed_lut()[index], np.isnan(scaled))


def rgb_tiles(filters: NDArray[np.floating], limit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Show signed colour filters as RGB: mid grey zero, hatched where a channel is no number."""
    scaled = filters / limit[:, None, None, None].astype(filters.dtype)
    level = np.rint(np.clip(np.nan_to_num(scaled), -1, 1) * 127 + 128).astype(np.uint8)
    return _hatched(level.transpose(0, 2, 3, 1), np.isnan(scaled).max(1))


def _hatched(tiles: NDArray[np.uint8], bad: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Stripe these pixels of tiles (n, h, w, 3) diagonally, one pixel wide."""
    tiles = np.ascontiguousarray(tiles)
    if bad.any():
        _, row, column = np.nonzero(bad)
        tiles[bad] = _HATCH[(row + column) % 3]
    return tiles


def framed(
    tiles: NDArray[np.uint8], colours: list[str], zoom: int, frame: int, white: int = 0
) -> NDArray[np.uint8]:
    """Enlarge tiles (n, h, w, 3) and put each into a frame of its colour, white between."""
    edge = frame + white
    inner = tiles.repeat(zoom, 1).repeat(zoom, 2)
    n, h, w, _ = inner.shape
    made = np.empty((n, h + 2 * edge, w + 2 * edge, 3), np.uint8)
    shown = [turned(c) if is_dark() else to_rgba(c) for c in colours]
    made[:] = np.rint(255 * np.array(shown))[:, None, None, :3]
    made[:, frame:-frame, frame:-frame] = page_colour()
    made[:, edge:-edge, edge:-edge] = inner
    return made


def enlarge(picture: NDArray[np.uint8], zoom: int) -> NDArray[np.uint8]:
    """Enlarge with nearest neighbour: every pixel becomes ``zoom`` x ``zoom``."""
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
