"""What the figures of the decision by depth hold: curves, maps, shares, words in print."""

import numpy as np
import pytest
import torch

from viz.images.sets import ImageSet
from viz.plot.millimetres import common_limit
from viz.plot.overlay import laid_over
from viz.views.decision_by_depth.draw import curves_figure, maps_figure, shares_figure
from viz.views.decision_by_depth.measure import decision_by_depth


def measured(small_file, n):
    import viz

    checkpoint = viz.load(small_file)
    inputs = torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    entries = [(f"{('bee', 'cat')[i % 2]}/{i}.png", one) for i, one in enumerate(inputs)]
    return decision_by_depth(checkpoint, ImageSet(entries, checkpoint.preprocessing), draws=2)


@pytest.fixture(scope="module")
def result(small_file):
    return measured(small_file, 14)


@pytest.fixture(scope="module")
def few(small_file):
    return measured(small_file, 2)


def test_curves_are_those_of_the_answer_and_of_the_fit(result):
    for width in (178.0, 85.0):
        _, probability, rank = curves_figure(result, width).axes
        for axes, values, fitted in (
            (probability, 100 * result.probability, 100 * result.fitted_probability),
            (rank, result.rank, result.fitted_rank),
        ):
            lines = [line.get_ydata() for line in axes.get_lines()]
            assert len(lines) == 4
            for i in range(2):
                np.testing.assert_array_equal(lines[2 * i], values[:, i])
                np.testing.assert_array_equal(lines[2 * i + 1], fitted[:, i])
            np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), result.block)
        low, high = rank.get_ylim()
        # The first rank is at the top.
        assert low > high


def test_each_readout_has_its_own_scale(result):
    figure = maps_figure(result)
    drawn = [i.get_array() for i in figure.axes[0].images if i.get_array().shape[-1] == 4]
    assert len(drawn) == 2 * 2 * 4
    maps = {False: result.maps, True: result.fitted_maps}
    limits = {kind: common_limit(values) for kind, values in maps.items()}
    for r in range(4):
        i, kind = r // 2, bool(r % 2)
        for d in range(4):
            np.testing.assert_allclose(
                drawn[4 * r + d], laid_over(maps[kind][d, i], limits[kind]), atol=1e-6
            )
    for axes, kind in zip(figure.axes[1:], (False, True), strict=True):
        assert axes.get_xticklabels()[-1].get_text() == f"{limits[kind]:.2g}"


def test_shares_stand_beside_both_baselines(result):
    for width in (178.0, 85.0):
        axes = shares_figure(result, width).axes
        assert len(axes) == 3
        for panel, own, drawn, chance in zip(
            axes,
            (result.agreement, result.accuracy, result.fitted_accuracy),
            result.baselines,
            (0.25, 0.25, 0.5),
            strict=True,
        ):
            line, random, shuffled, trained = (each.get_ydata() for each in panel.get_lines())
            np.testing.assert_allclose(line, 100 * chance)
            np.testing.assert_allclose(trained, 100 * own)
            np.testing.assert_allclose(shuffled, 100 * drawn[0].mean(0))
            np.testing.assert_allclose(random, 100 * drawn[1].mean(0))


def test_a_share_of_two_images_is_not_drawn(few):
    (axes,) = shares_figure(few).axes
    assert [t.get_text() for t in axes.texts] == [
        "Shares need at least 10 images; 2 were given."]  # fmt: skip
