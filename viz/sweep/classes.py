"""Selectivity of channels, from images whose class is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from viz.sweep import reduce
from viz.sweep.accumulators import Accumulator, merge_moments

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


class Classes(Accumulator):
    """Mean activity (over positions, of the positive part) per class seen, and how it varies."""

    fields = ("ids", "count", "total", "images", "mean", "m2")

    def __init__(self, rows: int, dim: int) -> None:
        self.ids: Counts = np.zeros(0, dtype=np.int64)
        self.count: Counts = np.zeros(0, dtype=np.int64)
        self.total: Numbers = np.zeros((0, rows, dim))
        self.images: Numbers = np.zeros((rows, 1))
        self.mean: Numbers = np.zeros((rows, dim))
        self.m2: Numbers = np.zeros((rows, dim))

    def update(self, row: int, maps: Tensor, classes: Counts) -> None:
        """Add one batch's maps to the sums of the images' classes (numbers)."""
        activity = reduce.positive(maps)
        at = self._places(classes)
        np.add.at(self.total[:, row], at, activity)
        mean = activity.mean(0)
        merge_moments(self.images[row], self.mean[row], self.m2[row], float(len(activity)), mean,
              ((activity - mean) ** 2).sum(0))  # fmt: skip

    def seen(self, classes: Counts) -> None:
        """Count the images of one batch, once for all rows."""
        at = self._places(classes)
        np.add.at(self.count, at, 1)

    def _places(self, ids: Counts) -> Counts:
        """Return where these classes stand, after making room for new ones."""
        together = np.union1d(self.ids, ids)
        if len(together) > len(self.ids):
            old = np.searchsorted(together, self.ids)
            count = np.zeros(len(together), dtype=np.int64)
            total = np.zeros((len(together), *self.total.shape[1:]))
            count[old], total[old] = self.count, self.total
            self.ids, self.count, self.total = together, count, total
        return np.searchsorted(self.ids, ids)

    def merge(self, other: Classes) -> None:
        """Add what another one has seen."""
        at = self._places(other.ids)
        self.count[at] += other.count
        self.total[at] += other.total
        merge_moments(self.images, self.mean, self.m2, other.images, other.mean, other.m2)

    def result(self, seed: int = 0, draws: int = 8) -> dict[str, NDArray[Any]]:
        """Return the selectivity of every channel, and that of channels that know no classes."""
        rows, dim = self.mean.shape
        found = {"selectivity": np.full((rows, dim), np.nan),
                 "selectivity_null": np.full((rows, dim), np.nan),
                 "selected_class": np.full((rows, dim), -1, dtype=np.int64)}  # fmt: skip
        if len(self.ids) < 2:
            return found
        rng = np.random.default_rng(seed)
        for row in np.flatnonzero(self.images[:, 0] > 1):
            means = self.total[:, row] / self.count[:, None]
            found["selectivity"][row] = _selectivity(means)
            found["selected_class"][row] = self.ids[means.argmax(0)]
            spread = np.sqrt(self.m2[row] / (self.images[row] - 1))
            error = spread / np.sqrt(self.count)[:, None]
            drawn = [
                _selectivity(
                    np.maximum(self.mean[row] + error * rng.standard_normal(error.shape), 0)
                )
                for _ in range(draws)
            ]
            found["selectivity_null"][row] = np.mean(drawn, axis=0)
        return found


def _selectivity(means: Numbers) -> Numbers:
    """Return Morcos' index of (classes, dim); nan where no class is active."""
    largest = means.max(0)
    others = (means.sum(0) - largest) / (len(means) - 1)
    total = largest + others
    found: Numbers = np.full_like(total, np.nan)
    np.divide(largest - others, total, out=found, where=total > 0)
    return found
