"""Statistics that grow batch by batch and can be merged: any split gives the same result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.sweep import reduce

__all__ = ["Accumulator", "Accuracy", "Classes", "Covariance", "Histogram", "Moments", "Sparsity",
           "Top"]  # fmt: skip

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


def _chan(
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

    def update(self, row: int, maps: Tensor) -> None:
        """Add the values of one batch's maps (n, dim, h, w)."""
        self.add(row, *reduce.sums(maps))

    def add(self, row: int, count: int, mean: Numbers, m2: Numbers) -> None:
        """Add values of which count, mean and squared deviations are known."""
        _chan(self.count[row], self.mean[row], self.m2[row], float(count), mean, m2)

    def merge(self, other: Moments) -> None:
        """Add what another one has seen."""
        _chan(self.count, self.mean, self.m2, other.count, other.mean, other.m2)

    def result(self) -> dict[str, Numbers]:
        """Return ``mean`` and ``variance`` (over all values, not n - 1); nan where none was."""
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
        self._pending: list[tuple[Any, ...]] = []

    def _restored(self) -> None:
        self._pending = []

    def update(self, row: int, maps: Tensor, images: Counts) -> None:
        """Add one batch's maps; ``images`` are the numbers of its images, each seen once only."""
        lines, best = reduce.largest(maps)
        # A value as large as the last one kept may still come in by its image's name.
        enters = (best >= self.value[row, :, -1]) & (best > -np.inf)
        image, channel = np.nonzero(enters)
        if not len(image):
            return
        position = reduce.peaks(maps, lines, image, channel)
        lists = row * self.value.shape[1] + channel
        self._pending.append((lists, best[image, channel], images[image], position))

    def flush(self) -> None:
        """Put what was found into the lists; all rows of a batch at once is much faster."""
        if not self._pending:
            return
        lists, value, image, position = (
            np.concatenate(v) for v in zip(*self._pending, strict=True)
        )
        self._pending.clear()
        order = np.argsort(lists, kind="stable")
        turn = np.arange(len(order)) - np.searchsorted(lists[order], lists[order])
        # One candidate of each list at a time: most have but one.
        for k in range(int(turn.max()) + 1):
            some = order[turn == k]
            self._insert(lists[some], value[some], image[some], position[some])

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


class Classes(Accumulator):
    """Mean activity per class, and how it varies between images; only classes seen take memory.

    Activity of a channel on an image is the mean over positions of its positive part.

    Parameters
    ----------
    rows, dim : int
        Stages and channels.
    """

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
        _chan(self.images[row], self.mean[row], self.m2[row], float(len(activity)), mean,
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
        _chan(self.images, self.mean, self.m2, other.images, other.mean, other.m2)

    def result(self, seed: int = 0, draws: int = 8) -> dict[str, NDArray[Any]]:
        """Return the selectivity of every channel, and that of channels that know no classes.

        Parameters
        ----------
        seed : int
            Of the null.
        draws : int
            Of the null, averaged.

        Returns
        -------
        dict
            ``selectivity`` (Morcos et al. 2018), (largest - mean of the others) / (largest + mean
            of the others) of the mean activities per class; ``selected_class``, whose is the
            largest; ``selectivity_null``, the same with every class's mean drawn from the normal
            law that means over as many images of no particular class follow. nan and -1 with fewer
            than two classes, and in rows that were never given.
        """
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


class Accuracy(Accumulator):
    """How often the right class is first, or among the first five."""

    fields = ("hits",)

    def __init__(self) -> None:
        self.hits: Counts = np.zeros(3, dtype=np.int64)

    def update(self, logits: Tensor, outputs: Counts) -> None:
        """Add one batch's logits; ``outputs`` are the right ones, -1 for images without."""
        known = outputs >= 0
        if not known.any():
            return
        values = logits.float().cpu().numpy()[known]
        right = values[np.arange(len(values)), outputs[known]][:, None]
        # Of equal logits the first output wins, as argmax has it.
        before = np.arange(values.shape[1])[None] < outputs[known][:, None]
        rank = ((values > right) | ((values == right) & before)).sum(1)
        self.hits += np.array([len(values), (rank < 1).sum(), (rank < 5).sum()])

    def merge(self, other: Accuracy) -> None:
        """Add what another one has seen."""
        self.hits += other.hits

    def result(self) -> dict[str, float]:
        """Return ``top1``, ``top5`` (nan where no class is known) and ``judged``, the images."""
        n, first, five = (int(v) for v in self.hits)
        nan = float("nan")
        return {"judged": n, "top1": first / n if n else nan, "top5": five / n if n else nan}


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
        with torch.inference_mode():
            flat = maps.float().permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
            mean = flat.mean(0)
            apart = flat - mean
            m2 = (apart.T @ apart).cpu().double().numpy()
        self._merge(block, float(len(flat)), mean.cpu().double().numpy(), m2)

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
