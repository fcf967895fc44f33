"""What chance does: the same taps shuffled, a lone tap anywhere, kernels of a new network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from viz.views.kernels.matching import match
from viz.views.kernels.pictures import KINDS, Bank

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NULL_SHARE: Final = 0.005
"""Share of kernels with shuffled taps that may look as much like a picture."""
LONE_TAP: Final = 0.9
"""Share of the energy in one tap from which a kernel is a single tap, wherever it lies."""
PLACE_LEVEL: Final = 0.005
"""Chance at which a block's single taps lie too often at the middle, or next to it."""
PEAK: Final = 4.0
"""A tap so many times the root mean square of the others stands out."""
_BINS: Final = 6
SHUFFLED: Final = 4000
"""Shuffled kernels that set the thresholds."""
_SHAPES: Final = [i for i, kind in enumerate(KINDS) if kind not in ("identity", "shift", "flat")]


def random_init(count: int, k: int, seed: int) -> NDArray[np.float32]:
    """Return depthwise kernels as torch draws them for a new network, (count, k, k).

    Conv2d's default is uniform on +-1/sqrt(fan in), and a depthwise kernel's fan in is k^2.
    """
    rng = np.random.default_rng([seed, 2])
    return rng.uniform(-1 / k, 1 / k, (count, k, k)).astype(np.float32)


def shuffled(rows: Floats, count: int, seed: int) -> Floats:
    """Return ``count`` kernels, drawn from these in turn, with their taps in random order."""
    rng = np.random.default_rng([seed, 1])
    if not len(rows):
        return np.zeros((0, rows.shape[1]))
    chosen = np.resize(rng.permutation(len(rows)), count)
    return rng.permuted(rows[chosen], axis=1)


def largest_tap(rows: Floats) -> Floats:
    """Return the share of the energy in the largest tap, of unit kernels."""
    answer: Floats = (rows**2).max(1, initial=0.0)
    return answer


@dataclass(frozen=True)
class Null:
    """How much shuffled kernels look like pictures, by the share of their largest tap.

    A lone large tap looks like a small bump wherever it lies, so kernels are compared with shuffled
    ones whose largest tap is as large. ``edges`` are the shares of the largest tap between bins,
    ``thresholds`` what few shuffled kernels of a bin exceed; they never fall with the share.
    """

    edges: Floats
    thresholds: Floats

    @classmethod
    def of(cls, rows: Floats, values: Floats, passed: float = NULL_SHARE) -> Null:
        """Read thresholds off shuffled kernels (unit norm) and their values."""
        if not len(rows):
            return cls(np.zeros(_BINS - 1), np.zeros(_BINS))
        share = largest_tap(rows)
        edges = np.quantile(share, np.arange(1, _BINS) / _BINS)
        place = np.searchsorted(edges, share)
        levels = [
            np.quantile(values[place == b], 1 - passed) if (place == b).any() else 0.0
            for b in range(_BINS)
        ]
        return cls(edges, np.maximum.accumulate(levels))

    def threshold(self, share: Floats) -> Floats:
        """Return the value that kernels with these shares of the largest tap must exceed."""
        answer: Floats = self.thresholds[np.searchsorted(self.edges, share)]
        return answer


def shape_null(rows: Floats, pictures: Bank, seed: int) -> Null:
    """Return the null of likeness without the means, from the taps of these unit kernels."""
    alive = rows[rows.any(1)]
    chance = shuffled(alive if len(alive) else np.eye(rows.shape[1]), SHUFFLED, seed)
    return Null.of(chance, match(chance, pictures).shape[:, _SHAPES].max(1))


def well_placed(rows: Floats, block: NDArray[np.int64], k: int) -> Bools:
    """Return which unit kernels have a tap that stands out where chance would rarely put it, (n,).

    Shuffling a tap that stands out gives another one, so its place is tested instead, block by
    block: those at the middle pass if more of the block's outstanding taps lie there than chance
    would put there (binomial, below `PLACE_LEVEL`), and likewise those next to the middle. A tap
    that holds `LONE_TAP` of the energy needs no test: the picture holds nothing else.
    """
    share = largest_tap(rows)
    outstanding = share * (k * k - 1) >= PEAK**2 * (1 - share)
    peak = np.abs(rows).argmax(1)
    half = (k - 1) / 2
    away = np.maximum(np.abs(peak // k - half), np.abs(peak % k - half))
    line = np.abs(np.arange(k) - half)
    distance = np.maximum(line[:, None], line)
    passed = share >= LONE_TAP
    for b in np.unique(block):
        here = outstanding & (block == b)
        for low, high in ((-1.0, 0.5), (0.5, 1.5)):
            there = here & (away > low) & (away <= high)
            taps = ((distance > low) & (distance <= high)).sum()
            if binom.sf(there.sum() - 1, here.sum(), taps / k**2) < PLACE_LEVEL:
                passed |= there
    return passed
