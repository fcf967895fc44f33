"""Sparsity and rank against their formulas, on maps with known answers."""

import numpy as np
import pytest
import torch
from scipy.linalg import svdvals

from viz.views.feature_maps.statistics import effective_rank, off_share, shuffled


def slow_rank(matrix):
    values = svdvals(matrix - matrix.mean(1, keepdims=True))
    share = values[values > 1e-12 * values.max()] / values.sum()
    return np.exp(-sum(p * np.log(p) for p in share))


@pytest.mark.parametrize("shape", [(5, 4, 6), (40, 3, 4), (1, 3, 3)])
def test_effective_rank_is_that_of_the_singular_values(shape, rng):
    maps = rng.normal(size=(3, *shape)) + 2
    found = effective_rank(torch.from_numpy(maps))
    for i, one in enumerate(maps.reshape(3, shape[0], -1)):
        assert found[i] == pytest.approx(slow_rank(one), rel=1e-6)
    shifted = 1e-4 * maps + 3 * np.arange(shape[0])[:, None, None]
    torch.testing.assert_close(effective_rank(torch.from_numpy(shifted)), found)


def test_off_is_where_a_map_is_not_positive():
    assert off_share(torch.tensor([[-1.0, 0, 0.5, 2]])).item() == 0.5


def test_what_is_not_finite_spoils_its_own_image_only():
    maps = torch.ones(2, 3, 2, 2)
    maps[0, 1, 0, 1] = torch.nan
    found = effective_rank(maps)
    assert found[0].isnan()
    assert found[1] == 0


def test_shuffles_keep_every_channels_values_and_no_order(rng):
    maps = torch.from_numpy(rng.normal(size=(2, 5, 8, 8)))
    found = shuffled(maps, 3)
    torch.testing.assert_close(found.sort(2).values, maps.flatten(2).sort(2).values)
    assert torch.equal(found, shuffled(maps, 3))
    assert not torch.equal(found, shuffled(maps, 4))
    # One pattern in all channels: shuffled apart, they no longer have it in common.
    same = torch.from_numpy(rng.normal(size=(1, 1, 8, 8))).expand(1, 5, 8, 8)
    assert effective_rank(same).item() == pytest.approx(1, abs=1e-5)
    assert effective_rank(shuffled(same, 0)).item() > 4
