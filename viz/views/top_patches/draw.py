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
    if result.stage == "patch embedding":
        crops = "Crops are the patches themselves, enlarged"
    else:
        crops = f"A crop's side is twice {result.side_from}, written at its left; grey: beyond"
        crops += " the image"
    kernel = {
        "patch embedding": "Filters: mid grey is zero, each on its own scale. ",
        "pointwise": "",
    }.get(result.stage, "Kernels: white is zero, each on its own scale. ")
    return (
        f"Channels: {result.chosen_by}, {result.stage}. {result.n_images} images were searched; at "
        f"most one patch of each, the largest value first. The image, and the channel's map of it, "
        f"are those of the first patch. {crops}. {kernel}Maps: white is zero, each on "
        "its own scale. Values are "
        f"{'of the residual sum' if result.stage == 'residual' else 'of the activation, before'}"
        f"{'' if result.stage == 'residual' else ' batch norm, which may flip their sign'}. The "
        "largest values alone are shown: most of what a channel does is elsewhere."
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
    x = MARGIN + _WORDS
    made: dict[str, Axes] = {}
    if result.kernels.size:
        axes = made["kernel"] = _tile(target, x, y, cell, cell)
        _draw_kernel(axes, result.kernels[i])
        _above(axes, "filter" if result.kernels.ndim == 4 else "kernel", first)
        x += cell + _GAP
    axes = made["image"] = _tile(target, x, y, cell, cell)
    _draw_image(axes, result, i)
    _above(axes, "image", first)
    x += cell + _GAP
    axes = made["map"] = _tile(target, x, y, cell, cell)
    _draw_map(axes, result, i)
    _above(axes, "map", first)
    x += cell + 3 * _GAP
    n = _shown(result)
    pitch = cell + _GAP
    axes = made["patches"] = _tile(target, x, y, n * pitch - _GAP, cell)
    axes.set_xlim(0, n - _GAP / pitch)
    axes.set_ylim(1, 0)
    for j in np.flatnonzero(result.image[i] >= 0).tolist():
        axes.imshow(result.crop(i, j), extent=(j, j + cell / pitch, 1, 0), aspect="auto",
                    interpolation="nearest")  # fmt: skip
        axes.add_patch(Rectangle((j, 0), cell / pitch, 1, fill=False, linewidth=0.3,
                                 edgecolor="#777777", clip_on=False))  # fmt: skip
    if first:
        axes.text(0, -0.04, "top patches", fontsize=SMALL, va="bottom",
                  ha="left")  # fmt: skip
    return made


def _tile(target: Figure | SubFigure, x: float, y: float, across: float, up: float) -> Axes:
    axes = panel(target, (x, y, across, up))
    axes.set_axis_off()
    return axes


def _above(axes: Axes, words: str, first: bool) -> None:
    if first:
        axes.text(0.5, 1.04, words, fontsize=SMALL, ha="center", va="bottom",
                  transform=axes.transAxes)  # fmt: skip


def _frame(axes: Axes, across: float, down: float) -> None:
    axes.add_patch(Rectangle((0, 0), across, down, fill=False, linewidth=0.3, edgecolor="#777777",
                             clip_on=False))  # fmt: skip


def _draw_kernel(axes: Axes, kernel: NDArray[np.float32]) -> None:
    limit = float(np.abs(kernel[np.isfinite(kernel)]).max(initial=0.0)) or 1.0
    side = kernel.shape[-1]
    if kernel.ndim == 3 and len(kernel) == 3:
        shown = np.clip(0.5 + 0.5 * np.nan_to_num(kernel) / limit, 0, 1).transpose(1, 2, 0)
        axes.imshow(shown, extent=(0, side, side, 0), interpolation="nearest")
    else:
        flat = kernel if kernel.ndim == 2 else kernel[0]
        axes.imshow(flat, extent=(0, side, side, 0), cmap=SIGNED, vmin=-limit, vmax=limit,
                    interpolation="nearest")  # fmt: skip
    _frame(axes, side, side)


def _draw_image(axes: Axes, result: TopPatches, i: int) -> None:
    """Draw the whole image and where in it the crop lies."""
    height, width = result.strongest.shape[1:3]
    axes.imshow(result.strongest[i], extent=(0, width, height, 0), interpolation="nearest")
    _frame(axes, width, height)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    p, side = result.patch_size, int(result.side[i])
    x = p * (result.column[i, 0] + 0.5) - side / 2
    y = p * (result.row[i, 0] + 0.5) - side / 2
    for colour, line in (("white", 1.4), ("black", 0.6)):
        axes.add_patch(Rectangle((x, y), side, side, fill=False, linewidth=line, edgecolor=colour))


def _draw_map(axes: Axes, result: TopPatches, i: int) -> None:
    height, width = result.strongest.shape[1:3]
    values = result.maps[i]
    limit = float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0
    across, down = result.patch_size * values.shape[1], result.patch_size * values.shape[0]
    axes.imshow(values, extent=(0, across, down, 0), cmap=SIGNED, vmin=-limit, vmax=limit,
                interpolation="nearest")  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    _frame(axes, across, down)
