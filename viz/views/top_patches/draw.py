"""Channels in rows: kernel, strongest image, the channel's map of it, and the top patches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, colour_key, inches, panel
from viz.plot.millimetres import common_limit, photograph, signed_map
from viz.plot.style import MM, ONE_COLUMN, SMALL, TWO_COLUMNS, new_figure
from viz.views.patch_filters.draw_kinds import filter_tiles
from viz.views.top_patches.result import TopPatches
from viz.views.wording import n_images

_GAP = 1.2 * MM
_WORDS = 16.0 * MM
_HEAD, _BAR = 0.2, 0.32


def _shown(result: TopPatches) -> int:
    """Patches that some channel has."""
    return max(1, int((result.image >= 0).sum(1).max()))


def _cells(result: TopPatches, width: float) -> tuple[float, int]:
    """Side of a tile in inches, and tiles in a row."""
    tiles = 3 + _shown(result)
    if not result.kernels.size:
        tiles -= 1
    room = width - 2 * MARGIN - _WORDS - (tiles - 1) * _GAP - 2 * _GAP
    return min(room / tiles, 22 * MM), tiles


def _pitch(cell: float) -> float:
    # Beside a row stand four lines of words.
    return max(cell, 0.53) + _GAP


def top_patches_figure(result: TopPatches) -> Figure:
    """Make a Figure that fits the rows."""
    width = TWO_COLUMNS if _shown(result) > 3 else ONE_COLUMN
    cell, _ = _cells(result, width)
    return new_figure(width, _HEAD + len(result.block) * _pitch(cell) + _BAR)


def _note(result: TopPatches) -> str:
    crops = (
        f"A crop's side is twice {result.side_from}, written at its left; grey: beyond the image"
    )
    if result.stage == "patch embedding":
        crops = "Crops are the patches themselves, enlarged"
    kernel = {
        "patch embedding": "Filters: mid grey is zero, each on its own scale. ",
        "pointwise": "",
    }.get(result.stage, "Kernels: white is zero, each on its own scale. ")
    value = "the activation, before batch norm, which may flip their sign"
    if result.stage == "residual":
        value = "the residual sum"
    return (
        f"Channels: {result.chosen_by}, {result.stage}. Searched: {n_images(result.n_images)}; at "
        f"most one patch of each, the largest value first. The image, and the channel's map of it, "
        f"are those of the first patch. {crops}. {kernel}Maps: white is zero, each on its own "
        f"scale. Values are of {value}. The largest values alone are shown: most of what a channel "
        "does is elsewhere."
    )


def draw_top_patches(result: TopPatches, target: Figure | SubFigure) -> list[dict[str, Axes]]:
    """Draw each channel in a row.

    Nine patches that look alike invite a story; they are the tail of a distribution. Compare
    with the channel's mean and histogram before giving it a name.
    """
    width, height = inches(target)
    target.set_label(_note(result))
    cell, _ = _cells(result, width)
    made = []
    upper = height - _HEAD
    for i in range(len(result.block)):
        y = upper - i * _pitch(cell) - cell
        made.append(_draw_row(target, result, i, cell, y, first=i == 0))
    colour_key(target, (MARGIN + _WORDS + 0.2, _BAR - 0.13, 1.1), "largest")
    return made


def _draw_row(
    target: Figure | SubFigure, result: TopPatches, i: int, cell: float, y: float, *, first: bool
) -> dict[str, Axes]:
    width, height = inches(target)
    lines = [f"block {result.block[i]}", f"channel {result.channel[i]}"]
    if result.block[i] < 0:
        lines = [f"filter {result.channel[i]}"]
    if result.name[i]:
        lines.insert(0, str(result.name[i]))
    lines.append(f"{result.side[i]} px")
    target.text(MARGIN / width, (y + cell) / height, "\n".join(lines), fontsize=SMALL, va="top",
                ha="left", linespacing=1.0)  # fmt: skip
    n, pitch, x = _shown(result), cell + _GAP, MARGIN + _WORDS
    made: dict[str, Axes] = {}
    for name in ("kernel", "image", "map", "patches"):
        if name == "kernel" and not result.kernels.size:
            continue
        last = name == "patches"
        x, across = (x + 2 * _GAP, n * pitch - _GAP) if last else (x, cell)
        axes = made[name] = panel(target, (x, y, across, cell))
        axes.set_axis_off()
        words = {"kernel": "filter" if result.kernels.ndim == 4 else name, "patches": "top patches"}
        if first:
            axes.text(0 if last else 0.5, 1.04, words.get(name, name), fontsize=SMALL, va="bottom",
                      ha="left" if last else "center", transform=axes.transAxes)  # fmt: skip
        x += pitch
    if "kernel" in made:
        _draw_kernel(made["kernel"], result.kernels[i])
    p, side, (high, wide) = result.patch_size, int(result.side[i]), result.strongest.shape[1:3]
    for name in ("image", "map"):
        made[name].set_xlim(0, wide)
        made[name].set_ylim(high, 0)
    photograph(made["image"], result.strongest[i], (0, 0, wide))
    corner = (p * (result.column[i, 0] + 0.5) - side / 2, p * (result.row[i, 0] + 0.5) - side / 2)
    for colour, line in (("white", 1.4), ("black", 0.6)):
        made["image"].add_patch(
            Rectangle(corner, side, side, fill=False, linewidth=line, edgecolor=colour)
        )
    rows, columns = result.maps.shape[1:]
    signed_map(made["map"], result.maps[i], (0, 0, p * columns, p * rows),
               common_limit(result.maps[i], 1))  # fmt: skip
    axes = made["patches"]
    axes.set_xlim(0, (n * pitch - _GAP) / cell)
    axes.set_ylim(1, 0)
    for j in np.flatnonzero(result.image[i] >= 0).tolist():
        photograph(axes, result.crop(i, j), (j * pitch / cell, 0, 1))
    return made


def _draw_kernel(axes: Axes, kernel: NDArray[np.float32]) -> None:
    side = kernel.shape[-1]
    axes.set_xlim(0, side)
    axes.set_ylim(side, 0)
    if kernel.ndim == 3 and len(kernel) == 3:
        photograph(axes, filter_tiles(kernel[None])[0], (0, 0, side))
    else:
        values = kernel if kernel.ndim == 2 else kernel[0]
        signed_map(axes, values, (0, 0, side, side), common_limit(kernel, 1))
