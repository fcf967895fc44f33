"""One kernel's sum, standing and partners: against slow formulas, planted kernels, whole banks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hand_made import described
from two_networks import plant

from viz.views.kernels.measure import describe_checkpoint
from viz.views.mixing.measure import measure as mixing
from viz.views.one_kernel.measure import partners, shape_fit, standing
from viz.views.one_kernel.result import Partners, ShapeFit, Standing


def test_a_planted_sum_is_taken_apart(small):
    """An edge through the middle, and on it a tap of the other sign."""
    y = np.mgrid[2:-3:-1, -2:3][0]
    tap = np.zeros((5, 5))
    tap[2, 2] = -1.5
    plant(small, 1, 4, np.tanh(y) + tap)
    found = shape_fit(describe_checkpoint(small, n_init=1), block=1, channel=4)
    assert set(found.names[:2]) == {"edge", "identity"}
    edge, middle = (found.names.index(name) for name in ("edge", "identity"))
    assert found.orientation[edge] == 0
    assert (found.x[middle], found.y[middle]) == (0, 0)
    assert found.amplitude[middle] == pytest.approx(-1.5, rel=0.15)
    np.testing.assert_allclose(found.shapes[middle], tap, atol=0.25)
    assert found.r2 > 0.95


def test_as_in_the_networks_description(small):
    """The shapes of a description, one by one, add up to what it holds."""
    whole = describe_checkpoint(small, n_init=1)
    for block, channel in ((0, 3), (2, 9)):
        found = shape_fit(whole, block=block, channel=channel)
        row = 16 * block + channel
        count = int(whole.n_shapes[row])
        assert found.names == tuple(whole.shape_names[row, :count])
        np.testing.assert_array_equal(found.fitted, whole.fitted[row])
        np.testing.assert_allclose(found.shapes.sum(0), found.fitted, atol=1e-6)
        for shape, amplitude in zip(found.shapes, found.amplitude, strict=True):
            assert np.abs(shape).max() == pytest.approx(abs(amplitude), rel=1e-5)
        energy = (found.kernel**2).sum()
        assert found.r2 == pytest.approx(1 - (found.residual**2).sum() / energy, abs=1e-4)


def test_standing_counts(small, rng):
    whole = described(small, names=np.array(["edge", "bar", "bar"])[np.arange(48) % 3])
    values = rng.integers(0, 5, 48).astype(float)
    values[20] = np.nan
    whole = replace(whole, anisotropy=values)
    found = standing(whole, block=1, channel=6)
    at, mine = found.names.index("anisotropy"), values[22]
    for numbers, got in ((values[16:32], found.in_block), (values, found.in_network)):
        numbers = numbers[np.isfinite(numbers)]
        below = (numbers < mine).mean() + (numbers == mine).mean() / 2
        assert got[at] == pytest.approx(100 * below)
    assert found.median_block[at] == np.nanmedian(values[16:32])
    assert found.name == "bar"
    assert found.share_network == pytest.approx(32 / 48)
    assert found.share_block == whole.name[16:32].tolist().count("bar") / 16
    norm = small.model.depthwise_kernels(1)[6].norm().item()
    assert found.values[found.names.index("norm")] == pytest.approx(norm, rel=1e-5)
    gone = standing(whole, block=1, channel=4)
    assert np.isnan([gone.values[at], gone.in_block[at], gone.in_network[at]]).all()


def test_partners_by_hand_and_as_mixing_has_them(small, rng):
    for block in small.model.blocks:
        block.depthwise_norm.weight.copy_(torch.as_tensor(rng.normal(size=16)))
    found = partners(small, block=1, channel=5)
    before, here = small.model.blocks[0], small.model.blocks[1]
    into = before.pointwise.weight[5, :, 0, 0] * before.depthwise_norm.weight
    out = here.pointwise.weight[:, 5, 0, 0] * here.depthwise_norm.weight[5]
    for way, links, block in (("input", into.numpy(), 0), ("output", out.numpy(), 2)):
        order = np.argsort(-np.abs(links))[:8]
        assert getattr(found, f"{way}s").tolist() == order.tolist()
        np.testing.assert_allclose(getattr(found, f"{way}_links"), links[order], rtol=1e-6)
        shares = np.abs(links[order]) / np.abs(links).sum()
        np.testing.assert_allclose(getattr(found, f"{way}_shares"), shares, rtol=1e-6)
        kernels = small.model.depthwise_kernels(block).numpy()[order]
        np.testing.assert_array_equal(getattr(found, f"{way}_kernels"), kernels)
    every = mixing(small, described(small))
    assert every.inputs[0, 5].tolist() == found.inputs[:3].tolist()
    np.testing.assert_allclose(every.output_shares[1, 5], found.output_shares[:3], rtol=1e-5)


def test_the_first_and_the_last_block(small):
    first, last = partners(small, block=0, channel=1), partners(small, block=2, channel=1)
    assert len(first.inputs) == 0 and len(first.output_kernels) == 8
    assert len(last.outputs) == 8 and last.output_kernels.shape == (0, 5, 5)
    assert len(first.to_frame()) == 8 and len(last.to_frame()) == 16


def test_nothing_there(small):
    whole = described(small)
    for call, of in ((shape_fit, whole), (standing, whole), (partners, small)):
        with pytest.raises(IndexError, match="no kernel 16 of block 0"):
            call(of, block=0, channel=16)
        with pytest.raises(IndexError, match="no kernel 0 of block 3"):
            call(of, block=3, channel=0)


def test_saved_and_read_again(small, tmp_path):
    for kind, found in (
        (ShapeFit, shape_fit(described(small), block=1, channel=2)),
        (Partners, partners(small, block=1, channel=2)),
        (Standing, standing(described(small), block=1, channel=2)),
    ):
        assert kind.load(found.save(tmp_path / "one.npz")) == found
