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
    """What every statistic can do; its state is the arrays named in ``fields``.

    ``update`` takes one batch, ``merge`` another accumulator of the same shape, ``result`` gives
    the numbers. Merging is associative and does not depend on the order, up to float rounding.
    """

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
    """Mean and variance per row and channel.

    Parameters
    ----------
    rows, dim : int
        Stages and channels.
    """

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
    """Share of values that are at most 0, per row and channel.

    Parameters
    ----------
    rows, dim : int
        Stages and channels.
    """

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


class Histogram(Accumulator):
    """Counts in fixed, equal bins per row and channel.

    Parameters
    ----------
    low, high : ndarray of float32, (rows, dim)
        Where the first bin begins and the last one ends.
    bins : int
        Between these; what lies outside is counted in one bin more at each end.
    """

    fields = ("low", "high", "counts")

    def __init__(self, low: NDArray[np.float32], high: NDArray[np.float32], bins: int) -> None:
        self.low = low.astype(np.float32)
        self.high = high.astype(np.float32)
        self.counts: Counts = np.zeros((*low.shape, bins + 2), dtype=np.int64)

    def update(self, row: int, maps: Tensor) -> None:
        """Add the values of one batch's maps."""
        low = torch.from_numpy(self.low[row]).to(maps.device)
        high = torch.from_numpy(self.high[row]).to(maps.device)
        self.counts[row] += reduce.binned(maps, low, high, self.counts.shape[2] - 2)

    def merge(self, other: Histogram) -> None:
        """Add what another one with the same bins has seen."""
        same = np.array_equal(self.low, other.low) and np.array_equal(self.high, other.high)
        if not same or self.counts.shape != other.counts.shape:
            raise ValueError("histograms with other bins cannot be merged.")
        self.counts += other.counts

    def result(self) -> dict[str, NDArray[Any]]:
        """Return ``histogram`` and ``histogram_range`` (low and high)."""
        return {"histogram": self.counts,
                "histogram_range": np.stack([self.low, self.high], axis=-1)}  # fmt: skip


class Covariance(Accumulator):
    """Covariance between the channels of each block's output, over images and positions.

    Parameters
    ----------
    depth, dim : int
        Blocks and channels.
    """

    fields = ("count", "mean", "m2")

    def __init__(self, depth: int, dim: int) -> None:
        self.count: Numbers = np.zeros(depth)
        self.mean: Numbers = np.zeros((depth, dim))
        self.m2: Numbers = np.zeros((depth, dim, dim))

    def update(self, block: int, maps: Tensor) -> None:
        """Add the values of one batch's maps (n, dim, h, w)."""
        flat = maps.float().permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
        mean = flat.mean(0)
        apart = flat - mean
        # What single precision has rounded off a large mean.
        rest, n = reduce.host(apart.mean(0)), float(len(flat))
        m2 = reduce.host(apart.T @ apart) - n * np.outer(rest, rest)
        self._merge(block, n, reduce.host(mean) + rest, m2)

    def _merge(self, block: int, more: float, mean: Numbers, m2: Numbers) -> None:
        count = self.count[block]
        total = count + more
        if not total:
            return
        apart = mean - self.mean[block]
        self.m2[block] += m2 + np.outer(apart, apart) * (count * more / total)
        self.mean[block] += apart * (more / total)
        self.count[block] = total

    def merge(self, other: Covariance) -> None:
        """Add what another one has seen."""
        for block in range(len(self.count)):
            self._merge(block, float(other.count[block]), other.mean[block], other.m2[block])

    def result(self) -> dict[str, NDArray[np.float32]]:
        """Return ``covariance``, (depth, dim, dim), over all values; nan where none was."""
        count = np.where(self.count > 0, self.count, np.nan)[:, None, None]
        return {"covariance": (self.m2 / count).astype(np.float32)}
