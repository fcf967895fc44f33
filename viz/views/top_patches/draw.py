"""Channels in rows: kernel, strongest image, the channel's map of it, and the top patches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, colour_key, inches, panel
from viz.plot.style import MM, ONE_COLUMN, SIGNED, SMALL, TWO_COLUMNS, new_figure
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
    _draw_image(made["image"], result, i)
    p, (high, wide) = result.patch_size, result.maps.shape[1:]
    _signed(made["map"], result.maps[i], p * wide, p * high)
    made["map"].set_xlim(made["image"].get_xlim())
    made["map"].set_ylim(made["image"].get_ylim())
    axes = made["patches"]
    axes.set_xlim(0, n - _GAP / pitch)
    axes.set_ylim(1, 0)
    for j in np.flatnonzero(result.image[i] >= 0).tolist():
        axes.imshow(result.crop(i, j), extent=(j, j + cell / pitch, 1, 0), aspect="auto",
                    interpolation="nearest")  # fmt: skip
        _frame(axes, (j, 0), cell / pitch, 1)
    return made


def _frame(
    axes: Axes, corner: tuple[float, float], across: float, down: float, line: float = 0.3,
    colour: str = "#777777",
) -> None:  # fmt: skip
    axes.add_patch(Rectangle(corner, across, down, fill=False, linewidth=line, edgecolor=colour,
                             clip_on=line > 0.3))  # fmt: skip


def _signed(axes: Axes, values: NDArray[np.float32], across: float, down: float) -> None:
    """Draw values on their own scale, white at zero."""
    limit = _largest(values)
    axes.imshow(values, extent=(0, across, down, 0), cmap=SIGNED, vmin=-limit, vmax=limit,
                interpolation="nearest")  # fmt: skip
    _frame(axes, (0, 0), across, down)


def _largest(values: NDArray[np.float32]) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0


def _draw_kernel(axes: Axes, kernel: NDArray[np.float32]) -> None:
    side = kernel.shape[-1]
    if kernel.ndim == 3 and len(kernel) == 3:
        shown = np.clip(0.5 + 0.5 * np.nan_to_num(kernel) / _largest(kernel), 0, 1)
        axes.imshow(shown.transpose(1, 2, 0), extent=(0, side, side, 0), interpolation="nearest")
        _frame(axes, (0, 0), side, side)
    else:
        _signed(axes, kernel if kernel.ndim == 2 else kernel[0], side, side)


def _draw_image(axes: Axes, result: TopPatches, i: int) -> None:
    """Draw the whole image and where in it the crop lies."""
    height, width = result.strongest.shape[1:3]
    axes.imshow(result.strongest[i], extent=(0, width, height, 0), interpolation="nearest")
    _frame(axes, (0, 0), width, height)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    p, side = result.patch_size, int(result.side[i])
    corner = (p * (result.column[i, 0] + 0.5) - side / 2, p * (result.row[i, 0] + 0.5) - side / 2)
    for colour, line in (("white", 1.4), ("black", 0.6)):
        _frame(axes, corner, side, side, line, colour)
