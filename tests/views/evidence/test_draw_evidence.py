"""What the figures of the evidence hold: data, one symmetric scale, words in print, no names."""

import numpy as np
import pytest
import torch

from viz.images.sets import ImageSet
from viz.plot.millimetres import common_limit
from viz.plot.overlay import laid_over
from viz.plot.style import SIGNED
from viz.views.evidence.draw import (
    ablation_figure,
    channels_figure,
    classes_figure,
    maps_figure,
)
from viz.views.evidence.measure import evidence


def measured(small_file, n):
    """Images of 35 x 33 pixels in class folders, so that the patches leave some over."""
    import viz

    checkpoint = viz.load(small_file)
    inputs = torch.randn(n, 3, 35, 33, generator=torch.Generator().manual_seed(0))
    names = [f"{('bee', 'cat', 'dog')[i % 3]}/{i}.png" for i in range(n)]
    entries = list(zip(names, inputs, strict=True))
    return evidence(checkpoint, ImageSet(entries, checkpoint.preprocessing), n_draws=20)


@pytest.fixture(scope="module")
def result(small_file):
    return measured(small_file, 9)


def overlays(axes):
    """Images with an opacity of their own: the maps."""
    return [i for i in axes.images if np.ndim(i.get_array()) == 3 and i.get_array().shape[2] == 4]


def test_maps_stand_on_their_pixels_under_one_scale(result):
    figure = maps_figure(result)
    axes = figure.axes[0]
    drawn = overlays(axes)
    assert len(drawn) == 2 * 4
    wanted = []
    for i in range(2):
        wanted += [result.patches(i, int(c)) for c in result.top(i, 3)]
        wanted.append(result.patches(i, int(result.target[i]), int(result.against[i])))
    limit = common_limit(np.stack(wanted))
    assert limit == pytest.approx(np.quantile(np.abs(np.stack(wanted)), 0.995))
    photographs = [i for i in axes.images if i not in drawn]
    assert len(photographs) == 2 * 5
    for image, values in zip(drawn, wanted, strict=True):
        np.testing.assert_allclose(image.get_array(), laid_over(values, limit))
        left, right, bottom, top = image.get_extent()
        # The photograph of 33 x 35 pixels below it; its patches cover 32 x 32 of them.
        (below,) = [p.get_extent() for p in photographs if p.get_extent()[0] == left
                    and p.get_extent()[3] == top]  # fmt: skip
        assert (right - left) / (below[1] - below[0]) == pytest.approx(32 / 33)
        assert (bottom - top) / (below[2] - below[3]) == pytest.approx(32 / 35)
    scale = figure.axes[1]
    assert [t.get_text() for t in scale.get_xticklabels()] == [
        f"−{limit:.2g}", "0", f"{limit:.2g}"]  # fmt: skip
    assert "logits" in scale.get_xlabel()


def test_colours_of_a_map():
    """White and clear at zero, red for, blue against, nothing where there is no number."""
    colours = laid_over(np.array([[0.0, 1.0, -1.0, np.nan, 5.0]]), 1.0)
    np.testing.assert_allclose(colours[0, :, 3], [0, 1, 1, 0, 1])
    np.testing.assert_allclose(colours[0, 1], SIGNED(1.0))
    np.testing.assert_allclose(colours[0, 2], SIGNED(0.0))
    np.testing.assert_allclose(colours[0, 4], SIGNED(1.0))


def test_channels_stand_above_the_kernels_that_feed_them(result):
    axes = channels_figure(result).axes[0]
    kernels = [i for i in axes.images if np.ndim(i.get_array()) == 2]
    assert len(kernels) == 6 * 3
    for k in range(6):
        for image, j in zip(kernels[3 * k : 3 * k + 3], result.feeders(0, k, 3), strict=True):
            np.testing.assert_array_equal(image.get_array(), result.kernels[j])
            low, high = image.get_clim()
            assert -low == high == pytest.approx(np.abs(result.kernels[j]).max())
    said = "\n".join(t.get_text() for t in axes.texts)
    of, over = int(result.target[0]), int(result.against[0])
    for c in result.channel[0]:
        value = f"{result.channels(0, of, over)[c]:+.2f}".replace("-", "−")
        assert f"channel {c}\n{value} logits" in said


def test_classes_by_channels(result):
    figure = classes_figure(result)
    (image,) = figure.axes[0].images
    classes, n, matrix = result.by_class
    channels = [int(t.get_text()) for t in figure.axes[0].get_xticklabels()]
    assert sorted(channels) == list(range(16))
    np.testing.assert_array_equal(image.get_array(), matrix[:, channels])
    low, high = image.get_clim()
    assert low == -high
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert names == [f"{result.class_names[c]} ({m})" for c, m in zip(classes, n, strict=True)]
    strongest = np.abs(matrix[:, channels]).argmax(0)
    assert (np.diff(strongest) >= 0).all()


def test_the_ablation_begins_with_the_network_as_it_is(result):
    for width in (178.0, 85.0):
        axes = ablation_figure(result, width).axes
        assert len(axes) == 3
        for panel, score in zip(axes, ("margin", "probability", "first"), strict=True):
            factor = 1 if score == "margin" else 100
            lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
            start = factor * result.unablated(score).mean()
            for name, values in zip(("strongest", "random"), result.ablated(score), strict=True):
                line = lines[f"{name} channels set to zero"]
                np.testing.assert_allclose(line, [start, *(factor * values)])
