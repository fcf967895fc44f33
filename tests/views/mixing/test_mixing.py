"""Mixing: links, orders and partners by slow loops, the spectrum by closed forms, its figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hand_made import described
from torch import nn

from viz.plot.style import new_figure
from viz.views.mixing import measure as mixing
from viz.views.mixing.draw import SIZES, draw_matrices, draw_spectra, matrices_figure
from viz.views.spectrum import effective_rank

NAMES = np.random.default_rng(0).choice(["edge", "bar", "ring"], (3, 16))


@pytest.fixture
def mixed(small, rng):
    """A network whose batch norms have scales of their own, and how it mixes."""
    with torch.no_grad():
        for module in small.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.copy_(torch.as_tensor(rng.normal(size=16)))
    return small.model, mixing.measure(small, described(small, names=NAMES.ravel()))


def test_effective_rank_and_its_null():
    assert effective_rank(np.ones(7)) == pytest.approx(7)
    assert effective_rank(np.array([9.0, 0, 0])) == pytest.approx(1)
    assert effective_rank(np.zeros(3)) == 0
    assert effective_rank(np.array([0.5, 0.25, 0.25])) == pytest.approx(2**1.5)
    # The quarter circle: squared singular values of a large square matrix have entropy
    # ln d - 1/2 (mean of x ln x under Marchenko and Pastur's law is 1/2).
    large = effective_rank(mixing.null_singular_values(256) ** 2).mean()
    assert large == pytest.approx(256 * np.exp(-0.5), rel=0.01)
    # Weights within 1 / sqrt(d) have a mean square of 1 / (3 d).
    assert np.square(mixing.null_singular_values(256)).mean() == pytest.approx(1 / 3, rel=0.01)


def test_partners_and_matrices(mixed):
    model, result = mixed
    rank = {"edge": 0, "bar": 1, "ring": 2}
    for b in range(3):
        weight = model.blocks[b].pointwise.weight[:, :, 0, 0].detach().numpy()
        link = weight * model.blocks[b].depthwise_norm.weight.detach().numpy()
        for i in range(16):
            order = sorted(range(16), key=lambda j: -abs(link[i, j]))[:3]
            assert result.inputs[b, i].tolist() == order
            share = abs(link[i, order]) / abs(link[i]).sum()
            np.testing.assert_allclose(result.input_shares[b, i], share, rtol=1e-5)
            order = sorted(range(16), key=lambda r: -abs(link[r, i]))[:3]
            assert result.outputs[b, i].tolist() == order
        shown = link[result.out_order[b]][:, result.in_order[b]]
        np.testing.assert_allclose(result.matrix[b], shown, rtol=1e-5)
        ranks = [rank[NAMES[b][c]] for c in result.in_order[b]]
        assert ranks == sorted(ranks)
    ranks = [rank[NAMES[1][c]] for c in result.out_order[0]]
    assert ranks == sorted(ranks)


def test_wide_matrices_show_the_strongest_of_every_few_links():
    shown = mixing._pooled(np.array([[1.0, -4, 2], [0, 3, -1], [5, 0, -6]]), 2)
    np.testing.assert_array_equal(shown, [[-4, 2], [5, -6]])


def test_branch_share_is_the_branches_part_of_the_variance(mixed, rng):
    model, result = mixed
    first = model.blocks[0]
    weight = first.pointwise.weight[:, :, 0, 0].detach().numpy()
    both = []
    for norm in (first.depthwise_norm, model.patch_norm):
        scale = norm.weight.detach().numpy()[:, None]
        both.append((weight @ (rng.standard_normal((16, 100_000)) * scale)).var(1).sum())
    assert result.branch_share[0] == pytest.approx(both[0] / sum(both), rel=0.02)


def test_figures_hold_its_numbers(mixed):
    _, result = mixed
    axes = draw_matrices(result, matrices_figure(result))
    assert len(axes) == 3
    for b, each in enumerate(axes):
        (image,) = each.get_images()
        np.testing.assert_array_equal(image.get_array(), result.matrix[b])
        assert image.get_clim() == (-result.limit, result.limit)
    even = np.ones_like(result.singular_values)
    said = replace(result, singular_values=even, null_singular_values=even).sentence()
    assert "no more directions than at random: 16 of 16" in said
    spectrum, rank, share = draw_spectra(result, new_figure(*SIZES["spectra"]))
    assert len(spectrum.get_lines()) == 4
    np.testing.assert_array_equal(rank.get_lines()[0].get_ydata(), result.effective_rank)
    assert set(rank.get_lines()[1].get_ydata()) == {result.null_effective_rank}
    np.testing.assert_allclose(share.get_lines()[0].get_ydata(), 100 * result.branch_share)
