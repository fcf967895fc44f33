"""Two networks side by side: known differences, slow formulas, intervals at their level."""

from dataclasses import replace

import numpy as np
import pytest
from two_networks import changed, network

from viz.views.compare.measure import compare_networks
from viz.views.kernels.measure import describe_checkpoint
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(scope="module")
def one():
    """A network and what its kernels are."""
    checkpoint = network(0)
    return checkpoint, describe_checkpoint(checkpoint)


@pytest.fixture(scope="module")
def deeper():
    """Another depth, dim, kernel and patch size."""
    checkpoint = network(1, 12, 5, 3, 2, 4)
    return checkpoint, describe_checkpoint(checkpoint)


def compared(first, second, **settings):
    (a, described_a), (b, described_b) = first, second
    return compare_networks(a, b, (described_a, described_b), **settings)


def test_a_network_and_itself_do_not_differ(one):
    found = compared(one, one)
    assert found.identical and found.differing == () and found.paired and found.clear == ()
    for name in ("delta", "delta_by_block", "init_delta"):
        np.testing.assert_array_equal(getattr(found, name), 0)
    there = np.isfinite(found.share_difference)
    np.testing.assert_allclose(found.share_difference[there], 0, atol=1e-12)
    for interval in (found.share_interval[there], found.delta_interval):
        known = np.isfinite(interval[:, 0])
        assert known.any()
        assert (interval[known, 0] < 0).all() and (interval[known, 1] > 0).all()
    assert "The files are the same." in found.sentence()


def test_networks_of_other_shapes(one, deeper):
    found = compared(one, deeper)
    assert found.depths == (3, 5) and not found.paired
    assert found.differing[:2] == ("dim (16 and 12)", "depth (3 and 5)")
    np.testing.assert_allclose(found.shares_a.sum(1), [1] * 3)
    np.testing.assert_allclose(found.shares_b.sum(1), [1] * 5)
    radius = found.descriptors.index("rms_radius")
    # 5 x 5 taps reach farther out than 3 x 3 ones, in random kernels too.
    assert found.init_delta[radius] < -0.9 and found.delta[radius] < -0.9
    np.testing.assert_array_equal(found.theoretical_a, [4 + 4 * 4 * b for b in (1, 2, 3)])
    np.testing.assert_array_equal(found.theoretical_b, [2 + 2 * 2 * b for b in (1, 2, 3, 4, 5)])
    np.testing.assert_allclose(found.reach[0], 4 * found.quartiles_a[radius])
    assert "not paired" in found.note


def test_one_block_has_no_interval():
    single = network(2, 8, 1, 3, 2, 3)
    first = (single, describe_checkpoint(single, seed=0))
    found = compared(first, first)
    assert np.isnan(found.delta_interval).all() and np.isnan(found.share_interval).all()
    assert "no interval" in found.note
    assert found.clear == ()
    # Nothing was tested, so that it is not said that nothing differs.
    labels = [replace(first[1], name=np.full(8, name)) for name in ("bar", "edge")]
    other = compared((single, labels[0]), (changed(single, lambda model: None), labels[1]))
    assert "is not tested: a network of one block has no interval" in other.sentence()


def test_planted_labels_are_found(one):
    checkpoint, described = one
    bars = np.where(described.block == 2, "bar", "unnamed")
    rings = np.where(described.block == 2, "ring", "unnamed")
    other = changed(checkpoint, lambda model: None)
    found = compared(
        (checkpoint, replace(described, name=bars)), (other, replace(described, name=rings))
    )
    for name, share in (("bar", -1 / 3), ("ring", 1 / 3), ("unnamed", 0.0)):
        i = KERNEL_NAMES.index(name)
        assert found.share_difference[i] == pytest.approx(share, abs=1e-6)
    assert np.isnan(found.share_difference[KERNEL_NAMES.index("edge")])
