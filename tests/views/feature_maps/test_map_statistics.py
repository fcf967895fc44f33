"""Sparsity and rank against their formulas, on maps with known answers, and under changes of
scale."""

import numpy as np
import pytest
import torch
from scipy.linalg import svdvals

from viz.views.feature_maps.statistics import (
    effective_rank,
    hoyer,
    negative_mass,
    off_share,
    shuffled,
)


def slow_rank(matrix):
    values = svdvals(matrix)
    share = values[values > 1e-12 * values.max()] / values.sum()
    return np.exp(-sum(p * np.log(p) for p in share))


@pytest.mark.parametrize("shape", [(5, 4, 6), (40, 3, 4), (7, 1, 1), (1, 3, 3)])
def test_effective_rank_is_that_of_the_singular_values(shape, rng):
    maps = rng.normal(size=(3, *shape)) + 2
    raw = effective_rank(torch.from_numpy(maps))
    centred = effective_rank(torch.from_numpy(maps), centred=True)
    for i, one in enumerate(maps.reshape(3, shape[0], -1)):
        assert raw[i] == pytest.approx(slow_rank(one), rel=1e-6)
        if one.shape[1] > 1:
            less = one - one.mean(1, keepdims=True)
            assert centred[i] == pytest.approx(slow_rank(less), rel=1e-6)
        else:
            assert centred[i] == 0


def test_known_ranks(rng):
    orthogonal = np.linalg.qr(rng.normal(size=(20, 20)))[0][:6].reshape(1, 6, 4, 5)
    assert effective_rank(torch.from_numpy(orthogonal)).item() == pytest.approx(6)
    one = np.outer(rng.normal(size=6), rng.normal(size=20)).reshape(1, 6, 4, 5)
    assert effective_rank(torch.from_numpy(one)).item() == pytest.approx(1, abs=1e-5)
    assert effective_rank(torch.zeros(1, 6, 4, 5)).item() == 0
    # Two directions, one three times as strong: p = 3/4, 1/4.
    two = torch.diag(torch.tensor([3.0, 1.0, 0.0])).view(1, 3, 3, 1)
    wanted = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(two).item() == pytest.approx(wanted)


def test_rank_does_not_see_scale_and_centred_rank_no_shift(rng):
    maps = torch.from_numpy(rng.normal(size=(2, 6, 5, 5)))
    shift = torch.arange(6.0).view(1, 6, 1, 1) * 3
    torch.testing.assert_close(effective_rank(maps * 1e-4), effective_rank(maps))
    found = effective_rank(maps + shift, centred=True)
    torch.testing.assert_close(found, effective_rank(maps, centred=True))
    assert (effective_rank(maps + shift) < effective_rank(maps) - 1).all()


def test_what_is_not_finite_spoils_its_own_image_only():
    maps = torch.ones(2, 3, 2, 2)
    maps[0, 1, 0, 1] = torch.nan
    found = effective_rank(maps)
    assert found[0].isnan()
    assert found[1] == pytest.approx(1)


def test_hoyer_is_its_formula(rng):
    values = rng.normal(size=(3, 4, 5, 6))
    found = hoyer(torch.from_numpy(values))
    for one, hoped in zip(values.reshape(3, -1), found, strict=True):
        n = len(one)
        l1, l2 = sum(abs(v) for v in one), np.sqrt(sum(v * v for v in one))
        assert hoped.item() == pytest.approx((np.sqrt(n) - l1 / l2) / (np.sqrt(n) - 1))


def test_known_sparsities():
    alike, single = torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    alike[0, 0] = -1
    single[0, 1, 2, 0] = -7
    assert hoyer(alike).item() == pytest.approx(0)
    assert hoyer(single).item() == pytest.approx(1)
    assert hoyer(torch.zeros(1, 2, 3, 3)).isnan()
    assert negative_mass(alike).item() == pytest.approx(0.5)
    assert negative_mass(single).item() == 1
    assert off_share(torch.tensor([[-1.0, 0, 0.5, 2]])).item() == 0.5


def test_gaussian_units_have_the_numbers_of_calculus():
    """Half are off; after ReLU l1/l2 tends to (1/sqrt(2 pi)) / sqrt(1/2) times sqrt N."""
    before = torch.randn(1, 1000, 20, 20, generator=torch.Generator().manual_seed(0))
    assert off_share(before).item() == pytest.approx(0.5, abs=0.003)
    after = before.relu()
    root = np.sqrt(before.numel())
    wanted = (root - root / np.sqrt(np.pi)) / (root - 1)
    assert hoyer(after).item() == pytest.approx(wanted, abs=0.003)
    assert negative_mass(after).item() == 0


def test_shuffles_keep_every_channels_values_and_no_order(rng):
    maps = torch.from_numpy(rng.normal(size=(2, 5, 8, 8)))
    found = shuffled(maps, 3)
    torch.testing.assert_close(found.sort(2).values, maps.flatten(2).sort(2).values)
    assert torch.equal(found, shuffled(maps, 3))
    assert not torch.equal(found, shuffled(maps, 4))
    # One pattern in all channels: shuffled apart, they no longer have it in common.
    same = torch.from_numpy(rng.normal(size=(1, 1, 8, 8))).expand(1, 5, 8, 8)
    assert effective_rank(same, centred=True).item() == pytest.approx(1, abs=1e-5)
    assert effective_rank(shuffled(same, 0), centred=True).item() > 4
