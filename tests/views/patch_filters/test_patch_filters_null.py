"""What must fail and what must not: random filters, and filters learned from edges."""

import numpy as np
import planted_patches as planted
import pytest
import torch

from viz.views.patch_filters import measure as module
from viz.views.patch_filters.measure import describe


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def smaller_nulls(monkeypatch):
    """A third of the null's filters: as many as medians and 1 in 200 need, at 14 x 14 slow ones."""
    monkeypatch.setattr(module, "_NULL_FILTERS", 300)
    monkeypatch.setattr(module, "_SMOOTH_MAPS", 60)


@pytest.mark.usefixtures("smaller_nulls")
@pytest.mark.parametrize(("p", "published", "slack"), [(7, 0.28, 0.05), (14, 0.09, 0.02)])
def test_random_filters_keep_their_null(p, published, slack):
    """A weaker search reached .28 and .09; a thorough one finds a little more in noise too."""
    bank = np.random.default_rng(p).standard_normal((64, 3, p, p))
    found = describe(bank)
    assert np.median(found.r2_map) == pytest.approx(published, abs=slack)
    assert np.median(found.null_r2_map) == pytest.approx(published, abs=slack)
    assert (found.r2_map > 0.7).sum() == 0
    assert (found.structure == "noise").mean() >= 0.9
    assert np.median(found.chroma) == pytest.approx(0.66, abs=0.03)


def test_the_null_holds_on_fresh_noise():
    bank = np.random.default_rng(77).standard_normal((800, 1, 7, 7))
    found = describe(bank)
    assert (~np.isin(found.structure, ["noise", "other"])).mean() <= 0.01
    assert len(found.null_r2_map) >= 1000


def test_the_null_does_not_depend_on_the_number_of_channels():
    """The map of a Gaussian filter points anywhere with equal chance, whatever c."""
    bank = np.random.default_rng(0).standard_normal((3, 5, 7, 7))
    five, one = describe(bank), describe(bank[:, :1])
    assert five.null_threshold == pytest.approx(one.null_threshold, abs=0.02)
    assert np.median(five.null_r2_map) == pytest.approx(np.median(one.null_r2_map), abs=0.015)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_patches_too_small_to_tell_are_called_noise(p):
    bank = np.random.default_rng(0).standard_normal((40, 3, p, p))
    assert not np.isin(describe(bank).structure, ["stripes", "edge", "bar", "blob"]).any()


@pytest.mark.usefixtures("smaller_nulls")
@pytest.mark.parametrize("p", [7, 14])
def test_filters_learned_from_dead_leaves_are_gabors_and_from_pink_noise_are_not(p):
    """Positive control: edges, not second moments, make centroids of patches into Gabors."""
    rng = np.random.default_rng(p)
    leaves = np.array([planted.dead_leaves(rng, 160, 1500) for _ in range(4)])
    pink = np.array([planted.pink_noise(rng, 160) for _ in range(4)])
    found = {}
    for name, images in (("leaves", leaves), ("pink", pink)):
        patches = planted.sample_patches(images, p, 1000 * p, rng)
        centroids = planted.whitened_kmeans(patches, 64, rng).reshape(64, p, p)
        found[name] = describe(planted.paint(centroids, planted.GREY))
    assert np.median(found["leaves"].r2_map) > 0.85
    assert np.median(found["pink"].r2_map) < 0.6


def test_smooth_noise_is_no_better_than_the_smooth_null():
    """Blurred noise passes the white null easily, that of its own second moments it does not."""
    rng = np.random.default_rng(8)
    p, n = 7, 150
    row, column = np.mgrid[:p, :p]
    distance = (row.reshape(-1, 1) - row.reshape(1, -1)) ** 2
    distance = distance + (column.reshape(-1, 1) - column.reshape(1, -1)) ** 2
    covariance = np.exp(-distance / (2 * 1.5**2)) + 1e-9 * np.eye(p * p)
    maps = rng.standard_normal((n, p * p)) @ np.linalg.cholesky(covariance).T
    smooth = describe(maps.reshape(n, 1, p, p))
    assert np.median(smooth.r2_map) > smooth.null_threshold
    assert np.median(smooth.r2_map) == pytest.approx(np.median(smooth.smooth_null_r2_map), abs=0.06)
    gabors = planted.gabor_maps(p, **planted.random_gabors(rng, n, p))
    planned = describe(planted.add_noise(gabors[:, None], 15, rng))
    assert np.median(planned.r2_map) > np.median(planned.smooth_null_r2_map) + 0.3
