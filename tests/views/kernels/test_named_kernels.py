"""Kernels by name: the order by hand, the filter against a loop, what cannot be asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made import described, kernels_of

from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.measure import named_kernels


@pytest.fixture
def found(small, rng):
    angles = rng.choice([np.nan, 0.0, 45.0, 90.0], (48, 1))
    whole = described(small, names=rng.choice(KERNEL_NAMES, 48))
    return replace(whole, shape_orientation=angles, margin=rng.random(48))


def test_order_by_name_then_angle_then_margin(found):
    shown = named_kernels(found, per_block=None)
    assert shown.block.tolist() == sorted(shown.block.tolist())
    keys = []
    for block, channel in zip(shown.block, shown.channel, strict=True):
        i = 16 * block + channel
        angle = found.orientation[i]
        rank = KERNEL_NAMES.index(found.name[i])
        keys.append((block, rank, 0 if np.isnan(angle) else angle, -found.margin[i]))
    assert keys == sorted(keys)
    assert len(set(zip(shown.block, shown.channel, strict=True))) == 48


@pytest.mark.parametrize("name", ["edge", "unnamed"])
def test_one_name_is_a_filter(small, found, name):
    shown = named_kernels(found, per_block=None, order="index", name=name)
    kernels = kernels_of(small)
    rows = [i for i in range(48) if found.name[i] == name]
    assert [16 * b + c for b, c in zip(shown.block, shown.channel, strict=True)] == rows
    np.testing.assert_array_equal(shown.kernels, kernels[rows])


def test_what_cannot_be_asked_for(found):
    with pytest.raises(ValueError, match="order is one of"):
        named_kernels(found, order="size")
    with pytest.raises(ValueError, match="per_block must be at least 1"):
        named_kernels(found, per_block=0)
