"""What must fail and what must not: random filters, and filters learned from edges."""

import numpy as np
import planted_patches as planted
import pytest

from viz.views.patch_filters import measure as module
from viz.views.patch_filters.measure import describe


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
