"""What chance does: the same taps shuffled, one large tap anywhere, kernels of a new network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

__all__ = [
    "NULL_SHARE",
    "SPIKE_SHARE",
    "Null",
    "fit_without_peak",
    "random_init",
    "shuffled",
    "single_taps",
    "well_placed",
]

NULL_SHARE: Final = 0.005
"""At most this share of kernels with shuffled taps may pass."""
_AIMED_SHARE: Final = 0.0035
SPIKE_SHARE: Final = 0.85
"""A tap that holds this share of the energy about the kernel's median is tested by its position."""
PLACE_LEVEL: Final = 0.05
_RESIDUAL = 1e-3
_FEWEST, _ENOUGH, _MOST, _PER_BIN = 500, 2000, 4000, 500

Taps = NDArray[np.float64]


def kurtosis(taps: Taps) -> NDArray[np.float64]:
    """Return the fourth moment over the squared variance of each row (n, t): 3 for a Gaussian."""
    centred = taps - taps.mean(1, keepdims=True)
    variance = (centred**2).mean(1)
    answer: NDArray[np.float64] = (centred**4).mean(1) / np.maximum(variance**2, 1e-300)
    return answer


def shuffled(taps: Taps, seed: int, count: int | None = None) -> Taps:
    """Return kernels with their taps in random order, spread evenly over the kurtosis.

    Parameters
    ----------
    taps : ndarray, (n, t)
        Rows whose taps are not all equal.
    seed : int
        Of the shuffling. The result depends on what taps each kernel has and not on where they
        lie, their common sign or the order of the kernels.
    count : int or None
        How many; by default 500 to 4,000: four per kernel up to 2,000, from 12,000 kernels on a
        sixth of their number. A small bank's shares are known no better than that.

    Returns
    -------
    ndarray, (s, t)
        In order of kurtosis.
    """
    if not len(taps):
        return taps
    if count is None:
        count = int(np.clip(4 * len(taps), _FEWEST, np.clip(len(taps) // 6, _ENOUGH, _MOST)))
    ordered = np.sort(taps, axis=1)
    skew = ((ordered - ordered.mean(1, keepdims=True)) ** 3).sum(1)
    ordered = np.where(skew[:, None] < 0, -ordered[:, ::-1], ordered)
    rank = np.lexsort((ordered[:, -1], kurtosis(ordered).round(6)))
    rows = rank[np.linspace(0, len(rank) - 1, count).round().astype(int)]
    rng = np.random.default_rng([seed, 1])
    return rng.permuted(ordered[rows], axis=1)


def random_init(count: int, k: int, seed: int) -> NDArray[np.float32]:
    """Return depthwise kernels as torch draws them for a new network.

    Conv2d's default is uniform on +-1/sqrt(fan in), and a depthwise kernel's fan in is k^2.

    Parameters
    ----------
    count : int
        Kernels.
    k : int
        Side.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray of float32, (count, k, k)
        Uniform on +-1/k.
    """
    rng = np.random.default_rng([seed, 2])
    return rng.uniform(-1 / k, 1 / k, (count, k, k)).astype(np.float32)


def fit_without_peak(taps: Taps, fitted: Taps) -> NDArray[np.float64]:
    """Return R^2 over all taps but the one farthest from the kernel's median.

    A fit follows a lone large tap wherever it lies; only the others show whether there is shape.

    Parameters
    ----------
    taps : ndarray, (n, t)
        Kernels.
    fitted : ndarray, (..., n, t)
        Their fits.

    Returns
    -------
    ndarray, (..., n)
        At most 1; negative where the fit is worse than the mean.
    """
    rest = np.ones(taps.shape)
    peak = np.abs(taps - np.median(taps, axis=1, keepdims=True)).argmax(1)
    rest[np.arange(len(taps)), peak] = 0
    mean = (taps * rest).sum(1, keepdims=True) / rest.sum(1, keepdims=True)
    total = ((taps - mean) ** 2 * rest).sum(1)
    error = ((taps - fitted) ** 2 * rest).sum(-1)
    quiet = total <= 1e-9 * ((taps - taps.mean(1, keepdims=True)) ** 2).sum(1)
    left = np.where(quiet, 1.0, error / np.where(quiet, 1.0, total))
    gain: NDArray[np.float64] = -np.log(left + _RESIDUAL)
    return gain


@dataclass(frozen=True)
class Null:
    """Shuffled kernels' quality of fit by kurtosis, and the height that few of them reach.

    Parameters
    ----------
    edges : ndarray, (b - 1,)
        Kurtosis between the bins.
    middle, spread : ndarray, (b, A)
        Median of `fit_without_peak`, and its distance to the 95th percentile, per bin and number
        of atoms.
    threshold : float
        Statistic that `NULL_SHARE` of the shuffled kernels, or fewer, exceed.
    """

    edges: NDArray[np.float64]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    threshold: float

    @classmethod
    def of(cls, taps: Taps, r2: NDArray[np.float64]) -> Null:
        """Learn from shuffled kernels.

        Parameters
        ----------
        taps : ndarray, (s, t)
            In order of kurtosis, as from `shuffled`.
        r2 : ndarray, (A, s)
            Their `fit_without_peak`, by number of atoms.

        Returns
        -------
        Null
            With bins of at least 500 kernels; without any, nothing exceeds the threshold.
        """
        if not len(taps):
            flat = np.zeros((1, len(r2)))
            return cls(np.empty(0), flat, flat + 1, np.inf)
        order = np.argsort(kurtosis(taps), kind="stable")
        bins = np.array_split(order, max(1, len(order) // _PER_BIN))
        values = kurtosis(taps)
        edges = np.array([values[b[0]] for b in bins[1:]])
        middle = np.stack([np.median(r2[:, b], axis=1) for b in bins])
        high = np.stack([np.quantile(r2[:, b], 0.95, axis=1) for b in bins])
        null = cls(edges, middle, np.maximum(high - middle, 1e-3), 0.0)
        height = float(np.quantile(null.statistic(taps, r2), 1 - _AIMED_SHARE))
        return cls(edges, null.middle, null.spread, height)

    def statistic(self, taps: Taps, r2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far fits stand above those of shuffled kernels of the same kurtosis, (n,).

        The largest over the numbers of atoms of (R^2 - median) / (95th percentile - median).
        """
        row = np.searchsorted(self.edges, kurtosis(taps), side="right")
        height: NDArray[np.float64] = ((r2.T - self.middle[row]) / self.spread[row]).max(1)
        return height


def single_taps(taps: Taps) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which kernels are one tap on a flat rest, and the index of every kernel's peak."""
    away = np.abs(taps - np.median(taps, axis=1, keepdims=True))
    peak = away.argmax(1)
    energy = (away**2).sum(1)
    largest = away[np.arange(len(taps)), peak] ** 2
    return (energy > 0) & (largest >= SPIKE_SHARE * energy), peak


def well_placed(
    single: NDArray[np.bool_], peak: NDArray[np.int64], group: NDArray[np.int64], k: int
) -> NDArray[np.bool_]:
    """Return the single-tap kernels whose place is commoner in their block than chance makes it.

    Of a block's N single taps, those at the centre are kept if as many or more fall on one tap out
    of k^2 with a chance below 5 %; those at another tap, or at one (Chebyshev) distance from the
    centre, likewise, with the level divided by the number of taps and of distances.

    Parameters
    ----------
    single : ndarray of bool, (n,)
        Which kernels are single taps.
    peak : ndarray of int64, (n,)
        Index of the largest tap, row by row.
    group : ndarray of int64, (n,)
        Block of each kernel.
    k : int
        Side of the kernels.

    Returns
    -------
    ndarray of bool, (n,)
        False where the kernel is no single tap.
    """
    placed = np.zeros(len(single), dtype=bool)
    middle = (k - 1) // 2
    row, column = np.divmod(np.arange(k * k), k)
    distance = np.maximum(np.abs(row - middle), np.abs(column - middle))
    width = np.bincount(distance)
    for block in np.unique(group[single]):
        rows = np.flatnonzero(single & (group == block))
        at_tap = np.bincount(peak[rows], minlength=k * k)
        at_distance = np.bincount(distance[peak[rows]], minlength=len(width))
        level = np.full(k * k, PLACE_LEVEL / (k * k))
        level[middle * (k + 1)] = PLACE_LEVEL
        common = binom.sf(at_tap - 1, len(rows), 1 / k**2) < level
        around: NDArray[np.bool_] = np.asarray(
            binom.sf(at_distance - 1, len(rows), width / k**2) < PLACE_LEVEL / len(width)
        )
        around[0] = False
        placed[rows] = (common | around[distance])[peak[rows]]
    return placed
