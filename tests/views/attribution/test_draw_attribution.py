"""Figures of attributions: what the artists hold."""

import explained_networks as nets
import numpy as np
import pytest
from readable import texts

from viz.views.attribution import draw as trust
from viz.views.attribution import draw_maps as attribution
from viz.views.attribution.measure import Effort, rate
from viz.views.attribution.result import METHODS, REFERENCES

LITTLE = Effort(n_curve=6, n_subsets=6, n_noise=1, n_stages=4, n_random=2)


@pytest.fixture(scope="module")
def rated():
    loaded = nets.checkpoint(nets.busy("relu"), ("ant", "bee", "cat"))
    return rate(loaded, nets.busy_images(2), methods=METHODS, effort=LITTLE, n_steps=4,
                n_samples=2)  # fmt: skip


def test_a_few_maps_lie_over_their_images(rated):
    figure = attribution.attribution_figure(rated)
    axes = attribution.draw_attribution(rated, figure)
    few = attribution._methods(rated)
    # What the finding names is drawn, with the number that it gives.
    margin = (rated.insertion_auc - rated.deletion_auc)[:, : len(METHODS)]
    named = {METHODS[find(row)] for row in margin for find in (np.argmin, np.argmax)}
    assert named <= set(few) and few[-1] == "edges" and len(few) == max(4, len(named)) + 1
    assert all(f"({attribution.method_words(name)})" in rated.sentence() for name in named)
    assert len(axes["map"]) == 2 * len(few) and len(axes["image"]) == 2
    heads = [one.get_title(loc="left") for one in axes["map"][: len(few)]]
    assert heads == [attribution.method_words(name).replace(" ", "\n", 1) for name in few]
    shown = [float(one.texts[0].get_text().replace("−", "-")) for one in axes["map"]]
    every = (rated.insertion_auc - rated.deletion_auc)[:, [rated.rated.index(m) for m in few]]
    np.testing.assert_allclose(shown, every.ravel(), atol=0.0051)
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
    assert f"{len(METHODS) - len(few) + 1} more methods are in the table" in figure.get_label()


def test_scores_show_every_image_and_the_mean(rated):
    axes = trust.draw_scores(rated, trust.scores_figure(rated))
    assert axes[0].get_yticklabels()[0].get_text() == "saliency"
    dots = [line for line in axes[0].get_lines() if line.get_marker() == "o"]
    assert len(dots) == len(METHODS) + len(REFERENCES)
    np.testing.assert_array_equal(dots[3].get_xdata(), rated.insertion_auc[:, 3])
    bars = [line for line in axes[0].get_lines() if line.get_linewidth() == 1.2]
    assert bars[3].get_xdata() == pytest.approx([rated.insertion_auc[:, 3].mean()] * 2)
