"""Statistics that grow batch by batch and can be merged: any split gives the same result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.sweep import reduce

__all__ = ["Accumulator", "Covariance", "Histogram", "Moments", "Sparsity", "Top", "merge_moments"]

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
NO_IMAGE = np.iinfo(np.int64).max
"""Stands for no image in a list that is not full yet."""


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
        """Return an accumulator with this state.

        Parameters
        ----------
        state : mapping
            Of `state`.

        Returns
        -------
        Accumulator
            As it was.
        """
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
    """Merge moments in place (Chan, Golub and LeVeque 1979).

    Parameters
    ----------
    count, mean, m2 : ndarray
        Number of values, their means and squared deviations from these; changed.
    more, mean_2, m2_2 : ndarray
        The same of other values.
    """
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

    def update(self, row: int, maps: Tensor) -> Tensor:
        """Add the values of one batch's maps (n, dim, h, w); return their means."""
        if row in self._pending:
            self.flush()
        self._pending[row] = found = reduce.sums(maps)
        return found[1]

    def flush(self) -> None:
        """Merge what was found; all rows of a batch at once is much faster."""
        if not self._pending:
            return
        rows = list(self._pending)
        counts, means, variances = zip(*self._pending.values(), strict=True)
        self._pending.clear()
        count = np.array(counts, dtype=np.float64)[:, None]
        mean, m2 = reduce.host(torch.stack(means)), reduce.host(torch.stack(variances)) * count
        kept = self.count[rows], self.mean[rows], self.m2[rows]
        merge_moments(*kept, count, mean, m2)
        self.count[rows], self.mean[rows], self.m2[rows] = kept

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


class Top(Accumulator):
    """The largest values per row and channel, at most one per image, and where they are.

    Equal values are ordered by image: numbers of images follow the order of their names.

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
        self._pending: list[tuple[int, NDArray[np.float32], Counts, Counts]] = []

    def update(self, row: int, maps: Tensor, images: Counts) -> None:
        """Add one batch's maps; ``images`` are the numbers of its images, each seen once only."""
        self._pending.append((row, *reduce.largest(maps), images))

    def flush(self) -> None:
        """Put what was found into the lists; all rows of a batch at once is much faster."""
        # Batches of one size are stacked; those of another, such as the last, come after them.
        while self._pending:
            n = len(self._pending[0][3])
            alike = [one for one in self._pending if len(one[3]) == n]
            self._pending = [one for one in self._pending if len(one[3]) != n]
            self._enter(*(np.stack(values) for values in zip(*alike, strict=True)))

    def _enter(
        self, rows: Counts, best: NDArray[np.float32], position: Counts, images: Counts
    ) -> None:
        """Put the largest values of some batches, (batches, n, dim), where they belong."""
        # A value as large as the last one kept may still come in by its image's name.
        at = np.nonzero(best >= self.value[rows, None, :, -1])
        if not len(at[0]):
            return
        lists = rows[at[0]] * self.value.shape[1] + at[2]
        found = best[at], images[at[0], at[1]], position[at]
        order = np.argsort(lists, kind="stable")
        turn = np.arange(len(order)) - np.searchsorted(lists[order], lists[order])
        # One candidate of each list at a time: most have but one.
        for k in range(int(turn.max()) + 1):
            some = order[turn == k]
            self._insert(lists[some], *(values[some] for values in found))

    def _insert(
        self, lists: Counts, value: NDArray[np.float32], image: Counts, position: Counts
    ) -> None:
        """Put one entry into each of some lists, where it belongs; the last falls out."""
        n = self.value.shape[-1]
        kept = self.value.reshape(-1, n)[lists]
        whose = self.image.reshape(-1, n)[lists]
        before = (kept > value[:, None]) | ((kept == value[:, None]) & (whose < image[:, None]))
        place = before.sum(1)
        inside = np.flatnonzero(place < n)
        rows, place, at = lists[inside, None], place[inside], np.arange(len(inside))
        source = np.arange(n) - (np.arange(n) > place[:, None])
        for array, new in ((self.value, value), (self.image, image), (self.position, position)):
            flat = array.reshape(-1, n)
            moved = flat[rows, source]
            moved[at, place] = new[inside]
            flat[rows[:, 0]] = moved

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the state."""
        self.flush()
        return super().state()

    def _keep(self, value: Any, image: Any, position: Any) -> None:
        """Merge more entries into all lists and keep the first n."""
        n = self.value.shape[-1]
        value = np.concatenate([self.value, value], axis=-1)
        image = np.concatenate([self.image, image], axis=-1)
        position = np.concatenate([self.position, position], axis=-1)
        order = np.lexsort((image, -value), axis=-1)[..., :n]
        self.value = np.take_along_axis(value, order, -1)
        self.image = np.take_along_axis(image, order, -1)
        self.position = np.take_along_axis(position, order, -1)

    def merge(self, other: Top) -> None:
        """Add what another one has seen, of other images."""
        self.flush()
        other.flush()
        self._keep(other.value, other.image, other.position)

    def result(self) -> dict[str, NDArray[Any]]:
        """Return ``top_value`` (nan: none), ``top_image`` (-1: none), ``top_position`` (-1)."""
        self.flush()
        none = self.image == NO_IMAGE
        return {
            "top_value": np.where(none, np.float32(np.nan), self.value),
            "top_image": np.where(none, -1, self.image),
            "top_position": np.where(none, -1, self.position),
        }


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
