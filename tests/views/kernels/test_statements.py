"""What is said of ConvMixers' kernels, on kernels drawn by hand and against loops."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from viz.views.kernels.chance import random_init
from viz.views.kernels.matching import match, unit_rows
from viz.views.kernels.pictures import KINDS, bank
from viz.views.kernels.result import STATEMENT_R2, STATEMENTS
from viz.views.kernels.statements import (
    above_chance,
    explained,
    fresh_energies,
)

K = 9
Y, X = np.mgrid[:K, :K] - (K - 1) / 2
FAR = np.hypot(X, Y)
CENTRE = np.exp(-(FAR**2) / 2) - 0.25 * np.exp(-(FAR**2) / 18)
HALVES = np.sign(X * np.cos(0.4) + Y * np.sin(0.4))
RING = np.exp(-((FAR - 2.5) ** 2) / 0.8)
TAP = np.where(FAR == 0, 1.0, -0.03)
LIT_TAP = np.where(FAR == 0, 1.0, 0.03)
DRAWN = np.stack([CENTRE, HALVES, RING, TAP, LIT_TAP])
#        centre, halves, ring, late; a wide surround closes a ring, that of a lone tap does not
TRUE = np.array([[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], bool)


def measured(kernels):
    rows = unit_rows(np.asarray(kernels, np.float64).reshape(len(kernels), -1))
    told = explained(match(rows, bank(K)), rows, K)
    told["late_r2"] = np.maximum(told["halves_r2"], told["ring_r2"])
    return np.stack([told[name] for name in STATEMENTS], 1)


def test_statements_are_true_of_kernels_drawn_so():
    np.testing.assert_array_equal(measured(DRAWN) >= STATEMENT_R2, TRUE)


def test_polarity_matters_to_a_centre_and_not_to_halves_and_rings():
    opposite = measured(-DRAWN)
    assert not (opposite[[0, 3], 0] >= STATEMENT_R2).any()
    np.testing.assert_allclose(opposite[1, 1], measured(DRAWN)[1, 1], rtol=1e-5)
    assert opposite[2, 2] == pytest.approx(measured(DRAWN)[2, 2], rel=1e-5)


def test_the_share_of_energy_is_a_regression_on_every_picture(rng):
    """Least squares on each picture alone, written slowly."""
    kernels = rng.normal(size=(3, K * K)) + DRAWN[:3].reshape(3, -1)
    pictures = bank(K).pictures.double().numpy()
    got = measured(kernels.reshape(3, K, K))
    for kernel, row in zip(kernels, got, strict=True):
        factor = pictures @ kernel / (pictures**2).sum(1)
        left = ((kernel - factor[:, None] * pictures) ** 2).sum(1)
        share = 1 - left / (kernel**2).sum()
        by_kind = {name: (share[there], factor[there], pictures[there])
                   for name, there in zip(KINDS, bank(K).slices(), strict=True)}  # fmt: skip
        halves = max(by_kind["half"][0].max(), by_kind["pair"][0].max())
        centre = 0.0
        for name in ("centre", "identity"):
            shares, factors, drawn = by_kind[name]
            best = shares.argmax()
            inside = drawn[best] > 0 if name == "centre" else np.arange(K * K) == K * K // 2
            negative = factors[best] < 0 and name == "centre"
            if not negative and kernel[inside].sum() > 0 > kernel[~inside].sum():
                centre = max(centre, shares[best])
        ring = by_kind["ring"][0].max()
        expected = {
            "centre_r2": centre,
            "halves_r2": halves,
            "ring_r2": ring,
            "late_r2": max(halves, ring),
        }
        np.testing.assert_allclose(row, [expected[name] for name in STATEMENTS], atol=1e-5)


def test_random_kernels_are_none_of_it():
    energy = fresh_energies(2000, K, 3)
    assert energy.shape == (2000, 4)
    assert (energy >= STATEMENT_R2).mean(0).max() < 0.005
    np.testing.assert_allclose(measured(random_init(2000, K, 3)), energy, atol=1e-6)


def test_more_than_chance_is_fishers(rng):
    group, fresh = rng.uniform(size=(2, 40, 4)) < 0.3, rng.uniform(size=(2, 100, 4)) < 0.2
    p = above_chance(group, fresh)
    for t in range(2):
        for c in range(4):
            a, b = group[t, :, c].sum(), fresh[t, :, c].sum()
            table = [[a, 40 - a], [b, 100 - b]]
            assert p[t, c] == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
