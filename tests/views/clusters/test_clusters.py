"""Clusters: planted ones are found, clouds have none, agreement by hand, the same every time."""

import json
from math import comb

import numpy as np
import pytest

from viz.views.clusters import measure as module
from viz.views.clusters.measure import cluster, cluster_checkpoint, summary
from viz.views.clusters.result import Clusters
from viz.views.clusters.stability import Curve, choose, gaussian_like, unit_rows
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer numbers of clusters than in earnest, for speed."""
    monkeypatch.setattr(module, "MOST_CLUSTERS", 6)


def planted(rng, n=120, number=4, noise=0.25):
    """Kernels around orthogonal directions, of any size, and which one each belongs to."""
    centres = np.linalg.qr(rng.normal(size=(9, number)))[0].T
    group = rng.permutation(np.arange(n) % number)
    taps = centres[group] + noise * rng.normal(size=(n, 9)) / 3
    return (taps * rng.lognormal(0, 1, (n, 1))).reshape(n, 3, 3), group


def slow_ari(a, b):
    """Hubert and Arabie's index from the contingency table."""
    table = np.array([[np.sum((a == i) & (b == j)) for j in set(b)] for i in set(a)])
    together = sum(comb(int(x), 2) for x in table.ravel())
    rows, columns = (sum(comb(int(x), 2) for x in table.sum(axis)) for axis in (1, 0))
    expected = rows * columns / comb(len(a), 2)
    return (together - expected) / ((rows + columns) / 2 - expected)


def test_planted_clusters_are_found_in_the_right_number(rng):
    taps, group = planted(rng)
    found = cluster(taps, names=np.array(KERNEL_NAMES)[group + 2])
    assert found.n_clusters == 4
    assert found.ari == pytest.approx(1)
    assert found.at_chosen()["stability"] == pytest.approx(1)
    for c in range(4):
        assert len(set(group[found.cluster == c])) == 1
    assert found.tightness.min() > 0.95


def test_planted_clusters_have_more_structure_than_a_gaussian(rng):
    found = cluster(planted(rng, noise=0.5)[0])
    assert found.n_clusters == 4
    assert found.beyond_null
    assert "have more structure than a Gaussian" in found.sentence()


def test_clouds_have_no_groups():
    """Gaussian, round and elongated: k-means cuts them, and it is said that this is nothing."""
    claimed = []
    for seed, power in enumerate((0.0, 1.0, 2.0)):
        rng = np.random.default_rng(seed)
        spread = np.arange(1, 10) ** (-power / 2)
        axes = np.linalg.qr(rng.normal(size=(9, 9)))[0]
        taps = (rng.normal(size=(120, 9)) * spread) @ axes
        found = cluster(taps.reshape(-1, 3, 3), seed=seed)
        claimed.append(found.beyond_null)
        assert found.needed_excess > 0
    assert not any(claimed)
    assert "have no more structure than a Gaussian" in found.sentence()


def test_a_border_of_zeros_changes_no_answer(rng):
    """11 x 11 kernels go through the projection on 81 axes, 9 x 9 kernels do not."""
    centres = np.linalg.qr(rng.normal(size=(81, 4)))[0].T + 1
    taps = (centres[np.arange(60) % 4] + 0.04 * rng.normal(size=(60, 81))).reshape(60, 9, 9)
    bare, framed = (cluster(each) for each in (taps, np.pad(taps, [(0, 0), (1, 1), (1, 1)])))
    assert framed.n_clusters == bare.n_clusters == 4
    assert framed.beyond_null and bare.beyond_null
    np.testing.assert_allclose(framed.stability, bare.stability, atol=1e-6)
    # The clouds are drawn along axes of other signs: the same but for the draw.
    np.testing.assert_allclose(framed.null_stability, bare.null_stability, atol=0.08)
    assert framed.median_excess == pytest.approx(bare.median_excess, abs=0.06)


def test_polarity_separates_and_size_does_not(rng):
    shape = rng.normal(size=(3, 3))
    sizes = rng.lognormal(0, 1, 40)
    taps = shape * sizes[:, None, None] * np.repeat([1, -1], 20)[:, None, None]
    found = cluster(taps, n_clusters=2, n_bootstraps=0)
    assert len(set(found.cluster[:20])) == len(set(found.cluster[20:])) == 1
    assert found.cluster[0] != found.cluster[20]
    np.testing.assert_allclose(found.similarity, 1, atol=1e-5)
    assert np.isnan(found.stability).all()
    assert np.isnan(found.null_stability).all()
    assert not found.beyond_null
    assert summary(found)["beyond_null"] is None


def test_centres_and_shares_by_loops(rng):
    taps, _ = planted(rng, n=60, noise=1.5)
    taps[7] = 0
    block = rng.integers(0, 3, 60)
    found = cluster(taps, blocks=block, n_clusters=3, n_bootstraps=0)
    assert found.cluster[7] == -1
    assert np.isnan(found.similarity[7])
    unit = (
        taps.reshape(60, 9) / np.maximum(np.linalg.norm(taps.reshape(60, 9), axis=1), 1e-9)[:, None]
    )
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
    expected = found.counts / found.counts.sum(1, keepdims=True)
    np.testing.assert_allclose(found.composition, expected)


def test_agreement_by_hand(rng):
    taps, _ = planted(rng, noise=2.0)
    names = np.array(KERNEL_NAMES)[rng.integers(11, 14, 120)]
    found = cluster(taps, names=names, n_clusters=3, n_bootstraps=0)
    assert found.ari == pytest.approx(slow_ari(names, found.cluster))
    named = names != "unnamed"
    assert found.ari_classified == pytest.approx(slow_ari(names[named], found.cluster[named]))
    assert found.confusion_names == tuple(KERNEL_NAMES[11:])
    for i, name in enumerate(found.confusion_names):
        for c in range(3):
            assert found.confusion[i, c] == np.sum((names == name) & (found.cluster == c))


def test_the_fewest_clusters_within_an_error_of_the_best_are_chosen():
    tried, se = np.array([2, 3, 4, 5]), np.full(4, 0.02)
    null = np.array([[0.8, 0.5, 0.5, 0.5], [0.8, 0.5, 0.5, 0.5]])
    assert choose(Curve(tried, np.array([0.9, 0.95, 0.96, 0.8]), se), null) == 3
    assert choose(Curve(tried, np.array([0.9, 0.90, 0.96, 0.8]), se), null) == 4
    # The error of a null that differs from cloud to cloud counts too.
    null = null + np.array([[0.1], [-0.1]])
    assert choose(Curve(tried, np.array([0.9, 0.90, 0.96, 0.8]), se), null) == 3


def test_a_cloud_has_the_mean_and_covariance_of_the_data(rng):
    rows = unit_rows(rng.normal(size=(4000, 4)) * [1, 2, 0.5, 1] + [9, 0, 9, 0])
    made = gaussian_like(rows, 1)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(made.mean(0), rows.mean(0), atol=1e-5)
    np.testing.assert_allclose(np.cov(made.T), np.cov(rows.T), atol=1e-5)


def test_scaling_to_unit_norm_does_not_flatten_the_null(rng):
    """A cloud along one axis keeps the share of its first eigenvalue."""
    rows = unit_rows(rng.normal(size=(600, 9)) * [4, *[1] * 8])
    shares = []
    for each in (rows, gaussian_like(rows, 0)):
        values = np.linalg.eigvalsh(np.cov(each.T))
        shares.append(values[-1] / values.sum())
    assert shares[0] > 0.4
    assert shares[1] == pytest.approx(shares[0], abs=1e-3)


def test_the_same_seed_gives_the_same(rng, tmp_path):
    taps, _ = planted(rng, n=40)
    found, again, other = (cluster(taps, seed=s, n_clusters=3, n_bootstraps=0) for s in (1, 1, 2))
    assert found == again
    assert found != other
    assert Clusters.load(found.save(tmp_path / "a.npz")) == found
    json.dumps(summary(found), allow_nan=False)
    assert len(found.to_frame()) == 40


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"names": ["edge"]}, "one name per kernel"),
        ({"names": ["wavy"] * 12}, "'wavy' is not one"),
        ({"n_clusters": 13}, "1 to 12"),
        ({"n_bootstraps": 2}, "at least 3"),
        ({"channels": [1]}, "one per kernel"),
    ],
)
def test_impossible_requests_are_refused(rng, options, sentence):
    taps, _ = planted(rng, n=12)
    with pytest.raises(ValueError, match=sentence):
        cluster(taps, **(options if "n_bootstraps" in options else {"n_clusters": 2, **options}))
    with pytest.raises(ValueError, match="at least 3 kernels"):
        cluster(np.zeros((5, 3, 3)))


def test_a_network_is_clustered_with_the_names_of_its_description(small):
    kernels = np.concatenate([small.model.depthwise_kernels(b).detach().numpy() for b in range(3)])
    from described import described

    names = np.array(KERNEL_NAMES)[np.arange(48) % 3]
    told = described(kernels, np.repeat(np.arange(3), 16), names)
    found = cluster_checkpoint(small, description=told, n_clusters=2, n_bootstraps=0)
    assert found.name.tolist() == names.tolist()
    assert found.block.tolist() == np.repeat(np.arange(3), 16).tolist()
    assert found.channel.tolist() == list(range(16)) * 3
    assert found.source.sha256 == small.source.sha256
