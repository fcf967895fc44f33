"""Clusters: planted ones are found, clouds have none; covariance by formulas; the figures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from described import described

from viz.core.network import Source
from viz.views.clusters import draw, measure
from viz.views.clusters.measure import cluster_checkpoint
from viz.views.clusters.stability import choose, gaussian_like, unit_rows
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """A null of the rank whose spread does not matter."""
    monkeypatch.setattr(measure, "_DRAWS", 4)


@pytest.fixture
def few(monkeypatch):
    """Fewer numbers of clusters than in earnest, for speed."""
    monkeypatch.setattr(measure, "MOST_CLUSTERS", 6)


@pytest.fixture
def least(monkeypatch):
    """As little stability as can be measured, where it does not matter."""
    monkeypatch.setattr(measure, "MOST_CLUSTERS", 2)
    monkeypatch.setattr(measure, "NULL_CLOUDS", 2)


def cluster(taps, blocks=None, names=None, scale=1, **options):
    blocks = np.zeros(len(taps), np.int64) if blocks is None else blocks
    checkpoint = SimpleNamespace(source=Source(name="by hand", sha256="0" * 64))
    told = described(taps, blocks, names)
    return cluster_checkpoint(checkpoint, replace(told, kernels=scale * told.kernels), **options)


def planted(rng, n=120, number=4, noise=0.25):
    """Kernels around orthogonal directions, of any size, and which one each belongs to."""
    centres = np.linalg.qr(rng.normal(size=(9, number)))[0].T
    group = rng.permutation(np.arange(n) % number)
    taps = centres[group] + noise * rng.normal(size=(n, 9)) / 3
    return (taps * rng.lognormal(0, 1, (n, 1))).reshape(n, 3, 3), group


def test_planted_clusters_are_found_in_the_right_number(rng, few):
    taps, group = planted(rng)
    found = cluster(taps, names=np.array(KERNEL_NAMES)[group + 2])
    assert found.n_clusters == 4
    assert found.ami == pytest.approx(1)
    assert found.at_chosen()["stability"] == pytest.approx(1)
    for c in range(4):
        assert len(set(group[found.cluster == c])) == 1
    assert found.tightness.min() > 0.95
    assert found.beyond_null
    assert "have more structure than a Gaussian" in found.sentence()


def test_clouds_have_no_groups(few):
    """Gaussian, round and elongated: k-means cuts them, and it is said that this is nothing."""
    for seed, power in enumerate((0.0, 2.0)):
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.normal(size=(9, 9)))[0]
        taps = (rng.normal(size=(120, 9)) * np.arange(1, 10) ** (-power / 2)) @ axes
        found = cluster(taps.reshape(-1, 3, 3), seed=seed)
        assert not found.beyond_null
        assert found.needed_excess > 0
    assert "have no more structure than a Gaussian" in found.sentence()


def test_a_border_of_zeros_changes_no_answer(rng, least):
    """11 x 11 kernels go through the projection on 81 axes, 9 x 9 kernels do not."""
    centres = np.linalg.qr(rng.normal(size=(81, 4)))[0].T + 1
    taps = (centres[np.arange(60) % 4] + 0.04 * rng.normal(size=(60, 81))).reshape(60, 9, 9)
    bare, framed = (cluster(each, n_clusters=4)
                    for each in (taps, np.pad(taps, [(0, 0), (1, 1), (1, 1)])))  # fmt: skip
    np.testing.assert_array_equal(framed.cluster, bare.cluster)
    np.testing.assert_allclose(framed.stability, bare.stability, atol=1e-6)


def test_polarity_separates_and_size_does_not(rng, least):
    shape = rng.normal(size=(3, 3))
    sizes = rng.lognormal(0, 1, 40)
    taps = shape * sizes[:, None, None] * np.repeat([1, -1], 20)[:, None, None]
    found = cluster(taps, n_clusters=2)
    assert len(set(found.cluster[:20])) == len(set(found.cluster[20:])) == 1
    assert found.cluster[0] != found.cluster[20]
    np.testing.assert_allclose(found.similarity, 1, atol=1e-5)


def test_centres_and_shares_by_loops_and_their_figure(rng, least):
    taps, _ = planted(rng, n=60, noise=1.5)
    taps[7] = 0
    block = rng.integers(0, 3, 60)
    found = cluster(taps, block, np.array(KERNEL_NAMES)[block], n_clusters=3)
    assert found.cluster[7] == -1
    assert np.isnan(found.similarity[7])
    flat = taps.reshape(60, 9)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1), 1e-9)[:, None]
    depth = []
    for c in range(3):
        members = found.cluster == c
        mean = unit[members].mean(0)
        np.testing.assert_allclose(found.centres[c].ravel(), mean, atol=1e-5)
        assert found.tightness[c] == pytest.approx(np.linalg.norm(mean), abs=1e-5)
        depth.append(block[members].mean())
        for b in range(3):
            assert found.counts[b, c] == (members & (block == b)).sum()
            inside = unit[members & (block == b)].mean(0)
            np.testing.assert_allclose(found.centres_by_block[b, c].ravel(), inside, atol=1e-5)
    assert depth == sorted(depth)
    np.testing.assert_allclose(found.composition.sum(1), 1)
    axes = draw.draw_centres(found, draw.centres_figure(found))
    whole, part = (np.array(c.get_segments()) for c in axes.collections[-2:])
    share = np.diff(part[..., 0]).ravel() / np.diff(whole[..., 0]).ravel()
    assert share[:3].sum() == pytest.approx(1)
    np.testing.assert_allclose(share[3:], found.composition.ravel())


def test_the_fewest_clusters_within_an_error_of_the_best_are_chosen():
    tried, se = np.array([2, 3, 4, 5]), np.full(4, 0.02)
    null = np.array([[0.8, 0.5, 0.5, 0.5], [0.8, 0.5, 0.5, 0.5]])
    assert choose(tried, np.array([0.9, 0.95, 0.96, 0.8]), se, null) == 3
    assert choose(tried, np.array([0.9, 0.90, 0.96, 0.8]), se, null) == 4
    # The error of a null that differs from cloud to cloud counts too.
    null = null + np.array([[0.1], [-0.1]])
    assert choose(tried, np.array([0.9, 0.90, 0.96, 0.8]), se, null) == 3


def test_a_cloud_has_the_mean_and_covariance_of_the_data(rng):
    rows = unit_rows(rng.normal(size=(4000, 4)) * [1, 2, 0.5, 1] + [9, 0, 9, 0])
    made = gaussian_like(rows, 1)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(made.mean(0), rows.mean(0), atol=1e-5)
    np.testing.assert_allclose(np.cov(made.T), np.cov(rows.T), atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "n_clusters", "sentence"),
    [(1, 13, "1 to 12"), (0, None, "at least 3 kernels"), (np.nan, 2, "not finite")],
)
def test_impossible_requests_are_refused(rng, scale, n_clusters, sentence):
    taps, _ = planted(rng, n=12)
    with pytest.raises(ValueError, match=sentence):
        cluster(taps, scale=scale, n_clusters=n_clusters)


@pytest.mark.parametrize(("n", "published"), [(1536, 1.897), (1024, 1.891)])
def test_entropy_of_random_9_by_9_kernels_is_the_published_one(n, published):
    assert np.log10(measure.null_rank(n, 9, seed=1)) == pytest.approx(published, abs=0.001)


def test_covariance_rank_and_components_and_their_figure(rng, least):
    taps, block = rng.normal(size=(50, 3, 3)) * 0.01, np.repeat([1, 4], [20, 30])
    # Orthogonal directions of known variance: p = .5, .25, .25.
    taps[block == 1] = 0.3
    for i, (row, column, size) in enumerate(((0, 0, np.sqrt(2)), (1, 1, 1), (2, 0, 1))):
        taps[[2 * i, 2 * i + 1], row, column] += size * np.array([1, -1])
    found = cluster(taps, block, n_clusters=2)
    for i, b in enumerate((1, 4)):
        expected = np.cov(taps[block == b].reshape(-1, 9).T)
        np.testing.assert_allclose(found.covariance[i], expected, rtol=1e-4, atol=1e-9)
    entropy = 0.5 * np.log(2) + 2 * 0.25 * np.log(4)
    assert found.effective_rank[0] == pytest.approx(np.exp(entropy), rel=1e-4)
    assert found.effective_rank[1] == pytest.approx(found.null_effective_rank[1], rel=0.1)
    first = found.components[0, 0]
    assert first[0, 0] == pytest.approx(1, abs=1e-5)
    assert np.abs(first).sum() == pytest.approx(1, abs=1e-4)
    axes = draw.draw_covariance(found, draw.covariance_figure(found))
    for i, matrix in enumerate(axes[::2]):
        image = matrix.images[0]
        np.testing.assert_array_equal(image.get_array(), found.covariance[i])
        low, high = image.get_clim()
        assert low == -high == -np.quantile(np.abs(found.covariance[i]), 0.99)
        assert f"rank {found.effective_rank[i]:.0f}" in matrix.get_title(loc="left")
