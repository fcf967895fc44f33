"""The largest values of every channel, and which images they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from viz.sweep import reduce
from viz.sweep.accumulators import Accumulator

Counts = NDArray[np.int64]
NO_IMAGE = np.iinfo(np.int64).max
"""Stands for no image in a list that is not full yet."""
_LAST = (1 << 32) - 1
"""Largest number of an image."""
_WAITING = 1 << 21
"""Values that may wait to be entered, so that memory does not grow with the images."""


class Top(Accumulator):
    """The largest values per row and channel, at most one per image, and where they are.

    Equal values are ordered by image: numbers of images follow the order of their names. A list is
    kept as whole numbers that sort as its entries do (the value's bits before the image's), which
    processors sort many times faster than values with two ways to be ordered.

    Parameters
    ----------
    rows, dim : int
        Stages and channels.
    n : int
        How many are kept.
    """

    fields = ("value", "image", "position")

    def __init__(self, rows: int, dim: int, n: int) -> None:
        self.value: NDArray[np.float32] = np.full((rows, dim, n), -np.inf, dtype=np.float32)
        self.image: Counts = np.full((rows, dim, n), NO_IMAGE, dtype=np.int64)
        self.position: Counts = np.zeros((rows, dim, n), dtype=np.int64)
        self._restored()

    def _restored(self) -> None:
        # What was found waits in one place: many small arrays would lie between the maps of the
        # next batches in memory, which costs more than all the rest.
        rows, dim, _ = self.value.shape
        room = max(1, _WAITING // max(1, rows * dim))
        self._values: NDArray[np.float32] = np.empty((rows, room, dim), dtype=np.float32)
        self._places: NDArray[np.int32] = np.empty((rows, room, dim), dtype=np.int32)
        self._images: Counts = np.empty((rows, room), dtype=np.int64)
        self._filled = [0] * rows

    def update(self, row: int, maps: Tensor, images: Counts) -> None:
        """Add one batch's maps; ``images`` are the numbers of its images, each seen once only."""
        value, position = reduce.largest(maps)
        room, n = self._images.shape[1], len(images)
        if self._filled[row] + n > room:
            self._enter_waiting(row)
        if n > room:
            self._enter(row, value.T, images, position.T)
            return
        some = slice(self._filled[row], self._filled[row] + n)
        self._values[row, some], self._places[row, some] = value, position
        self._images[row, some] = images
        self._filled[row] += n

    def flush(self) -> None:
        """Enter what was found; many batches at once are much faster than each on its own."""
        for row in range(len(self._filled)):
            self._enter_waiting(row)

    def _enter_waiting(self, row: int) -> None:
        n, self._filled[row] = self._filled[row], 0
        if n:
            value, position = self._values[row, :n].T, self._places[row, :n].T
            self._enter(row, value, self._images[row, :n], position)

    def _enter(
        self,
        row: int,
        value: NDArray[np.float32],
        images: Counts,
        position: NDArray[np.integer[Any]],
    ) -> None:
        """Put values of some images, (dim, images), into the lists of one row."""
        n = self.value.shape[-1]
        kept = _keys(self.value[row], self.image[row])
        new = _keys(value, images)
        best = np.partition(np.concatenate([kept, new], axis=-1), new.shape[-1], axis=-1)
        best = np.sort(best[:, -n:], axis=-1)[:, ::-1]
        image = _LAST - (best & _LAST)
        # Where an entry comes from: one of these images, or the list as it was.
        order = np.argsort(images)
        at = np.searchsorted(images, image, sorter=order).clip(max=len(images) - 1)
        column = order[at]
        fresh = np.take_along_axis(new, column, axis=-1) == best
        before = (kept[:, None, :] == best[:, :, None]).argmax(-1)
        for mine, theirs in ((self.value, value), (self.position, position)):
            old = np.take_along_axis(mine[row], before, axis=-1)
            mine[row] = np.where(fresh, np.take_along_axis(theirs, column, axis=-1), old)
        was = np.take_along_axis(self.image[row], before, axis=-1)
        self.image[row] = np.where(fresh, image, was)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the state."""
        self.flush()
        return super().state()

    def merge(self, other: Top) -> None:
        """Add what another one has seen, of other images."""
        self.flush()
        other.flush()
        n = self.value.shape[-1]
        value, image, position = (
            np.concatenate([getattr(self, name), getattr(other, name)], axis=-1)
            for name in self.fields
        )
        order = np.lexsort((image, -value), axis=-1)[..., :n]
        self.value = np.take_along_axis(value, order, -1)
        self.image = np.take_along_axis(image, order, -1)
        self.position = np.take_along_axis(position, order, -1)

    def result(self) -> dict[str, NDArray[Any]]:
        """Return ``top_value`` (nan: none), ``top_image`` (-1: none), ``top_position`` (-1)."""
        self.flush()
        none = self.image == NO_IMAGE
        return {
            "top_value": np.where(none, np.float32(np.nan), self.value),
            "top_image": np.where(none, -1, self.image),
            "top_position": np.where(none, -1, self.position),
        }


def _keys(value: NDArray[np.float32], image: Counts) -> Counts:
    """Return numbers that are larger where a value is, or where it is equal and its image first."""
    # -0 equals 0; of negative floats the bits sort backwards.
    bits = (value + np.float32(0)).view(np.int32)
    ordered = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)
    keys: Counts = (ordered.astype(np.int64) << 32) | (_LAST - np.minimum(image, _LAST))
    return keys
