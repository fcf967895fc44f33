"""Figures of substitution hold the numbers of the result, within the figure, whatever its size."""

import numpy as np
import pytest
from hand_made import described, described_patches, kernels_of
from matplotlib.text import Text

from viz.plot.style import new_figure
from viz.views import view
from viz.views.substitution import measure as substitution
from viz.views.substitution.draw import (
    SIZE,
    curve_figure,
    draw_by_block,
    draw_curve,
    draw_patch,
)


@pytest.fixture
def result(small, rng):
    labels = np.array(["edge", "off-centre", "unnamed"])[np.arange(48) % 3]
    noisy = kernels_of(small) + 0.1 * rng.standard_normal((48, 5, 5))
    return substitution.measure(
        small,
        description=described(small, fitted=noisy, names=labels),
        patches=described_patches(small, kinds=["stripes"] * 8 + ["noise"] * 8),
        n_crops=4,
        n_boot=50,
    )


def test_the_curve_holds_means_and_coefficients(result):
    figure = curve_figure(result)
    agreement, divergence, correlation = draw_curve(result, figure)
    rows = [result.find("all", "fit", n_shapes=a) for a in (1, 2)]
    line = agreement.get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), result.coefficients[rows])
    np.testing.assert_allclose(line.get_ydata(), 100 * result.scores[0, rows].mean(1), rtol=1e-5)
    assert divergence.get_yscale() == "log"
    kl = divergence.get_lines()[0].get_ydata()
    np.testing.assert_allclose(kl, result.mean[1, rows].clip(1e-5))
    assert correlation.get_ylim()[0] <= 0 and correlation.get_ylim()[1] >= 1


@pytest.mark.parametrize(
    ("scope", "draw", "n"), [("block", draw_by_block, 3), ("patch", draw_patch, 3)]
)
def test_blocks_and_kinds_hold_one_point_per_condition(result, scope, draw, n):
    axes = draw(result, new_figure(*SIZE))
    for score, each in enumerate(axes):
        points = np.concatenate([c[0].get_ydata() for c in each.containers])
        own = result.mean[score, result.scope == scope] * (100 if score == 0 else 1)
        np.testing.assert_allclose(np.sort(points), np.sort(own.clip(1e-5 if score == 1 else -1)))
        assert each.get_xlim() == (-0.5, n - 0.5)


def test_what_was_not_measured_is_said(small):
    result = substitution.measure(
        small, description=described(small), scopes=("block",), n_crops=2, n_boot=5
    )
    for row in view("substitution").figures:
        figure = row.make(result)
        words = " ".join(t.get_text() for t in figure.findobj(Text))
        assert ("Not measured" in words) == (row.name == "substitution-patch-filters")
