"""What has been said about ConvMixers' kernels, as yes or no per kernel at any thresholds.

The same predicates as in `viz.measure.kernel_descriptors`, for many thresholds at once: each
kernel is measured once and then compared with every threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.measure import kernel_descriptors, kernel_null

__all__ = [
    "ODD_ENERGIES",
    "RADII",
    "RESTS",
    "Grid",
    "Statistics",
    "possible_radii",
    "stated",
    "statistics",
]

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]
RESTS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
"""Shares of negative taps off the centre that are tried for the early statement."""
ODD_ENERGIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Shares of odd energy that are tried for the late statement."""
RADII = (1.0, 1.5, 2.0, 2.5)
"""Inner radii in taps that are tried for the late statement."""


@dataclass(frozen=True)
class Statistics:
    """Numbers on which the statements rest, from the raw taps.

    Parameters
    ----------
    centre : ndarray of bool, (n,)
        Whether the centre tap is above 0.
    negative : ndarray, (n,)
        Share of the other taps that are below 0.
    odd : ndarray, (n,)
        Share of the energy that is odd about the middle; 0 for a kernel of zeros.
    ringed : ndarray of bool, (n, r)
        Whether the mean within each radius is above 0 and the mean outside below 0.
    """

    centre: Bools
    negative: Numbers
    odd: Numbers
    ringed: Bools

    def early(self, rest: ArrayLike) -> Bools:
        """Positive centre, negative rest: (n, thresholds), by the least share of the rest."""
        answer: Bools = self.centre[:, None] & (self.negative[:, None] >= np.ravel(rest))
        return answer

    def halves(self, odd: ArrayLike) -> Bools:
        """Half positive, half negative: (n, thresholds) for shares of odd energy to exceed."""
        answer: Bools = self.odd[:, None] > np.ravel(odd)
        return answer

    def late(self, odd: ArrayLike) -> Bools:
        """Halves, or positive inside and negative around: (n, odd thresholds, radii)."""
        answer: Bools = self.halves(odd)[:, :, None] | self.ringed[:, None, :]
        return answer


def possible_radii(k: int, radii: ArrayLike) -> Numbers:
    """Return those radii outside which a k x k kernel has taps."""
    wanted = np.ravel(np.asarray(radii, dtype=np.float64))
    possible: Numbers = wanted[wanted < np.sqrt(2) * (k - 1) / 2 - 1e-9]
    return possible


def statistics(kernels: NDArray[np.floating], radii: ArrayLike) -> Statistics:
    """Measure kernels for the statements.

    Parameters
    ----------
    kernels : ndarray, (n, k, k)
        Raw taps as torch convolves them.
    radii : array_like, (r,)
        Taps from the middle that count as inside.

    Returns
    -------
    Statistics
        One row per kernel.

    Notes
    -----
    About half of all *random* kernels have more odd than even energy and a quarter is positive
    inside and negative around: both say little without the share among random kernels beside it.
    """
    n, k = kernels.shape[:2]
    flat = kernels.reshape(n, -1).astype(np.float64)
    centre = flat[:, (k - 1) // 2 * (k + 1)]
    negative = ((flat < 0).sum(1) - (centre < 0)) / max(k * k - 1, 1)
    line = np.arange(k) - (k - 1) / 2
    distance = np.hypot(line[:, None], line[None]).ravel()
    inside = (distance[:, None] <= np.ravel(radii)).astype(np.float64)
    total = flat.sum(1, keepdims=True)
    within = flat @ inside
    return Statistics(
        centre=centre > 0,
        negative=negative,
        odd=np.nan_to_num(kernel_descriptors.odd_energy(kernels)) if n else np.zeros(0),
        ringed=(within > 0) & (total - within < 0),
    )


def stated(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return whether the four statements are true at the default thresholds, (n, 4), as 0 and 1."""
    k = kernels.shape[-1]
    # Where no tap lies outside the radius, nothing can be negative there.
    radii = possible_radii(k, [kernel_descriptors.INSIDE])
    found = statistics(kernels, radii if len(radii) else [np.inf])
    halves = found.halves([kernel_descriptors.ODD_ENERGY])[:, 0]
    ringed = found.ringed[:, 0]
    rest = found.early([kernel_descriptors.NEGATIVE_REST])[:, 0]
    return np.stack([rest, halves, ringed, halves | ringed], 1).astype(np.float32)


@dataclass(frozen=True)
class Grid:
    """Where the statements are true, kernel by kernel, at every threshold tried.

    Parameters
    ----------
    stated : ndarray of float32, (n, 4)
        Of `stated`.
    early : ndarray of bool, (n, a)
        The early statement at each of `RESTS`.
    late : ndarray of bool, (n, b, c)
        The late statement at each of `ODD_ENERGIES` and each radius.
    kernel_size : int
        Taps a side.
    radii : ndarray, (c,)
        Those of `RADII` outside which there are taps.
    """

    stated: NDArray[np.float32]
    early: Bools
    late: Bools
    kernel_size: int
    radii: Numbers

    @classmethod
    def of(cls, kernels: NDArray[np.float32], radii: Numbers) -> Grid:
        """Measure kernels (n, k, k) at every threshold."""
        found = statistics(kernels, radii)
        early, late = found.early(RESTS), found.late(ODD_ENERGIES)
        return cls(stated(kernels), early, late, kernels.shape[-1], radii)

    def beside_chance(
        self,
        block: NDArray[np.int64],
        groups: tuple[Sequence[int], Sequence[int]],
        n_networks: int,
        seed: int,
        report: Callable[[], None],
    ) -> dict[str, Any]:
        """Return shares at every threshold in both groups and in randomly initialised networks.

        Parameters
        ----------
        block : ndarray of int64, (n,)
            Of each kernel.
        groups : tuple of two sequences of int
            Early blocks, late blocks.
        n_networks : int
            Random networks, each of as many kernels as the larger group has.
        seed : int
            Of the networks.
        report : callable
            Called after each.

        Returns
        -------
        dict
            Fields of `viz.results.early_late.EarlyLate`.
        """
        members = [np.isin(block, group) for group in groups]
        count = max(int(m.sum()) for m in members)
        true, early, late = [], [], []
        for i in range(n_networks):
            fresh = kernel_null.random_init(count, self.kernel_size, seed + 1 + i)
            found = statistics(fresh, self.radii)
            true.append(stated(fresh).mean(0, dtype=np.float64))
            early.append(found.early(RESTS).mean(0))
            late.append(found.late(ODD_ENERGIES).mean(0))
            report()
        return {
            "rest_shares": np.stack([self.early[m].mean(0) for m in members], -1),
            "ring_shares": np.stack([self.late[m].mean(0) for m in members], -1),
            "init_statements": np.stack(true),
            "rest_init": np.stack(early, -1),
            "ring_init": np.stack(late, -1),
        }
