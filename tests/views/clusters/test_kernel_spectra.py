"""Covariance, effective rank, entropy and sparsity of kernels: formulas, published nulls."""

import numpy as np
import pytest

from viz.views.clusters.spectra import kernel_spectra, null_spectrum


@pytest.mark.parametrize(("n", "published"), [(1536, 1.897), (1024, 1.891)])
def test_entropy_of_random_9_by_9_kernels_is_the_published_one(n, published):
    shares, entropy = null_spectrum(n, 9, draws=2)
    assert (entropy / np.log(10)).mean() == pytest.approx(published, abs=0.001)
    assert shares.sum() == pytest.approx(1)


def test_formulas_by_hand(rng):
    """Orthogonal directions of known variance: p = .5, .25, .25."""
    taps = np.zeros((6, 3, 3))
    for i, (row, column, size) in enumerate(((0, 0, np.sqrt(2)), (1, 1, 1), (2, 0, 1))):
        taps[2 * i, row, column], taps[2 * i + 1, row, column] = size, -size
    found = kernel_spectra(taps + 0.3)
    np.testing.assert_allclose(found.eigenvalues[0, :3], [4 / 5, 2 / 5, 2 / 5], rtol=1e-5)
    np.testing.assert_allclose(found.shares[0, :3], [0.5, 0.25, 0.25], rtol=1e-5)
    entropy = 0.5 * np.log(2) + 2 * 0.25 * np.log(4)
    assert found.effective_rank[0] == pytest.approx(np.exp(entropy), rel=1e-4)
    assert found.variance_entropy[0] == pytest.approx(entropy / np.log(10), rel=1e-4)
    first = found.components[0, 0]
    assert first[0, 0] == pytest.approx(1, abs=1e-5)
    assert np.abs(first).sum() == pytest.approx(1, abs=1e-4)


def test_covariance_is_numpys(rng):
    taps, block = rng.normal(size=(50, 3, 3)) * 0.01, np.repeat([4, 1], [30, 20])
    found = kernel_spectra(taps, blocks=block)
    assert found.blocks.tolist() == [1, 4]
    assert found.n_kernels.tolist() == [20, 30]
    for i, b in enumerate((1, 4)):
        expected = np.cov(taps[block == b].reshape(-1, 9).T)
        np.testing.assert_allclose(found.covariance[i], expected, rtol=1e-4, atol=1e-9)
        values = np.sort(np.linalg.eigvalsh(expected))[::-1]
        np.testing.assert_allclose(found.eigenvalues[i], values, rtol=1e-4, atol=1e-10)


def test_effective_rank_has_its_bounds(rng):
    one = rng.normal(size=(1, 5, 5)) * rng.normal(size=(200, 1, 1))
    assert kernel_spectra(one).effective_rank[0] == pytest.approx(1, abs=1e-4)
    even = kernel_spectra(rng.normal(size=(5000, 3, 3)))
    assert 8.9 < even.effective_rank[0] <= 9
    assert even.effective_rank[0] == pytest.approx(even.null_effective_rank[0], abs=0.02)
    assert kernel_spectra(np.ones((4, 3, 3))).effective_rank[0] == 0


def test_few_kernels_are_compared_with_as_few(rng):
    """Twelve kernels span eleven dimensions about their mean, random or not."""
    found = kernel_spectra(rng.uniform(-1, 1, (12, 5, 5)))
    assert found.null_effective_rank[0] < 11
    assert abs(found.effective_rank[0] - found.null_effective_rank[0]) < (
        5 * found.null_effective_rank_sd[0]
    )


def test_sparsity_counts_kernels_below_one_per_cent_of_the_largest():
    taps = np.zeros((10, 3, 3))
    taps[:, 1, 1] = [1.0, -2.0, 0.021, 0.019, -0.019, 0, 0.5, 0.5, -0.021, 1]
    taps[4, 0, 0] = 0.001
    assert kernel_spectra(taps).sparsity[0] == 0.3
    assert kernel_spectra(np.zeros((4, 3, 3))).sparsity[0] == 1
