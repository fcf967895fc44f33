"""Kernels before and after: planted moves and names found, other networks refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hand_made import kernels_of
from two_networks import changed, network, permuted

from viz.views.compare.channels import agreement
from viz.views.compare_kernels.measure import kernel_change, refused
from viz.views.kernels.measure import describe_checkpoint
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(scope="module")
def one():
    checkpoint = network(0)
    return checkpoint, describe_checkpoint(checkpoint)


def test_planted_moves_are_measured(one):
    checkpoint, described = one

    def change(model):
        model.depthwise_kernels(0).mul_(2)  # size alone
        model.depthwise_kernels(1)[4].neg_()  # the opposite
        model.depthwise_kernels(2)[7].zero_()

    other = changed(checkpoint, change)
    found = kernel_change(
        checkpoint, other, (described, replace(described, kernels=kernels_of(other)))
    )
    by = found.to_frame().set_index(["block", "channel"])
    np.testing.assert_allclose(by.loc[0].relative_change, 1, rtol=1e-6)
    np.testing.assert_allclose(by.loc[0].cosine, 1)
    np.testing.assert_allclose(by.loc[0].norm_ratio, 2, rtol=1e-6)
    assert by.loc[(1, 4)].relative_change == pytest.approx(2)
    assert by.loc[(1, 4)].cosine == pytest.approx(-1)
    assert by.loc[(2, 7)].relative_change == pytest.approx(1) and np.isnan(by.loc[(2, 7)].cosine)
    rest = by.loc[1].drop(4)
    np.testing.assert_array_equal(rest.relative_change, 0)
    first = found.moved[found.block[found.moved] == 1][0]
    assert found.channel[first] == 4


def test_planted_changes_of_labels_are_counted(one):
    checkpoint, described = one
    before = np.array(["bar", "edge", "unnamed", "ring"] * 12)
    after = before.copy()
    after[:3] = "cross", "edge", "blob+"  # block 0
    after[47] = "edge"  # block 2: a ring
    pair = replace(described, name=before), replace(described, name=after)
    found = kernel_change(checkpoint, checkpoint, pair)
    at = KERNEL_NAMES.index
    expected = np.zeros((3, len(KERNEL_NAMES), len(KERNEL_NAMES)), int)
    for block, was, now in zip(np.repeat([0, 1, 2], 16), before, after, strict=True):
        expected[block, at(was), at(now)] += 1
    np.testing.assert_array_equal(found.migration, expected)
    flows = {(f["before"], f["after"], f["n"]) for f in found.flows() if f["before"] != f["after"]}
    assert flows == {("bar", "cross", 1), ("unnamed", "blob+", 1), ("ring", "edge", 1)}
    np.testing.assert_allclose(found.stayed, [14 / 16, 1, 15 / 16])
    # Of every kernel's name with every kernel's of its block.
    pairs = (before[:16, None] == after[None, :16]).mean()
    assert found.stayed_by_chance[0] == pytest.approx(pairs)
    assert "3 of 48 kernels (6 %) have another name in B, where names" in found.sentence()


def test_kernels_are_paired_by_channel_whatever_their_order(one, rng):
    checkpoint, described = one
    rows = rng.permutation(48)
    fields = {f: getattr(described, f)[rows] for f in ("kernels", "name", "block", "channel")}
    found = kernel_change(checkpoint, checkpoint, (described, replace(described, **fields)))
    np.testing.assert_array_equal(found.relative_change, 0)


def noisy(checkpoint, amount):
    def change(model):
        torch.manual_seed(5)
        for b in range(checkpoint.config.depth):
            kernels = model.depthwise_kernels(b)
            kernels.add_(amount * kernels.std() * torch.randn_like(kernels))

    return changed(checkpoint, change)


def test_snapshots_correspond_and_other_trainings_do_not():
    a = network(0)
    assert refused(a, noisy(a, 1.0)) == ""
    assert agreement(a, noisy(a, 1.0)).by_index
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    others = [permuted(a, order), *map(network, range(1, 7))]
    assert all("do not correspond" in refused(a, other) for other in others)


@pytest.mark.parametrize(
    ("shape", "what"),
    [((12, 3, 5, 4, 4), "dim is 16 and 12"), ((16, 2, 5, 4, 4), "depth is 3 and 2"),
     ((16, 3, 3, 4, 4), "kernel size is 5 and 3")],
)  # fmt: skip
def test_other_shapes_are_refused(one, shape, what):
    checkpoint, described = one
    with pytest.raises(ValueError, match=what):
        kernel_change(checkpoint, network(1, *shape), (described, described))


def test_other_patches_may_still_be_one_training(one):
    """Patch filters of another shape are left out of what says whether channels correspond."""
    checkpoint, _ = one
    torch.manual_seed(0)
    other = network(3, 16, 3, 5, 2, 4)
    with torch.no_grad():
        for b in range(3):
            other.model.depthwise_kernels(b).copy_(checkpoint.model.depthwise_kernels(b))
    assert refused(checkpoint, other) == ""
