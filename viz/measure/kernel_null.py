"""What chance does: the same taps shuffled, one large tap anywhere, kernels of a new network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

__all__ = [
    "NULL_SHARE",
    "PEAK_RATIO",
    "SPIKE_SHARE",
    "Null",
    "fit_without_peak",
    "kurtosis_without_peak",
    "peaks",
    "random_init",
    "shuffled",
    "well_placed",
]

NULL_SHARE: Final = 0.005
"""At most this share of kernels with shuffled taps may pass."""
_AIMED_SHARE: Final = 0.0035
SPIKE_SHARE: Final = 0.85
"""A tap that holds this share of the energy about the kernel's median is tested by its position."""
PEAK_RATIO: Final = 5.0
"""A tap so many times the root mean square of the others, about the median, is tested so too."""
PLACE_LEVEL: Final = 0.05
"""Chance at which single taps at the centre are too many; for peaks on a rest a fifth of it."""
_ELSEWHERE = 0.2
_RESIDUAL = 1e-3
_FEWEST, _ENOUGH, _MOST, _PER_BIN = 500, 2000, 4000, 250
_HIGH = 0.95

Taps = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _about_median(taps: Taps) -> tuple[Taps, NDArray[np.int64]]:
    """Return every tap's distance from its row's median, and the index of the farthest."""
    away: Taps = np.abs(taps - np.median(taps, axis=1, keepdims=True))
    return away, away.argmax(1)


def _without_peak(taps: Taps) -> tuple[Taps, NDArray[np.float64]]:
    """Return a mask (n, t), 0 at the peak and else 1, and the mean of the taps under it (n, 1)."""
    rest = np.ones(taps.shape)
    rest[np.arange(len(taps)), _about_median(taps)[1]] = 0
    return rest, (taps * rest).sum(1, keepdims=True) / rest.sum(1, keepdims=True)


def kurtosis_without_peak(taps: Taps) -> NDArray[np.float64]:
    """Return the fourth moment over the squared variance of each row without its peak.

    Parameters
    ----------
    taps : ndarray, (n, t)
        Kernels. The peak is the tap farthest from the median.

    Returns
    -------
    ndarray, (n,)
        3 for a Gaussian, 1 at least; 1 where all taps but the peak are equal.
    """
    rest, mean = _without_peak(taps)
    square = ((taps - mean) * rest) ** 2
    variance = square.sum(1) / rest.sum(1)
    fourth = (square**2).sum(1) / rest.sum(1)
    answer: NDArray[np.float64] = np.maximum(fourth / np.maximum(variance**2, 1e-300), 1.0)
    return answer


def shuffled(taps: Taps, seed: int, count: int | None = None) -> Taps:
    """Return kernels with their taps in random order, spread evenly over `kurtosis_without_peak`.

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
    rank = np.lexsort((ordered[:, -1], kurtosis_without_peak(ordered).round(6)))
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
    """Return the gain -log(E / T + .001) over all taps but the one farthest from the median.

    E is the squared error, T the energy about the mean. A fit follows a lone large tap wherever it
    lies; only the others show whether there is shape.

    Parameters
    ----------
    taps : ndarray, (n, t)
        Kernels.
    fitted : ndarray, (..., n, t)
        Their fits.

    Returns
    -------
    ndarray, (..., n)
        At most -log(.001); below 0 where the fit is worse than the mean. Where the others are all
        equal, as of a fit no better than the mean.
    """
    rest, mean = _without_peak(taps)
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
    place : ndarray, (b,)
        Logarithm of the median `kurtosis_without_peak` of each bin.
    middle, spread : ndarray, (b, A)
        Median of `fit_without_peak`, and its distance to the 95th percentile, per bin and number
        of atoms.
    threshold : float
        Statistic that `NULL_SHARE` of the shuffled kernels, or fewer, exceed.
    """

    place: NDArray[np.float64]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    threshold: float

    @classmethod
    def of(cls, taps: Taps, gain: NDArray[np.float64]) -> Null:
        """Learn from shuffled kernels.

        The threshold is extrapolated from the twentieth that stands highest, whose excess over the
        95th percentile is taken to be exponential: the few that exceed the threshold itself would
        tell where it lies only roughly.

        Parameters
        ----------
        taps : ndarray, (s, t)
            As from `shuffled`.
        gain : ndarray, (A, s)
            Their `fit_without_peak`, by number of atoms.

        Returns
        -------
        Null
            With bins of at least 250 kernels; without any, nothing exceeds the threshold.
        """
        if not len(taps):
            flat = np.zeros((1, len(gain)))
            return cls(np.zeros(1), flat, flat + 1, np.inf)
        where = np.log(kurtosis_without_peak(taps))
        order = np.argsort(where, kind="stable")
        bins = np.array_split(order, max(1, len(order) // _PER_BIN))
        place = np.array([np.median(where[b]) for b in bins])
        middle = np.stack([np.median(gain[:, b], axis=1) for b in bins])
        high = np.stack([np.quantile(gain[:, b], _HIGH, axis=1) for b in bins])
        null = cls(place, middle, np.maximum(high - middle, 1e-3), 0.0)
        height = null.statistic(taps, gain)
        start = float(np.quantile(height, _HIGH))
        excess = float(np.maximum(height - start, 0).sum() / max(1, (height > start).sum()))
        threshold = start + excess * math.log((1 - _HIGH) / _AIMED_SHARE)
        return cls(place, middle, null.spread, threshold)

    def statistic(self, taps: Taps, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far fits stand above those of shuffled kernels of the same kurtosis, (n,).

        The largest over the numbers of atoms of (gain - median) / (95th percentile - median), both
        interpolated between the bins along the logarithm of the kurtosis.
        """
        where = np.log(kurtosis_without_peak(taps))
        middle, spread = (
            np.stack([np.interp(where, self.place, column) for column in values.T])
            for values in (self.middle, self.spread)
        )
        height: NDArray[np.float64] = ((gain - middle) / spread).max(0)
        return height


def peaks(taps: Taps) -> tuple[Bools, Bools, NDArray[np.int64]]:
    """Return which kernels are one tap on a flat rest, which have a peak, and every peak's index.

    Parameters
    ----------
    taps : ndarray, (n, t)
        Kernels. The peak is the tap farthest from the median.

    Returns
    -------
    tuple of ndarray, (n,)
        Whether the peak holds `SPIKE_SHARE` of the energy about the median; whether it is
        `PEAK_RATIO` times the root mean square of the others; its index.
    """
    away, peak = _about_median(taps)
    energy = (away**2).sum(1)
    largest = away[np.arange(len(taps)), peak] ** 2
    single: Bools = (energy > 0) & (largest >= SPIKE_SHARE * energy)
    others = (energy - largest) / (taps.shape[1] - 1)
    high: Bools = (energy > 0) & (largest >= PEAK_RATIO**2 * others)
    return single, high, peak


def well_placed(
    peaked: Bools,
    peak: NDArray[np.int64],
    group: NDArray[np.int64],
    k: int,
    level: float = PLACE_LEVEL,
) -> Bools:
    """Return the kernels whose peak's place is commoner in their block than chance makes it.

    Of a block's N peaks, those at the centre are kept if as many or more fall on one tap out of k^2
    with a chance below ``level``; those at another tap, or at one (Chebyshev) distance from the
    centre, likewise, with a fifth of the level divided by the number of taps or of distances: a
    distance holds many taps, so that one that passes by chance labels many kernels.

    Parameters
    ----------
    peaked : ndarray of bool, (n,)
        Which kernels have a peak.
    peak : ndarray of int64, (n,)
        Index of the largest tap, row by row.
    group : ndarray of int64, (n,)
        Block of each kernel.
    k : int
        Side of the kernels.
    level : float
        Of the centre's test.

    Returns
    -------
    ndarray of bool, (n,)
        False where the kernel has no peak.
    """
    placed = np.zeros(len(peaked), dtype=bool)
    middle = (k - 1) // 2
    row, column = np.divmod(np.arange(k * k), k)
    distance = np.maximum(np.abs(row - middle), np.abs(column - middle))
    width = np.bincount(distance)
    elsewhere = _ELSEWHERE * level
    levels = np.full(k * k, elsewhere / (k * k))
    levels[middle * (k + 1)] = level
    for block in np.unique(group[peaked]):
        rows = np.flatnonzero(peaked & (group == block))
        at_tap = np.bincount(peak[rows], minlength=k * k)
        at_distance = np.bincount(distance[peak[rows]], minlength=len(width))
        common = binom.sf(at_tap - 1, len(rows), 1 / k**2) < levels
        around: NDArray[np.bool_] = np.asarray(
            binom.sf(at_distance - 1, len(rows), width / k**2) < elsewhere / len(width)
        )
        around[0] = False
        placed[rows] = (common | around[distance])[peak[rows]]
    return placed
