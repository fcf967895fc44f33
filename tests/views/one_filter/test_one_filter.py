"""One filter out of its bank's description: a planted Gabor, slow percentiles."""

import numpy as np
import pytest

from viz.views.one_filter.measure import filter_fit
from viz.views.one_filter.result import FilterFit
from viz.views.patch_filters.measure import describe


@pytest.fixture(scope="module")
def bank():
    """Eight noisy filters; the third is a vertical grey Gabor, dark in the middle."""
    rng = np.random.default_rng(0)
    filters = 0.3 * rng.normal(size=(8, 3, 7, 7)).astype(np.float32)
    y, x = np.mgrid[-3:4, -3:4]
    gabor = -np.exp(-(x**2 + y**2) / (2 * 2.0**2)) * np.cos(2 * np.pi * 0.2 * x)
    filters[2] = gabor[None] / np.sqrt(3)
    return describe(filters)


def test_a_planted_gabor(bank):
    found = filter_fit(bank, channel=2)
    assert found.filter_kind in ("grey stripes", "grey bar")
    np.testing.assert_allclose(np.abs(found.colour_axis), 1 / np.sqrt(3), atol=1e-3)
    np.testing.assert_allclose(found.fitted, found.filter_weights, atol=0.02)
    assert np.abs(found.residual).max() < 0.02
    assert found.r2 > 0.99 and found.r2_map > found.threshold
    value = dict(zip(found.names, found.values, strict=True))
    assert value["orientation"] == pytest.approx(90, abs=2)
    assert value["frequency"] == pytest.approx(0.2, abs=0.01)
    assert found.kind_share == np.mean(
        (bank.structure == bank.structure[2]) & (bank.colour == "grey")
    )
    # The map is the filter along the axis, and the fit the axis times the Gabor.
    along = np.tensordot(found.colour_axis, found.filter_weights, 1)
    np.testing.assert_allclose(found.map, along, atol=1e-6)
    back = found.colour_axis[:, None, None] * found.fitted_map
    np.testing.assert_allclose(found.fitted, back, atol=1e-6)


def test_nothing_there_and_saved(bank, tmp_path):
    with pytest.raises(IndexError, match="no patch filter 8: they are 0 to 7"):
        filter_fit(bank, channel=8)
    found = filter_fit(bank, channel=0)
    assert FilterFit.load(found.save(tmp_path / "fit.npz")) == found
