"""What the figure of one filter holds."""

import numpy as np
import pytest
from readable import unreadable

from viz.core.network import Source
from viz.plot.mosaic import rgb_tiles
from viz.views.one_filter.draw import draw_filter, filter_figure
from viz.views.one_filter.result import FilterFit


@pytest.mark.parametrize("channels", [1, 3])
def test_filter_is_fit_and_residual(channels, rng):
    weights = rng.normal(size=(channels, 5, 5)).astype(np.float32)
    fitted = (0.5 * weights).astype(np.float32)
    found = FilterFit(
        source=Source("a-long-name-of-a-checkpoint-file.safetensors", "0"), channel=1535,
        filter_kind="coloured edge", filter_weights=weights, fitted=fitted,
        colour_axis=np.full(channels, channels**-0.5), map=weights[0], fitted_map=fitted[0],
        r2=0.75, r2_map=0.7, threshold=0.5, kind_share=0.1, names=(), values=np.zeros(0),
        percentile=np.zeros(0), median=np.zeros(0),
    )  # fmt: skip
    figure = filter_figure(found)
    axes = draw_filter(found, figure)
    assert unreadable(figure) == []
    assert len(axes) == (6 if channels == 3 else 3)
    whole, fit, rest = (one.get_images()[0] for one in axes[-3:])
    for shown, values in ((whole, found.map), (fit, found.fitted_map)):
        np.testing.assert_array_equal(shown.get_array(), values)
    np.testing.assert_allclose(rest.get_array(), found.map - found.fitted_map, atol=1e-6)
    largest = np.abs(found.map).max()
    for image in (whole, fit, rest):
        assert image.get_clim() == (pytest.approx(-largest), pytest.approx(largest))
    if channels == 3:
        limit = np.array([np.abs(weights).max()])
        for one, values in zip(axes, (weights, fitted, weights - fitted), strict=False):
            tile = np.asarray(one.get_images()[0].get_array())
            np.testing.assert_array_equal(tile, rgb_tiles(values[None], limit)[0])
