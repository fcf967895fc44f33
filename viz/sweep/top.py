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
_WAITING = 1 << 21
"""Values that may wait to be entered, so that memory does not grow with the images."""


class Top(Accumulator):
    """The n largest values per row and channel, at most one per image, and where they are; images
    are given in the order of their numbers, by which equal values are ordered."""

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
        values, places = reduce.largest(maps)
        room = self._images.shape[1]
        for start in range(0, len(images), room):
            some = slice(start, start + room)
            n = len(images[some])
            if self._filled[row] + n > room:
                self._enter(row)
            to = slice(self._filled[row], self._filled[row] + n)
            self._values[row, to], self._places[row, to] = values[some], places[some]
            self._images[row, to] = images[some]
            self._filled[row] += n

    def flush(self) -> None:
        """Enter what was found; many batches at once are much faster than each on its own."""
        for row in range(len(self._filled)):
            self._enter(row)

    def _enter(self, row: int) -> None:
        """Put what waits into the lists of one row: behind equal values, which came before."""
        n, self._filled[row] = self._filled[row], 0
        images = np.broadcast_to(self._images[row, :n], (self.value.shape[1], n))
        value, image, position = (
            np.concatenate([getattr(self, name)[row], waiting], axis=1)
            for name, waiting in zip(
                self.fields, (self._values[row, :n].T, images, self._places[row, :n].T), strict=True
            )
        )
        best = np.argsort(-value, axis=1, kind="stable")[:, : self.value.shape[-1]]
        self.value[row] = np.take_along_axis(value, best, 1)
        self.image[row] = np.take_along_axis(image, best, 1)
        self.position[row] = np.take_along_axis(position, best, 1)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the state."""
        self.flush()
        return super().state()

    def merge(self, other: Top) -> None:
        """Add what another one has seen, of other images."""
        self.flush()
        other.flush()
        value, image, position = (
            np.concatenate([getattr(self, name), getattr(other, name)], axis=-1)
            for name in self.fields
        )
        order = np.lexsort((image, -value), axis=-1)[..., : self.value.shape[-1]]
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
