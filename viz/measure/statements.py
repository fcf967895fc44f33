"""What has been said about ConvMixers' kernels, as yes or no per kernel at any thresholds.

The same predicates as in `viz.measure.kernel_descriptors`, for many thresholds at once: each
kernel is measured once and then compared with every threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.measure import kernel_descriptors

__all__ = ["Statistics", "possible_radii", "statistics"]

Numbers = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
