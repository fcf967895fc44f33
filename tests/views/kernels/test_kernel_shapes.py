"""Shapes on top: against scikit-learn's pursuit, planted sums, residuals that are noise."""

from functools import partial

import numpy as np
from planted_kernels import planted
from sklearn.linear_model import orthogonal_mp

from viz.views.kernels.matching import unit_rows
from viz.views.kernels.measure import describe as describe_with
from viz.views.kernels.pictures import bank
from viz.views.kernels.shapes import pursue

describe = partial(describe_with, n_init=10)


def test_pursuit_equals_scikit_learns():
    rows = unit_rows(np.random.default_rng(1).standard_normal((12, 49)))
    pictures = bank(7)
    found = pursue(rows, pictures, 3)
    every = pictures.pictures.numpy().astype(np.float64)
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    for steps in (1, 2, 3):
        theirs = orthogonal_mp(every.T, rows.T, n_nonzero_coefs=steps)
        left = rows - (every.T @ theirs).T
        np.testing.assert_allclose(found.r2[:, steps - 1], 1 - (left**2).sum(1), atol=1e-4)


def test_r2_never_falls_and_is_what_the_sum_leaves():
    found = describe(np.random.default_rng(2).standard_normal((50, 9, 9)))
    assert (np.diff(found.r2_by_shapes, axis=1) >= -1e-6).all()
    energy = (found.kernels**2).sum((1, 2))
    left = ((found.kernels - found.fitted_by_shapes) ** 2).sum((2, 3))
    np.testing.assert_allclose(found.r2_by_shapes, 1 - (left / energy).T, atol=1e-4)


def test_a_second_shape_is_found_and_noise_is_not_one():
    """An edge with a strong negative tap on top reads so; an edge in noise alone has no second."""
    edge = planted("edge", 9, 40, seed=3, decibels=14)
    edge /= np.abs(edge).max((1, 2), keepdims=True)
    both = edge.copy()
    both[:, 4, 4] -= 2.5
    alone, found = describe(edge), describe(both)
    noise = describe(np.random.default_rng(5).standard_normal((400, 9, 9)))
    assert np.mean(noise.n_shapes > 1) < 0.02
    # A bank is coarse: an edge between its pictures may take another one to be whole.
    assert np.mean(alone.n_shapes) < np.mean(found.n_shapes)
    assert np.mean(found.n_shapes >= 2) > 0.9
    tapped = [
        any(n in ("identity", "off-centre", "blob-") for n in row[:count])
        for row, count in zip(found.shape_names, found.n_shapes, strict=True)
    ]
    assert np.mean(tapped) > 0.8
