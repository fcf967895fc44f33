"""Numbers about a kernel's raw taps that need no name and no picture.

Every function takes kernels (n, k, k) as torch convolves them and returns (n,). Distances are in
taps from the kernel's middle; frequencies in cycles per tap. A kernel whose taps are all zero gets
nan (or 0 changes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Kernels = NDArray[np.floating]
Numbers = NDArray[np.float64]
QUIET = 0.05


def _grid(k: int) -> tuple[Numbers, Numbers]:
    line = np.arange(k) - (k - 1) / 2
    y, x = np.meshgrid(-line, line, indexing="ij")
    return x, y


def _energy(kernels: Kernels) -> Numbers:
    total: Numbers = (np.asarray(kernels, dtype=np.float64) ** 2).sum((1, 2))
    return np.where(total > 0, total, np.nan)


def dc_share(kernels: Kernels) -> Numbers:
    """Return the share of energy in the kernel's mean, (sum k)^2 / (k^2 sum k^2): 0 to 1."""
    total = kernels.sum((1, 2), dtype=np.float64)
    share: Numbers = total**2 / (kernels[0].size * _energy(kernels)) if len(kernels) else total
    return share


def odd_energy(kernels: Kernels) -> Numbers:
    """Return the share of energy that is odd about the middle, |k(u) - k(-u)|^2 / (4 |k|^2)."""
    odd = kernels.astype(np.float64) - kernels[:, ::-1, ::-1]
    share: Numbers = (odd**2).sum((1, 2)) / (4 * _energy(kernels))
    return share


def rms_radius(kernels: Kernels) -> Numbers:
    """Return the root mean square distance from the middle, weighted with the squared taps."""
    x, y = _grid(kernels.shape[-1])
    energy = kernels.astype(np.float64) ** 2
    radius: Numbers = np.sqrt((energy * (x**2 + y**2)).sum((1, 2)) / _energy(kernels))
    return radius


def anisotropy(kernels: Kernels) -> Numbers:
    """Return how elongated the energy is, (l1 - l2) / (l1 + l2), 0 (round) to 1 (a line).

    l1 >= l2 are the eigenvalues of the covariance of position about its own mean, weighted with the
    squared taps. A single tap has none and gets 0.
    """
    x, y = _grid(kernels.shape[-1])
    weight = kernels.astype(np.float64) ** 2 / _energy(kernels)[:, None, None]
    mx, my = (weight * x).sum((1, 2)), (weight * y).sum((1, 2))
    xx = (weight * x**2).sum((1, 2)) - mx**2
    yy = (weight * y**2).sum((1, 2)) - my**2
    xy = (weight * x * y).sum((1, 2)) - mx * my
    trace = xx + yy
    spread = np.hypot(xx - yy, 2 * xy)
    answer: NDArray[np.float64] = np.where(
        trace > 1e-9, spread / np.maximum(trace, 1e-9), trace * 0
    )
    return answer


def spectral_centroid(kernels: Kernels) -> Numbers:
    """Return the mean spatial frequency, weighted with the power spectrum, in cycles per tap.

    Of the taps as they are, the mean included, padded with zeros to twice their side. White noise
    and a single tap get .3826 in the limit of large kernels, the mean distance in the unit square.
    """
    k = kernels.shape[-1]
    power = np.abs(np.fft.rfft2(kernels.astype(np.float64), s=(2 * k, 2 * k))) ** 2
    # Each column but the first and the last stands for its mirror image too.
    power[:, :, 1:k] *= 2
    frequency = np.hypot(np.fft.fftfreq(2 * k)[:, None], np.fft.rfftfreq(2 * k)[None])
    total = power.sum((1, 2))
    centroid: Numbers = (power * frequency).sum((1, 2)) / np.where(total > 0, total, np.nan)
    return centroid


def radial_sign_changes(kernels: Kernels) -> NDArray[np.int64]:
    """Return how often the mean over rings one tap wide changes sign, going out from the middle.

    Rings whose mean is below 5 % of the largest ring's, in absolute value, are passed over; the
    corners beyond k / 2 are left out.
    """
    k = kernels.shape[-1]
    x, y = _grid(k)
    radius = np.hypot(x, y)
    ring = np.floor(radius + 0.5).astype(int)
    ring[radius > k / 2] = -1
    member = np.stack(
        [(ring == r) / (ring == r).sum() for r in range(ring.max() + 1) if (ring == r).any()]
    )
    means = np.einsum("nij,rij->nr", kernels.astype(np.float64), member)
    loud = np.abs(means) >= QUIET * np.abs(means).max(1, initial=0.0, keepdims=True)
    sign = np.where(loud, np.sign(means), 0).astype(np.int64)
    changes = np.zeros(len(kernels), dtype=np.int64)
    last = sign[:, 0].copy()
    for column in sign.T[1:]:
        changes += (column * last) < 0
        last = np.where(column != 0, column, last)
    return changes


def separability(kernels: Kernels) -> Numbers:
    """Return the first singular value's share of the energy: 1 for a product of row and column."""
    values = np.linalg.svd(kernels.astype(np.float64), compute_uv=False)
    share: Numbers = values[:, 0] ** 2 / _energy(kernels)
    return share


def descriptors(kernels: Kernels) -> dict[str, Numbers | NDArray[np.int64]]:
    """Return every descriptor by name, as in `viz.views.kernels.result.DESCRIPTORS`."""
    return {
        "dc_share": dc_share(kernels),
        "odd_energy": odd_energy(kernels),
        "rms_radius": rms_radius(kernels),
        "anisotropy": anisotropy(kernels),
        "spectral_centroid": spectral_centroid(kernels),
        "radial_sign_changes": radial_sign_changes(kernels),
        "separability": separability(kernels),
    }
