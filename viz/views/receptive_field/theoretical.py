"""What a unit could see at most: size and centre of its field, from the architecture alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from viz.core.network import Config
from viz.core.refusal import Refusal


class ReceptiveFieldError(Refusal):
    """A receptive field that cannot be measured; the message is one sentence for the user."""


def theoretical_size(
    config: Config, blocks: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the side of the theoretical receptive field after each block, in pixels.

    Shapes: returns (b,).

    The recurrence r_l = r_(l-1) + (k_l - 1) * stride of all layers before (Araujo, Norris and Sim,
    "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019).
    """
    p, k = config.patch_size, config.kernel_size
    return p + p * (np.asarray(blocks, dtype=np.int64) + 1) * (k - 1)


def unit_centre(
    config: Config, unit: float | NDArray[np.float64], block: int | NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the pixel in the middle of a unit's theoretical field, along one axis."""
    p = config.patch_size
    shift = 0.0 if config.kernel_size % 2 else p / 2
    middle = p * np.asarray(unit) + (p - 1) / 2 + shift * (np.asarray(block) + 1)
    return np.asarray(middle, dtype=np.float64)


def passing_block(config: Config, image_size: int) -> int | None:
    """Return the first block whose theoretical field is wider than the image."""
    wider = np.flatnonzero(theoretical_size(config, range(config.depth)) > image_size)
    return int(wider[0]) if len(wider) else None


def unseen_pixels(config: Config, image_size: tuple[int, int]) -> int:
    """Return how many pixels no unit of any block sees."""
    (height, width), p = image_size, config.patch_size
    return height * width - (height - height % p) * (width - width % p)


def central_unit(config: Config, image_size: tuple[int, int]) -> tuple[int, int]:
    """Return the unit in the middle of the patch grid, the later one of two."""
    p = config.patch_size
    if min(image_size) < p:
        raise ReceptiveFieldError(
            f"an image of {image_size[0]} x {image_size[1]} pixels found, at least one patch of "
            f"{p} x {p} expected; give larger images or a larger image size."
        )
    return image_size[0] // p // 2, image_size[1] // p // 2


@dataclass(frozen=True)
class TheoreticalField:
    """The theoretical field of one unit after some blocks.

    Parameters
    ----------
    block : ndarray of int64, (b,)
        0-based.
    size : ndarray of int64, (b,)
        Side in pixels, borders left aside.
    centre : ndarray, (b, 2)
        Row and column of the middle, in pixels.
    box : ndarray of int64, (b, 4)
        First row, first column, and the row and column after the last, cut at the last pixel that
        any unit sees.
    passes : int or None
        First block of the network whose field is wider than the image's longer side.
    unseen : int
        Pixels that no unit sees.
    """

    block: NDArray[np.int64]
    size: NDArray[np.int64]
    centre: NDArray[np.float64]
    box: NDArray[np.int64]
    passes: int | None
    unseen: int


def theoretical_field(
    config: Config,
    image_size: tuple[int, int],
    *,
    unit: tuple[int, int] | None = None,
    blocks: Sequence[int] | None = None,
) -> TheoreticalField:
    """Work out what one unit could see at most."""
    middle = central_unit(config, image_size)
    row, column = middle if unit is None else unit
    rows, columns = (side // config.patch_size for side in image_size)
    if not (0 <= row < rows and 0 <= column < columns):
        raise ReceptiveFieldError(
            f"unit {row},{column} found, expected a row of 0 to {rows - 1} and a column of 0 to "
            f"{columns - 1}: the patch grid is {rows} x {columns}."
        )
    chosen = list(range(config.depth)) if blocks is None else sorted(set(blocks))
    wrong = [b for b in chosen if not 0 <= b < config.depth]
    if wrong or not chosen:
        raise ReceptiveFieldError(
            f"block {wrong[0] if wrong else 'none'} found, expected blocks of 0 to "
            f"{config.depth - 1}."
        )
    block = np.array(chosen, dtype=np.int64)
    size = theoretical_size(config, block)
    centre = np.stack([unit_centre(config, u, block) for u in (row, column)], 1)
    first = np.round(centre - (size[:, None] - 1) / 2).astype(np.int64)
    seen = np.array([rows, columns]) * config.patch_size
    box = np.concatenate([first.clip(0), np.minimum(first + size[:, None], seen)], 1)
    passes = passing_block(config, max(image_size))
    return TheoreticalField(block, size, centre, box, passes, unseen_pixels(config, image_size))
