"""Descriptors of raw taps against formulas written slowly, and kernels whose answer is plain."""

import itertools
import math

import numpy as np
import pytest

from viz.views.kernels import descriptors as measured


@pytest.fixture
def kernels():
    rng = np.random.default_rng(2)
    return rng.standard_normal((6, 5, 5)) + rng.uniform(-1, 1, (6, 1, 1))


def taps(kernel):
    k = len(kernel)
    for row, column in itertools.product(range(k), range(k)):
        yield kernel[row, column], column - (k - 1) / 2, (k - 1) / 2 - row


def test_against_slow_formulas(kernels):
    got = measured.descriptors(kernels)
    for i, kernel in enumerate(kernels):
        energy = sum(w * w for w, _, _ in taps(kernel))
        total = sum(w for w, _, _ in taps(kernel))
        assert got["dc_share"][i] == pytest.approx(total**2 / (25 * energy))
        odd = sum((kernel[r, c] - kernel[4 - r, 4 - c]) ** 2 for r in range(5) for c in range(5))
        assert got["odd_energy"][i] == pytest.approx(odd / (4 * energy))
        radius = math.sqrt(sum(w * w * (x * x + y * y) for w, x, y in taps(kernel)) / energy)
        assert got["rms_radius"][i] == pytest.approx(radius)
        mx = sum(w * w * x for w, x, _ in taps(kernel)) / energy
        my = sum(w * w * y for w, _, y in taps(kernel)) / energy
        xx = sum(w * w * (x - mx) ** 2 for w, x, _ in taps(kernel)) / energy
        yy = sum(w * w * (y - my) ** 2 for w, _, y in taps(kernel)) / energy
        xy = sum(w * w * (x - mx) * (y - my) for w, x, y in taps(kernel)) / energy
        low, high = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
        assert got["anisotropy"][i] == pytest.approx((high - low) / (high + low))
        first = np.linalg.norm(kernel, 2) ** 2
        assert got["separability"][i] == pytest.approx(first / energy)


def test_the_spectral_centroid_against_a_sum_over_waves(kernels):
    kernel, k = kernels[0], 5
    above = below = 0.0
    for u, v in itertools.product(range(-k, k), range(-k, k)):
        wave = sum(
            kernel[r, c] * np.exp(-2j * np.pi * (u * r + v * c) / (2 * k))
            for r in range(k)
            for c in range(k)
        )
        above += abs(wave) ** 2 * math.hypot(u, v) / (2 * k)
        below += abs(wave) ** 2
    assert measured.descriptors(kernels)["spectral_centroid"][0] == pytest.approx(above / below)


def test_signs_change_from_ring_to_ring():
    """cos(pi r / 2) on rings 0, 1, 2, 3, 4 is about 1, 0, -1, 0, 1: two changes."""
    y, x = np.mgrid[-4:5, -4:5]
    distance = np.hypot(x, y)
    bank = np.stack([distance == 0, np.ones((9, 9)), np.cos(np.pi * distance / 2)])
    np.testing.assert_array_equal(measured.descriptors(bank)["radial_sign_changes"], [0, 0, 2])
    rings = np.cos(np.pi * np.floor(distance + 0.5))[None]
    assert measured.descriptors(rings)["radial_sign_changes"].tolist() == [4]


def test_a_kernel_of_zeros_is_undefined_and_quiet():
    got = measured.descriptors(np.zeros((2, 4, 4)))
    assert np.isnan(got["odd_energy"]).all() and np.isnan(got["spectral_centroid"]).all()
