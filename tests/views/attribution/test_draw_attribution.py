"""Figures of attributions: what the artists hold, and that everything can be read."""

import explained_networks as nets
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from viz.plot.style import SIGNED
from viz.views.attribution import draw as trust
from viz.views.attribution import draw_maps as attribution
from viz.views.attribution.maps_result import METHODS
from viz.views.attribution.measure import Effort, rate

LITTLE = Effort(n_curve=6, n_subsets=6, n_noise=1, n_stages=4, n_random=2)
FIGURES = (
    (attribution.attribution_figure, attribution.draw_attribution),
    (attribution.pixels_figure, attribution.draw_pixels),
    (trust.scores_figure, trust.draw_scores),
    (trust.randomisation_figure, trust.draw_randomisation),
)


def drawn(make, draw, result, *more):
    figure = make(result, *more)
    figure.set_dpi(150)  # rendered to measure texts: half the time of 300
    return figure, draw(result, figure, *more)


@pytest.fixture(scope="module")
def rated():
    loaded = nets.checkpoint(nets.busy("relu"), ("ant", "bee", "cat"))
    return rate(loaded, nets.busy_images(2), methods=METHODS, effort=LITTLE, n_steps=4,
                n_samples=2)  # fmt: skip


def test_maps_share_one_symmetric_scale_that_is_written(rated):
    _, axes = drawn(*FIGURES[0], rated)
    images = [a.get_images()[0] for a in axes["map"]]
    assert len(images) == 2 * 12 and len(axes["image"]) == 2
    limits = {i.get_clim() for i in images}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high and high > 0
    assert all(i.get_cmap() == SIGNED for i in images)
    shares = 100 * rated.patches[1, 3] / np.abs(rated.patches[1, 3]).sum()
    np.testing.assert_allclose(images[12 + 3].get_array(), shares)
    edges = 100 * rated.reference_patches[1, 1] / rated.reference_patches[1, 1].sum()
    np.testing.assert_allclose(images[12 + 11].get_array(), edges)
    every = np.abs(np.stack([i.get_array() for i in images]))
    assert (every > high).mean() <= 0.006
    ticks = [t.get_text() for t in axes["bar"][0].get_xticklabels()]
    assert ticks == [f"−{high:.2g}", "0", f"{high:.2g}"]
    assert float(ticks[2]) == pytest.approx(high, rel=1e-9)
    np.testing.assert_array_equal(axes["image"][1].get_images()[0].get_array(), rated.pixels[1])


def test_raw_maps_keep_their_sign_on_one_scale(rated):
    _, axes = drawn(*FIGURES[1], rated)
    assert len(axes) == 2 * 8 + 1
    images = [a.get_images()[0] for a in axes[:-1]]
    maps = [i for n, i in enumerate(images) if n % 8]
    assert len({i.get_clim() for i in maps}) == 1
    summed = rated.raw[1, 0].sum(0, dtype=float)
    np.testing.assert_allclose(images[9].get_array(), 100 * summed / np.abs(summed).sum())
    assert images[9].get_array().min() < 0 < images[9].get_array().max()


def test_scores_show_every_image_and_the_mean(rated):
    _, axes = drawn(*FIGURES[2], rated)
    assert axes[0].get_yticklabels()[0].get_text() == "saliency"
    dots = [line for line in axes[0].get_lines() if line.get_marker() == "o"]
    assert len(dots) == 12
    np.testing.assert_array_equal(dots[3].get_xdata(), rated.insertion_auc[:, 3])
    assert f"{rated.insertion_auc[:, 3].mean():.2f}" in [t.get_text() for t in axes[0].texts]
    gap = [line for line in axes[4].get_lines() if line.get_marker() == "o"]
    assert len(gap) == 4  # the methods that promise completeness
    assert all((line.get_xdata() >= 0).all() for line in gap)
    assert to_rgba(dots[0].get_color()) != to_rgba(dots[-1].get_color())


def test_randomisation_by_stage(rated):
    _, axes = drawn(*FIGURES[3], rated)
    assert len(axes) == 12
    mean = axes[5].get_lines()[-1]
    np.testing.assert_allclose(mean.get_ydata(), rated.rank_correlation[:, 5].mean(0))
    assert axes[11].get_lines()[-1].get_ydata() == pytest.approx(1)
    labels = [t.get_text() for t in axes[-1].get_xticklabels()]
    assert labels == ["head", "block 1", "block 0", "embedding"]
