"""Controls against the formulas, written slowly."""

import numpy as np
import pytest

from viz.views.substitution import banks as kernel_banks


@pytest.fixture
def filters(rng):
    smooth = rng.standard_normal((30, 1, 5, 5)).cumsum(2).cumsum(3)
    return (smooth + rng.standard_normal((30, 1, 1, 1))).astype(np.float32)


GROUP = np.repeat([0, 1], [18, 12])


def test_components_are_those_of_the_covariance(filters):
    counts = np.arange(30) % 7
    made = kernel_banks.principal_components(filters, counts, GROUP)
    for g in (0, 1):
        rows = np.flatnonzero(group_rows := g == GROUP)
        flat = filters[group_rows].reshape(len(rows), 25).astype(float)
        mean = flat.mean(0)
        values, vectors = np.linalg.eigh(np.cov(flat.T))
        order = np.argsort(-values)
        for i, row in enumerate(rows):
            slow = mean.copy()
            for j in order[: counts[row]]:
                slow += ((flat[i] - mean) @ vectors[:, j]) * vectors[:, j]
            np.testing.assert_allclose(made[row].ravel(), slow, atol=1e-4)


def cosine_basis(k):
    u, x = np.meshgrid(np.arange(k), np.arange(k), indexing="ij")
    rows = np.cos(np.pi * (2 * x + 1) * u / (2 * k)) * np.sqrt(2 / k)
    rows[0] /= np.sqrt(2)
    return rows


def test_dct_keeps_the_largest(filters):
    counts = 1 + np.arange(30) % 9
    made = kernel_banks.dct_largest(filters, counts)
    basis = cosine_basis(5)
    for i in range(30):
        pictures = [np.outer(basis[u], basis[v]) for u in range(5) for v in range(5)]
        weights = np.array([(filters[i, 0] * p).sum() for p in pictures])
        keep = np.argsort(-np.abs(weights))[: counts[i]]
        slow = sum(weights[j] * pictures[j] for j in keep)
        np.testing.assert_allclose(made[i, 0], slow, atol=1e-4)


def test_noise_has_the_same_mean_and_norm(rng):
    filters = rng.standard_normal((20, 3, 5, 5)).astype(np.float32) + 0.3
    made = kernel_banks.random_like(filters, np.random.default_rng(5))
    np.testing.assert_allclose(made.mean((2, 3)), filters.mean((2, 3)), atol=1e-6)
    for new, old in zip(made, filters, strict=True):
        assert np.linalg.norm(new) == pytest.approx(np.linalg.norm(old), rel=1e-5)
    flat = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(made, filters, strict=True)]
    assert np.abs(flat).max() < 0.6
