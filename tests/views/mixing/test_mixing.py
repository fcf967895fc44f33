"""Mixing: links against autograd, slopes against closed forms, matrices by slow loops."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hand_made import described
from scipy.stats import norm as normal
from torch import nn

from viz.core.network import Preprocessing, Source
from viz.images.sets import ImageSet
from viz.network.convmixer import ConvMixer
from viz.views.mixing import measure as mixing
from viz.views.mixing.mean_slopes import gaussian_slope, slopes_from_statistics, slopes_on_images
from viz.views.mixing.measure import effective_links, effective_rank, measure
from viz.views.mixing.result import Mixing


def network(activation="identity", *, dim=5, depth=2, k=5, seed=0):
    """A network in double precision whose batch norms have statistics of their own."""
    torch.manual_seed(seed)
    model = ConvMixer(dim, depth, k, 2, 3, activation=activation).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.requires_grad_(False)


def checkpoint_of(model):
    return SimpleNamespace(
        model=model,
        config=model.config,
        source=Source(name="by hand", sha256="0" * 64),
        preprocessing=Preprocessing(16, 1.0),
    )


def jacobian(block, side):
    """d output[i, v] / d input[j, w] by autograd, (i, vy, vx, j, wy, wx)."""
    dim = block.pointwise.weight.shape[0]
    x = torch.randn(1, dim, side, side, dtype=torch.float64)
    return torch.autograd.functional.jacobian(lambda z: block(z)[0], x)[:, :, :, 0].numpy()


@pytest.mark.parametrize("k", [3, 4, 5])
def test_links_are_the_derivatives_everywhere_for_the_identity(k):
    """Interior and border alike: padding only takes terms out of the sum."""
    block = network(k=k).blocks[1]
    model, side = network(k=k), 7
    block = model.blocks[1]
    found = jacobian(block, side)
    links = effective_links(model, 1)
    near = (k - 1) // 2
    expected = np.zeros_like(found)
    for vy in range(side):
        for vx in range(side):
            for uy in range(k):
                for ux in range(k):
                    wy, wx = vy + uy - near, vx + ux - near
                    if 0 <= wy < side and 0 <= wx < side:
                        expected[:, vy, vx, :, wy, wx] = links[:, :, uy, ux]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.abs(found).max() > 0.1


def test_links_of_two_blocks_convolve_away_from_the_borders_only():
    model, k, side = network(k=3), 3, 9
    both = nn.Sequential(*model.blocks)
    x = torch.randn(1, 5, side, side, dtype=torch.float64)
    found = torch.autograd.functional.jacobian(lambda z: both(z)[0], x)[:, :, :, 0].numpy()
    first, second = effective_links(model, 0), effective_links(model, 1)
    whole = np.zeros((5, 5, 5, 5))
    for uy in range(k):
        for ux in range(k):
            whole[:, :, uy : uy + k, ux : ux + k] += np.einsum(
                "ij,jlyx->ilyx", second[:, :, uy, ux], first
            )
    np.testing.assert_allclose(found[:, 4, 4, :, 2:7, 2:7], whole, atol=1e-12)
    corner = found[:, 0, 0, :, :3, :3]
    assert np.abs(corner - whole[:, :, 2:, 2:]).max() > 1e-3


def test_shifts_fold_into_the_next_block_except_at_the_borders():
    """A constant input gives a constant output inside; zero padding changes it at the rim."""
    model = network(k=3)
    first = model.blocks[0]
    shift = torch.randn(5, dtype=torch.float64)
    x = shift[None, :, None, None].expand(1, 5, 9, 9)
    change = (first(x) - first(torch.zeros_like(x)))[0].numpy()
    folded = effective_links(model, 0).sum((2, 3)) @ shift.numpy()
    np.testing.assert_allclose(change[:, 1:-1, 1:-1], np.broadcast_to(
        folded[:, None, None], (5, 7, 7)), atol=1e-12)  # fmt: skip
    assert np.abs(change[:, 0, 0] - folded).max() > 1e-3


def test_links_with_slopes_are_the_derivatives_of_a_relu_block_where_it_is_linear():
    """With units that never switch, slopes are 0 or 1 and the links exact."""
    model = network("relu")
    block = model.blocks[0]
    signs = torch.tensor([1.0, -1, 1, -1, 1], dtype=torch.float64)
    block.depthwise.bias.copy_(1e3 * signs)
    block.depthwise_norm.running_mean.copy_(1e3 * signs.clamp_min(0))
    block.pointwise.bias.copy_(-1e3 * signs)
    slopes = (signs > 0).double().numpy(), (signs < 0).double().numpy()
    found = jacobian(block, 7)[:, 3, 3, :, 1:6, 1:6]
    np.testing.assert_allclose(found, effective_links(model, 0, slopes=slopes), atol=1e-9)
    assert np.abs(found).max() > 0.05


def relu_moments(m, s):
    t = m / s
    first = m * normal.cdf(t) + s * normal.pdf(t)
    second = (m * m + s * s) * normal.cdf(t) + m * s * normal.pdf(t)
    return first, second - first**2, normal.cdf(t)


def test_gaussian_slope_of_relu_is_the_closed_form(rng):
    m, s = rng.normal(0, 1, 200), np.exp(rng.normal(0, 0.7, 200))
    keep = np.abs(m / s) < 2.5
    _, variance, slope = relu_moments(m[keep], s[keep])
    np.testing.assert_allclose(gaussian_slope("relu", m[keep], variance), slope, atol=0.02)


@pytest.mark.parametrize("activation", ["gelu", "silu", "mish"])
def test_gaussian_slope_recovers_simulated_input(activation, rng):
    function = {"gelu": nn.GELU(), "silu": nn.SiLU(), "mish": nn.Mish()}[activation]
    for mean, sd in [(-1.0, 1.0), (0.0, 0.3), (0.0, 2.0), (1.5, 1.0), (-3.0, 2.0), (-2.0, 1.0)]:
        z = torch.from_numpy(rng.normal(mean, sd, 400_000)).requires_grad_()
        value = function(z)
        value.sum().backward()
        found = gaussian_slope(
            activation,
            np.array([mean]),
            np.array([value.var().item()]),
        )
        assert found[0] == pytest.approx(z.grad.mean().item(), abs=0.01), (mean, sd)


def images_of(n=5, size=16, batch=None):
    generator = torch.Generator().manual_seed(4)
    entries = [(f"image {i}", torch.randn(3, size, size, generator=generator)) for i in range(n)]
    return ImageSet(entries, Preprocessing(size, 1.0), 3)


@pytest.mark.parametrize(
    "activation", ["gelu", "relu", "silu", "identity", "mish", "leaky_relu(0.2)", "tanh"]
)
def test_slopes_on_images_are_the_mean_of_autograd(activation):
    model = network(activation).float()
    seen = []
    made = slopes_on_images(model, images_of(), batch_size=2, progress=lambda *at: seen.append(at))
    assert seen[-1] == (5, 5)
    x = model.embed(images_of().all().inputs)
    for b, block in enumerate(model.blocks):
        before = block.depthwise(x).requires_grad_()
        after = block.activation(before)
        (slope,) = torch.autograd.grad(after.sum(), before)
        np.testing.assert_allclose(made[0][b], slope.mean((0, 2, 3)), atol=1e-5)
        y = x + block.depthwise_norm(after.detach())
        before = block.pointwise(y).requires_grad_()
        after = block.activation(before)
        (slope,) = torch.autograd.grad(after.sum(), before)
        np.testing.assert_allclose(made[1][b], slope.mean((0, 2, 3)), atol=1e-5)
        x = block.pointwise_norm(after.detach())


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_statistics_give_the_slopes_of_the_images_they_come_from(activation):
    """Random networks sum many terms, so that the Gaussian assumption nearly holds."""
    torch.manual_seed(1)
    model = ConvMixer(32, 2, 5, 2, 3, activation=activation)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
            module.momentum = None
    with torch.no_grad():
        model.train()(images_of(24).all().inputs)
    model.eval()
    seen = slopes_on_images(model, images_of(24))
    told = slopes_from_statistics(model, 8)
    for a, b in zip(seen, told, strict=True):
        assert np.std(a) > 0.05
        np.testing.assert_allclose(a, b, atol=0.1)
        assert np.abs(a - b).mean() < 0.03


NAMES = np.array([["edge", "bar", "edge", "bar", "ring"], ["bar", "edge", "edge", "ring", "bar"]])


def test_effective_rank_and_its_null():
    assert effective_rank(np.ones(7)) == pytest.approx(7)
    assert effective_rank(np.array([3.0, 0, 0])) == pytest.approx(1)
    assert effective_rank(np.zeros(3)) == 0
    p = np.array([0.5, 0.25, 0.25])
    assert effective_rank(np.sqrt(p)) == pytest.approx(2**1.5)
    drawn = []
    for seed in range(4):
        torch.manual_seed(seed)
        weight = nn.Conv2d(64, 64, 1).weight[:, :, 0, 0].detach().numpy()
        drawn.append(np.linalg.svd(weight, compute_uv=False))
    null = mixing.null_singular_values(64)
    np.testing.assert_allclose(null.mean(0), np.mean(drawn, 0), rtol=0.15, atol=0.02)
    # The quarter circle: squared singular values of a large square matrix have entropy
    # ln d - 1/2 (mean of x ln x under Marchenko and Pastur's law is 1/2).
    assert effective_rank(mixing.null_singular_values(256)).mean() == pytest.approx(
        256 * np.exp(-0.5), rel=0.01
    )


def test_partners_and_matrices():
    model = network(dim=5)
    result = measure(checkpoint_of(model), names=NAMES)
    for b in range(2):
        weight = model.blocks[b].pointwise.weight[:, :, 0, 0].numpy()
        gamma = model.blocks[b].depthwise_norm.weight.numpy()
        link = weight * gamma
        for i in range(5):
            order = sorted(range(5), key=lambda j: -abs(link[i, j]))
            assert result.inputs[b, i].tolist() == order
            np.testing.assert_allclose(result.input_weights[b, i], weight[i, order], rtol=1e-6)
            assert result.input_shares[b, i].sum() == pytest.approx(1, rel=1e-6)
            order = sorted(range(5), key=lambda r: -abs(link[r, i]))
            assert result.outputs[b, i].tolist() == order
        shown = link[result.out_order[b]][:, result.in_order[b]]
        np.testing.assert_allclose(result.matrix[b], shown, rtol=1e-6)
        seen = [NAMES[b][c] for c in result.in_order[b]]
        assert seen == sorted(seen, key=["edge", "bar", "ring"].index)
    seen = [NAMES[1][c] for c in result.out_order[0]]
    assert seen == sorted(seen, key=["edge", "bar", "ring"].index)


def test_branch_share_is_the_branches_part_of_the_variance():
    model = network(depth=1)
    result = measure(checkpoint_of(model), names=NAMES[:1])
    weight = model.blocks[0].pointwise.weight[:, :, 0, 0].numpy()
    generator = np.random.default_rng(0)
    branch = generator.standard_normal((5, 200_000)) * result.branch_scale[0][:, None]
    stream = generator.standard_normal((5, 200_000)) * result.stream_scale[0][:, None]
    np.testing.assert_array_equal(result.stream_scale[0], model.patch_norm.weight)
    both = [(weight @ part).var(1).sum() for part in (branch, stream)]
    assert result.branch_share[0] == pytest.approx(both[0] / sum(both), rel=0.02)


def test_results_say_where_slopes_come_from_and_save(small, tmp_path):
    names = np.tile(["edge", "bar", "blob+", "unnamed"], 12)
    model = small.model
    before = {n: t.clone() for n, t in model.state_dict().items()}
    without = measure(small, names=names)
    assert "Gaussian" in without.slopes_from and not without.source.images
    size = small.preprocessing.image_size
    result = measure(small, images_of(size=size), names=names)
    assert result.slopes_from == "images" and len(result.source.images) == 5
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert not any(m._forward_hooks for m in model.modules())
    assert Mixing.load(result.save(tmp_path / "a.npz")) == result
    numbers = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert len(numbers["blocks"]) == 3
    assert len(result.to_frame()) == 48
    assert "12" not in result.names_used


def test_wrong_names_are_refused(small):
    with pytest.raises(ValueError, match="one per kernel"):
        measure(small, names=["edge"] * 5)
    with pytest.raises(ValueError, match="'stripes' is not one"):
        measure(small, names=["stripes"] * 48)
    description = described(small)
    assert measure(small, description=description).names_used == ("edge",)
    small.model.depthwise_kernels(2)[0, 0, 0] += 1
    with pytest.raises(ValueError, match="of other kernels"):
        measure(small, description=description)
