"""What the feature-map figures hold: data, places in pixels, one scale, words that do not meet."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import viz
from viz.images.sets import open_images
from viz.plot.overlay import laid_over
from viz.plot.style import new_figure
from viz.views.feature_maps.draw import COLUMNS, draw_maps, map_limits, maps_figure
from viz.views.feature_maps.draw_depth import draw_depth
from viz.views.feature_maps.draw_patches import answer_limit, draw_patches, patches_figure
from viz.views.feature_maps.measure import feature_maps


@pytest.fixture(scope="module")
def result(small_file):
    """Two images of 35 x 33 pixels, so that the patches leave some over; three channels."""
    checkpoint = viz.load(small_file)
    inputs = torch.randn(3, 3, 35, 33, generator=torch.Generator().manual_seed(0))
    return feature_maps(
        checkpoint, open_images(inputs, checkpoint.preprocessing), block=1, channels=[5, 0, 9]
    )


def drawn(axes):
    """The signed maps of a figure: values, corner and size, colour limits."""
    for image in axes.images:
        values = np.asarray(image.get_array())
        if values.ndim == 2:
            left, right, bottom, top = image.get_extent()
            yield values, (left, top), (right - left, bottom - top), image.get_clim()


@pytest.mark.parametrize("scale", ["figure", "stage"])
def test_each_map_stands_on_its_pixels_in_its_colours(result, scale):
    figure = maps_figure(result)
    axes, limits = draw_maps(result, figure, scale=scale), map_limits(result, scale)
    maps = list(drawn(axes))
    photographs = [i for i in axes.images if np.asarray(i.get_array()).shape == (35, 33, 3)]
    left, right, bottom, top = photographs[0].get_extent()
    pixel = (right - left) / 33
    assert bottom - top == pytest.approx(35 * pixel)
    names = [name for name in COLUMNS if name not in ("kernel", "depthwise_norm")]
    for name in names:
        for image, channel in np.ndindex(2, 3):
            values = result.of(name)[image, channel]
            ((corner, size, clim),) = (rest for v, *rest in maps if np.array_equal(v, values))
            # 8 x 8 tokens of 4 pixels; the last 3 and 1 pixels belong to no patch.
            assert size == pytest.approx((32 * pixel, 32 * pixel))
            assert clim == pytest.approx((-limits[name], limits[name]))
            if channel == image == 0:
                assert corner[1] == pytest.approx(top)
    largest = np.abs(result.kernels).max()
    assert sum(clim == pytest.approx((-largest, largest)) for *_, clim in maps) >= 6
    every = [result.of(name) for name in COLUMNS if name != "kernel"]
    if scale == "figure":
        assert limits["residual"] == pytest.approx(np.quantile(np.abs(every), 0.99), rel=1e-5)
    else:
        wanted = np.quantile(np.abs(result.of("residual")), 0.99)
        assert limits["residual"] == pytest.approx(wanted, rel=1e-5)
    assert len(figure.axes) == (3 if scale == "figure" else 7)
    assert "kernel of\nblock 1" in [text.get_text() for text in axes.texts]


def test_over_the_image_strength_is_opacity(result):
    axes, limit = draw_maps(result, maps_figure(result)), map_limits(result)["depthwise_norm"]
    laid = [np.asarray(i.get_array()) for i in axes.images if i.get_array().shape == (8, 8, 4)]
    assert len(laid) == 6
    for row, colours in enumerate(laid):
        values = result.of("depthwise_norm")[divmod(row, 3)]
        np.testing.assert_allclose(colours, laid_over(values, limit), atol=1e-6)


def test_answers_stand_at_the_middle_of_their_windows(result):
    axes, limit = draw_patches(result, patches_figure(result)), answer_limit(result)
    assert limit == pytest.approx(np.quantile(np.abs(result.answers), 0.995), rel=1e-5)
    left, right, *_ = axes.images[0].get_extent()
    pixel = 2 * (right - left) / 33  # photographs are half as large
    maps = list(drawn(axes))
    assert len(maps) == 2 * 2 * len(result.filter) == 12
    for i, (row, image) in enumerate(np.ndindex(3, 2)):
        for (values, corner, size, clim), wanted, first in (
            (maps[2 * i], result.answers[image, row], 1.5),
            (maps[2 * i + 1], result.tokens[image, row], 0),
        ):
            np.testing.assert_array_equal(values, wanted)
            assert clim == pytest.approx((-limit, limit))
            # 30 answers across from 33 pixels, 4 wide: the first window's middle is pixel 1.5.
            assert size[0] == pytest.approx(pixel * (30 if first else 32))
            if row == image == 0 and first:
                assert corner[0] == pytest.approx(left + 1.5 * pixel)


@pytest.mark.parametrize("factor", [0, np.nan])
def test_dead_and_broken_results_can_be_drawn(result, factor):
    names = ("maps", "kernels", "answers", "rank", "off", "kept_energy")
    odd = replace(result, **{name: getattr(result, name) * factor for name in names})
    for figure, draw in (
        (maps_figure(odd), draw_maps),
        (new_figure(7, 2.5), draw_depth),
        (patches_figure(odd), draw_patches),
    ):
        draw(odd, figure)
        figure.draw_without_rendering()
