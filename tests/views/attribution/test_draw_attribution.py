"""Figures of attributions: what the artists hold, and that everything can be read."""

import dataclasses

import explained_networks as nets
import numpy as np
import pytest
from readable import texts, unreadable

from viz.views.attribution import draw as trust
from viz.views.attribution import draw_maps as attribution
from viz.views.attribution.measure import Effort, rate
from viz.views.attribution.result import METHODS, REFERENCES

LITTLE = Effort(n_curve=6, n_subsets=6, n_noise=1, n_stages=4, n_random=2)
FIGURES = (
    (attribution.attribution_figure, attribution.draw_attribution),
    (trust.scores_figure, trust.draw_scores),
)


def drawn(make, draw, result):
    figure = make(result)
    figure.set_dpi(150)  # rendered to measure texts: half the time of 300
    return figure, draw(result, figure)


@pytest.fixture(scope="module")
def rated():
    loaded = nets.checkpoint(nets.busy("relu"), ("ant", "bee", "cat"))
    return rate(loaded, nets.busy_images(2), methods=METHODS, effort=LITTLE, n_steps=4,
                n_samples=2)  # fmt: skip


@pytest.fixture(scope="module")
def harsh():
    """A deep network, a wide image, names that are long and strange, two classes compared."""
    long = "n0123 sulphur-crested cockatoo, Kakatoe galerita, Cacatua galerita"
    classes = (long, long + "$x$", "日本" + long)
    loaded = nets.checkpoint(nets.busy("gelu", depth=20), classes)
    made = rate(loaded, nets.busy_images(2, height=12, width=28), effort=LITTLE, n_steps=2,
                n_samples=2, target="difference")  # fmt: skip
    names = ("a/very/long/folder/of/images/and_a_very_long_file_name_0123456789.jpeg", "b$.png")
    return dataclasses.replace(made, names=names)


@pytest.mark.parametrize(("make", "draw"), FIGURES)
def test_everything_can_be_read(make, draw, rated, harsh):
    for result in (rated, harsh):
        assert unreadable(drawn(make, draw, result)[0]) == []


def test_a_few_maps_lie_over_their_images(rated):
    figure, axes = drawn(*FIGURES[0], rated)
    few = ["smoothgrad", "integrated-gradients", "occlusion", "grad-cam", "edges"]
    assert len(axes["map"]) == 2 * len(few) and len(axes["image"]) == 2
    heads = [one.get_title(loc="left") for one in axes["map"][: len(few)]]
    assert heads == [attribution.method_words(name) for name in few]
    np.testing.assert_array_equal(axes["image"][1].get_images()[0].get_array(), rated.pixels[1])
    for i, name in enumerate(few):
        over = axes["map"][len(few) + i].get_images()[1]
        values = np.concatenate([rated.patches, rated.reference_patches], 1)
        values = values[1, rated.rated.index(name)]
        # The larger a value, the more opaque; red above zero, blue below; each to its own end.
        end = np.percentile(np.abs(values), 99)
        colours = np.asarray(over.get_array())
        np.testing.assert_allclose(colours[..., 3], np.clip(np.abs(values) / end, 0, 1))
        strong = np.abs(values) > 0.2 * end
        redder = colours[..., 0] > colours[..., 2]
        np.testing.assert_array_equal(redder[strong], values[strong] > 0)
        assert over.get_extent() == [0, 4 * values.shape[1], 4 * values.shape[0], 0]
    said = " ".join(t.get_text() for t, _ in texts(figure))
    named = rated.classes[rated.target[1]]
    assert f"“{named}”, {100 * rated.probability[1]:.0f} %" in said
    assert "6 more methods are in the table" in figure.get_label()


def test_only_the_first_images_are_drawn(rated, monkeypatch):
    monkeypatch.setattr(attribution, "MOST_IMAGES", 1)
    assert len(drawn(*FIGURES[0], rated)[1]["image"]) == 1


def test_scores_show_every_image_and_the_mean(rated):
    figure, axes = drawn(*FIGURES[1], rated)
    assert axes[0].get_yticklabels()[0].get_text() == "saliency"
    dots = [line for line in axes[0].get_lines() if line.get_marker() == "o"]
    assert len(dots) == len(METHODS) + len(REFERENCES)
    np.testing.assert_array_equal(dots[3].get_xdata(), rated.insertion_auc[:, 3])
    bars = [line for line in axes[0].get_lines() if line.get_linewidth() == 1.2]
    assert bars[3].get_xdata() == pytest.approx([rated.insertion_auc[:, 3].mean()] * 2)
    gap = [line for line in axes[4].get_lines() if line.get_marker() == "o"]
    assert len(gap) == 4  # the methods that promise completeness
    assert all((line.get_xdata() >= 0).all() for line in gap)
    assert f"max-sensitivity {rated.passes['max-sensitivity']}" in figure.get_label()
