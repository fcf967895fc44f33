"""Statistics that grow batch by batch and can be merged: any split gives the same result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.sweep import reduce

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


class Accumulator:
    """What every statistic can do besides ``update``, ``merge`` and ``result``; its state is the
    arrays named in ``fields``."""

    fields: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the state."""
        return {name: getattr(self, name) for name in self.fields}

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """Return an accumulator with this state."""
        made = cls.__new__(cls)
        for name in cls.fields:
            setattr(made, name, np.array(state[name]))
        made._restored()
        return made

    def _restored(self) -> None:
        """Set what is not part of the state."""


def merge_moments(
    count: Numbers,
    mean: Numbers,
    m2: Numbers,
    more: float | Numbers,
    mean_2: Numbers,
    m2_2: Numbers,
) -> None:
    """Merge moments in place (Chan, Golub and LeVeque 1979)."""
    total = count + more
    share = np.divide(more, total, out=np.zeros_like(total), where=total > 0)
    apart = mean_2 - mean
    m2 += m2_2 + apart**2 * (count * share)
    mean += apart * share
    count[...] = total


class Moments(Accumulator):
    """Mean and variance per row and channel."""

    fields = ("count", "mean", "m2")

    def __init__(self, rows: int, dim: int) -> None:
        self.count: Numbers = np.zeros((rows, 1))
        self.mean: Numbers = np.zeros((rows, dim))
        self.m2: Numbers = np.zeros((rows, dim))
        self._restored()

    def _restored(self) -> None:
        self._pending: dict[int, tuple[int, Tensor, Tensor]] = {}

    def update(self, row: int, maps: Tensor) -> None:
        """Add the values of one batch's maps (n, dim, h, w)."""
        if row in self._pending:
            self.flush()
        self._pending[row] = reduce.sums(maps)

    def flush(self) -> bool:
        """Merge what was found and say whether all of it is finite.

        All rows of a batch at once are much faster than each on its own.
        """
        if not self._pending:
            return True
        rows = list(self._pending)
        counts, means, variances = zip(*self._pending.values(), strict=True)
        self._pending.clear()
        count = np.array(counts, dtype=np.float64)[:, None]
        mean, m2 = reduce.host(torch.stack(means)), reduce.host(torch.stack(variances)) * count
        kept = self.count[rows], self.mean[rows], self.m2[rows]
        merge_moments(*kept, count, mean, m2)
        self.count[rows], self.mean[rows], self.m2[rows] = kept
        return bool(np.isfinite(mean).all() and np.isfinite(m2).all())

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the state."""
        self.flush()
        return super().state()

    def merge(self, other: Moments) -> None:
        """Add what another one has seen."""
        self.flush()
        other.flush()
        merge_moments(self.count, self.mean, self.m2, other.count, other.mean, other.m2)

    def result(self) -> dict[str, Numbers]:
        """Return ``mean`` and ``variance`` (over all values, not n - 1); nan where none was."""
        self.flush()
        seen = self.count > 0
        variance = self.m2 / np.where(seen, self.count, 1)
        return {"mean": np.where(seen, self.mean, np.nan),
                "variance": np.where(seen, variance, np.nan)}  # fmt: skip


class Sparsity(Accumulator):
    """Share of values that are at most 0, per row and channel."""

    fields = ("count", "off")

    def __init__(self, rows: int, dim: int) -> None:
        self.count: Counts = np.zeros((rows, 1), dtype=np.int64)
        self.off: Counts = np.zeros((rows, dim), dtype=np.int64)

    def update(self, row: int, maps: Tensor) -> None:
        """Add the values of one batch's maps, as an activation hands them out."""
        self.count[row] += maps.shape[0] * maps.shape[2] * maps.shape[3]
        self.off[row] += reduce.off(maps)

    def merge(self, other: Sparsity) -> None:
        """Add what another one has seen."""
        self.count += other.count
        self.off += other.off

    def result(self) -> dict[str, Numbers]:
        """Return ``sparsity``, (rows, dim); nan in rows that were never given."""
        return {"sparsity": np.where(self.count > 0, self.off / np.maximum(self.count, 1), np.nan)}
