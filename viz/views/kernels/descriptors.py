"""Numbers about a kernel's raw taps that need no name and no picture.

Kernels are (n, k, k) as torch convolves them. Distances are in taps from the kernel's middle;
frequencies in cycles per tap. A kernel whose taps are all zero gets nan (or 0 changes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.matching import MEASURES, measures, unit_rows

Kernels = NDArray[np.floating]
Numbers = NDArray[np.float64]
_QUIET = 0.05


def _grid(k: int) -> tuple[Numbers, Numbers]:
    line = np.arange(k) - (k - 1) / 2
    y, x = np.meshgrid(-line, line, indexing="ij")
    return x, y


def _anisotropy(kernels: Numbers) -> Numbers:
    """Return how elongated the energy is, (l1 - l2) / (l1 + l2), 0 (round) to 1 (a line).

    l1 >= l2 are the eigenvalues of the covariance of position about its own mean, weighted with the
    squared taps of unit kernels. A single tap has none and gets 0.
    """
    x, y = _grid(kernels.shape[-1])
    weight = kernels**2
    mx, my = (weight * x).sum((1, 2)), (weight * y).sum((1, 2))
    xx = (weight * x**2).sum((1, 2)) - mx**2
    yy = (weight * y**2).sum((1, 2)) - my**2
    xy = (weight * x * y).sum((1, 2)) - mx * my
    trace, spread = xx + yy, np.hypot(xx - yy, 2 * xy)
    answer: Numbers = np.where(trace > 1e-9, spread / np.maximum(trace, 1e-9), 0)
    return answer


def _spectral_centroid(kernels: Numbers) -> Numbers:
    """Return the mean spatial frequency, weighted with the power spectrum, in cycles per tap.

    Of the taps as they are, the mean included, padded with zeros to twice their side. White noise
    and a single tap get .3826 in the limit of large kernels, the mean distance in the unit square.
    """
    k = kernels.shape[-1]
    power = np.abs(np.fft.fft2(kernels, s=(2 * k, 2 * k))) ** 2
    line = np.fft.fftfreq(2 * k)
    total = np.maximum(power.sum((1, 2)), 1e-12)
    centroid: Numbers = (power * np.hypot(line[:, None], line)).sum((1, 2)) / total
    return centroid


def _radial_sign_changes(kernels: Numbers) -> NDArray[np.int64]:
    """Return how often the mean over rings one tap wide changes sign, going out from the middle.

    Rings whose mean is below 5 % of the largest ring's, in absolute value, are passed over; the
    corners beyond k / 2 are left out.
    """
    k = kernels.shape[-1]
    radius = np.hypot(*_grid(k))
    ring = np.where(radius > k / 2, -1, np.floor(radius + 0.5)).astype(int)
    member = np.stack([(ring == r) / (ring == r).sum() for r in np.unique(ring[ring >= 0])])
    means = np.einsum("nij,rij->nr", kernels, member)
    loud = np.abs(means) >= _QUIET * np.abs(means).max(1, initial=0.0, keepdims=True)
    sign = np.where(loud, np.sign(means), 0).astype(np.int64)
    changes = np.zeros(len(kernels), dtype=np.int64)
    last = sign[:, 0].copy()
    for column in sign.T[1:]:
        changes += (column * last) < 0
        last = np.where(column != 0, column, last)
    return changes


def descriptors(kernels: Kernels) -> dict[str, Numbers | NDArray[np.int64]]:
    """Return every descriptor by name, as in `viz.views.kernels.result.DESCRIPTORS`, each (n,).

    DC share: energy in the mean, (sum k)^2 / (k^2 sum k^2). Odd energy: the share that is odd about
    the middle. Separability: the first singular value's share, 1 for a product of row and column.
    """
    n, k = len(kernels), kernels.shape[-1]
    rows = unit_rows(kernels.reshape(n, k * k).astype(np.float64))
    unit, plain = rows.reshape(n, k, k), dict(zip(MEASURES, measures(rows, k).T, strict=True))
    found = {
        "dc_share": plain["constant"] ** 2,
        "odd_energy": plain["odd"],
        "rms_radius": plain["radius"] * (k - 1) / 2,
        "anisotropy": _anisotropy(unit),
        "spectral_centroid": _spectral_centroid(unit),
        "separability": np.linalg.svd(unit, compute_uv=False)[:, 0] ** 2,
    }
    alive = rows.any(1)
    numbers: dict[str, Numbers | NDArray[np.int64]] = {
        name: np.where(alive, values, np.nan) for name, values in found.items()
    }
    return numbers | {"radial_sign_changes": _radial_sign_changes(unit)}
