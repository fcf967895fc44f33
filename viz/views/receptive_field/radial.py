"""Mass by distance from a centre: rings, the radii that hold a share of it, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

RING = 0.25
"""Width of a ring, in pixels."""
Numbers = NDArray[np.float64]


def ring_index(shape: tuple[int, int], centre: Numbers) -> NDArray[np.int64]:
    """Return the ring of every pixel around a centre, (rows, columns)."""
    y, x = (np.arange(n) - c for n, c in zip(shape, centre, strict=True))
    distance = np.hypot(y[:, None], x[None, :])
    # Distances that are a ring's edge must not cross it by rounding.
    index: NDArray[np.int64] = np.ceil(distance / RING - 1e-9).astype(np.int64)
    return index


def mass_radii(profiles: NDArray[np.floating], shares: Sequence[float]) -> Numbers:
    """Return the radii that hold given shares of the mass; nan where there is none.

    Shapes: ``profiles`` (n, rings); returns (n, shares).
    """
    held = np.cumsum(profiles, axis=1, dtype=np.float64)
    radii = RING * np.arange(held.shape[1])
    wanted = held[:, -1:] * np.asarray(shares)
    found = np.array([np.interp(w, row, radii) for w, row in zip(wanted, held, strict=True)])
    return np.where(held[:, -1:] > 0, found, np.nan)


def bootstrap_weights(n: int, n_boot: int, seed: int) -> Numbers:
    """Draw how often each of n images counts in each bootstrap sample, (n_boot, n)."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_boot)
    return drawn.astype(np.float64)


def bootstrap_interval(draws: Numbers, n: int, confidence: float) -> Numbers:
    """Return the expanded percentile interval of bootstrap draws.

    Shapes: ``draws`` (n_boot, ...); returns (..., 2).
    """
    tail = (1 - confidence) / 2
    expanded = norm.cdf(student.ppf(tail, n - 1) * np.sqrt(n / (n - 1)))
    ends: Numbers = np.quantile(draws, [expanded, 1 - expanded], axis=0)
    return np.moveaxis(ends, 0, -1)
