"""Sizes of kernels, against numbers known beforehand."""

import numpy as np
import pytest
import torch

from viz.views import Given
from viz.views._template.card import VIEW
from viz.views._template.measure import measure
from viz.views._template.result import Template


def test_norms_of_planted_kernels(small, tmp_path):
    with torch.no_grad():
        small.model.blocks[1].depthwise.weight.fill_(2.0)
    found = VIEW.measure(small, Given(), blocks=[1])
    np.testing.assert_allclose(found.norm, 2.0 * small.config.kernel_size)
    assert found.sentence().startswith("The median kernel has a norm of 10.00 in block 1")
    assert Template.load(found.save(tmp_path / "a.npz")) == found


def test_the_null_is_that_of_the_formula(small):
    # Taps uniform in [-1/k, 1/k]: the mean square of k x k of them is 1/3.
    found = measure(small)
    assert np.mean(found.initialised**2) == pytest.approx(1 / 3, rel=0.05)


def test_the_line_is_the_median(small):
    found = measure(small)
    (axes,) = VIEW.figures[0].make(found).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.median(found.norm, axis=1))
