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
    """Return the ring of every pixel around a centre.

    Shapes: ``centre`` (2,); returns (rows, columns).
    """
    y, x = (np.arange(n) - c for n, c in zip(shape, centre, strict=True))
    distance = np.hypot(y[:, None], x[None, :])
    # Distances that are a ring's edge must not cross it by rounding.
    index: NDArray[np.int64] = np.ceil(distance / RING - 1e-9).astype(np.int64)
    return index


def mass_radii(profiles: NDArray[np.floating], shares: Sequence[float]) -> Numbers:
    """Return the radii that hold given shares of the mass.

    Shapes: ``profiles`` (..., rings); returns (..., shares).
    """
    held = np.cumsum(profiles, axis=-1, dtype=np.float64)
    total = held[..., -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        held = held / total
    found = np.empty((*held.shape[:-1], len(shares)))
    for i, share in enumerate(shares):
        # The last ring may fall short of 1 by rounding.
        reached = held >= min(share, 1 - 1e-12)
        at = reached.argmax(-1)[..., None]
        high = np.take_along_axis(held, at, -1)[..., 0]
        low = np.take_along_axis(held, np.maximum(at - 1, 0), -1)[..., 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(at[..., 0] > 0, (share - low) / (high - low) - 1, 0.0)
        found[..., i] = RING * (at[..., 0] + np.minimum(part, 0.0))
    return np.where(total > 0, found, np.nan)


def moments(maps: NDArray[np.floating], centre: Numbers) -> Numbers:
    """Return mass, first and second moments about a centre.

    Shapes: ``maps`` (n, rows, columns); ``centre`` (2,); returns (n, 6).
    """
    y, x = (np.arange(n) - c for n, c in zip(maps.shape[1:], centre, strict=True))
    down, across = maps.sum(2, dtype=np.float64), maps.sum(1, dtype=np.float64)
    mixed = np.einsum("nyx,y,x->n", maps.astype(np.float64), y, x, optimize=True)
    columns = (down.sum(1), down @ y, across @ x, down @ y**2, across @ x**2, mixed)
    return np.stack(columns, 1)


def anisotropy(moment: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return root mean square radius, elongation and orientation.

    Shapes: ``moment`` (..., 6).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        yy, xx, yx = (moment[..., i] / moment[..., 0] for i in (3, 4, 5))
        trace, spread = yy + xx, np.hypot(xx - yy, 2 * yx)
        elongation = np.where(trace > 1e-12, spread / trace, trace * 0)
    # Rows grow downward: turning with the screen flips the sign of the mixed moment.
    angle = np.degrees(np.arctan2(-2 * yx, xx - yy)) / 2 % 180
    return np.sqrt(trace), elongation, np.where(spread > 1e-9 * trace, angle, np.nan)


def bootstrap_weights(n: int, n_boot: int, seed: int) -> Numbers:
    """Draw how often each of n images counts in each bootstrap sample.

    Shapes: returns (n_boot, n).
    """
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
