"""What a unit could see at most: size and centre of its field, from the architecture alone."""

from __future__ import annotations

from collections.abc import Sequence

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

    The recurrence r_l = r_(l-1) + (k_l - 1) * stride of all layers before (Araujo, Norris and Sim,
    "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019).
    """
    p, k = config.patch_size, config.kernel_size
    return p + p * (np.asarray(blocks, dtype=np.int64) + 1) * (k - 1)


def field_centre(
    config: Config, unit: tuple[int, int], blocks: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return row and column of the middle of a unit's theoretical field, in pixels, (b, 2)."""
    p = config.patch_size
    # An even kernel pads one more behind and so looks farther that way.
    shift = 0.0 if config.kernel_size % 2 else p / 2
    middle = p * np.array(unit) + (p - 1) / 2
    centre: NDArray[np.float64] = middle + shift * (blocks[:, None] + 1)
    return centre


def passing_block(config: Config, image_size: int) -> int:
    """Return the first block whose theoretical field is wider than the image; -1 for none."""
    wider = np.flatnonzero(theoretical_size(config, range(config.depth)) > image_size)
    return int(wider[0]) if len(wider) else -1


def chosen_unit(
    config: Config, image_size: tuple[int, int], unit: tuple[int, int] | None
) -> tuple[int, int]:
    """Return the unit asked for, or that in the middle of the patch grid, the later one of two."""
    rows, columns = (side // config.patch_size for side in image_size)
    if not rows or not columns:
        p = config.patch_size
        raise ReceptiveFieldError(
            f"an image of {image_size[0]} x {image_size[1]} pixels found, at least one patch of "
            f"{p} x {p} expected; give larger images or a larger image size."
        )
    row, column = (rows // 2, columns // 2) if unit is None else unit
    if not (0 <= row < rows and 0 <= column < columns):
        raise ReceptiveFieldError(
            f"unit {row},{column} found, expected a row of 0 to {rows - 1} and a column of 0 to "
            f"{columns - 1}: the patch grid is {rows} x {columns}."
        )
    return int(row), int(column)


def chosen(what: str, numbers: Sequence[int] | None, n: int) -> list[int]:
    """Return the blocks or channels asked for, sorted, or all n of them."""
    found = list(range(n)) if numbers is None else sorted(set(numbers))
    wrong = [number for number in found if not 0 <= number < n]
    if wrong or not found:
        raise ReceptiveFieldError(
            f"{what} {wrong[0] if wrong else 'none'} found, expected {what}s of 0 to {n - 1}."
        )
    return found
