"""Effective receptive fields: composed kernels, autograd, the network left as it was."""

import warnings

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import nn

import viz
from viz.images.sets import open_images
from viz.network.convmixer import ConvMixer
from viz.network.guards import CheckpointWarning
from viz.views.receptive_field.effective import bytes_per_image, random_network
from viz.views.receptive_field.measure import receptive_field
from viz.views.receptive_field.result import SHARES
from viz.views.receptive_field.theoretical import ReceptiveFieldError


def made(dim=6, depth=3, k=3, p=2, activation="identity", in_channels=3, seed=0):
    """A float64 network whose batch norms have seen something, as a checkpoint."""
    torch.manual_seed(seed)
    network = ConvMixer(
        dim, depth, k, p, 3, in_channels=in_channels, activation=activation
    ).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
    with warnings.catch_warnings():
        # Statistics drawn at random fit no activation.
        warnings.simplefilter("ignore", CheckpointWarning)
        loaded = viz.load(network, dtype=torch.float64)
    assert loaded.config.activation == activation
    return loaded


def scale_of(norm):
    return (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()


def composed(network, grid, unit, block, seed):
    """Answer of a linear network's unit to each pixel: kernels convolved with numpy and scipy.

    Per channel a map over the patch grid, started at the unit; each convolution spreads it by its
    flipped place in the chain, and zero padding cuts it to the grid after each.
    """
    maps = np.zeros((network.config.dim, *grid))
    maps[:, unit[0], unit[1]] = seed
    near = (network.config.kernel_size - 1) // 2
    for b in range(block, -1, -1):
        part = network.blocks[b]
        matrix = part.pointwise.weight.detach().numpy()[:, :, 0, 0]
        maps = np.einsum("ihw,i,ij->jhw", maps, scale_of(part.pointwise_norm), matrix)
        kernels = network.depthwise_kernels(b).detach().numpy()
        spread = np.stack([convolve2d(m, k) for m, k in zip(maps, kernels, strict=True)])
        spread = spread[:, near : near + grid[0], near : near + grid[1]]
        maps = maps + scale_of(part.depthwise_norm)[:, None, None] * spread
    filters = network.patch_filters.detach().numpy()
    pixels = np.einsum("jhw,j,jcyx->chywx", maps, scale_of(network.patch_norm), filters)
    c, h, p, w, _ = pixels.shape
    return pixels.reshape(c, h * p, w * p)


@pytest.mark.parametrize(("k", "unit"), [(1, (7, 6)), (4, (13, 1)), (5, (0, 0)), (5, (7, 6))])
def test_a_linear_network_s_field_is_its_composed_kernel(k, unit):
    checkpoint = made(k=k)
    found = receptive_field(checkpoint, torch.randn(5, 3, 28, 26), unit=unit, random=False)
    for b in range(3):
        exact = np.abs(composed(checkpoint.model, (14, 13), unit, b, 1.0)).sum(0)
        assert found.maps[b] == pytest.approx(exact, rel=1e-6, abs=1e-12 * exact.max())
    # A linear network's gradient is the same at every image.
    assert found.radius_interval_px[..., 0] == pytest.approx(found.radius_px, rel=1e-6)
    assert found.radius_interval_px[..., 1] == pytest.approx(found.radius_px, rel=1e-6)


def test_chosen_channels_are_summed_before_the_magnitude_is_taken():
    checkpoint = made(dim=8)
    for channels in ([5], [0, 3, 7], range(8)):
        found = receptive_field(
            checkpoint, torch.randn(1, 3, 18, 18), channels=channels, random=False
        )
        seed = np.isin(np.arange(8), list(channels))
        exact = np.abs(composed(checkpoint.model, (9, 9), (4, 4), 2, seed)).sum(0)
        assert found.maps[2] == pytest.approx(exact, rel=1e-6, abs=1e-12)
    assert found.channels == tuple(range(8))


def test_maps_are_the_mean_size_of_gradients_and_radii_hold_their_shares():
    checkpoint, images = made(k=4, p=3, activation="gelu"), torch.randn(3, 3, 34, 29).double()
    found = receptive_field(checkpoint, images, unit=(6, 2), random=False)
    y, x = np.mgrid[:34, :29]
    inputs = images.requires_grad_()
    maps = checkpoint.model.embed(inputs)
    for b, block in enumerate(checkpoint.model.blocks):
        maps = block(maps)
        (slope,) = torch.autograd.grad(maps[:, :, 6, 2].sum(), inputs, retain_graph=True)
        exact = slope.abs().sum(1).mean(0).numpy()
        assert found.maps[b] == pytest.approx(exact, rel=1e-6, abs=1e-12)
        distance = np.hypot(y - found.centre_px[b, 0], x - found.centre_px[b, 1])
        for share, radius in zip(SHARES, found.radius_px[b], strict=True):
            mass = [exact[distance <= radius + far].sum() / exact.sum() for far in (0.25, -0.25)]
            assert mass[0] >= share - 1e-6 and mass[1] <= share + 1e-6


def test_the_memory_bound_is_kept(small):
    need = bytes_per_image(small.config, (32, 32), 3)
    sizes = []
    images = open_images(torch.randn(5, 3, 32, 32), small.preprocessing)
    whole, batches = receptive_field(small, images), images.batches
    images.batches = lambda n: sizes.append(n) or batches(n)
    part = receptive_field(small, images, memory_mb=2.5 * need / 1e6)
    assert max(sizes) == 2
    np.testing.assert_allclose(part.radius_px, whole.radius_px, rtol=1e-5)
    with pytest.raises(ReceptiveFieldError, match=r"one image of 32 x 32 pixels needs .* MB"):
        receptive_field(small, images, memory_mb=0.9 * need / 1e6)


def test_the_random_network_is_drawn_as_torch_draws_one_and_set_on_the_images():
    checkpoint, images = made(dim=256, k=5, p=4), torch.randn(5, 3, 32, 32).double()
    drawn = random_network(checkpoint.model, images, 0)
    torch.manual_seed(0)
    fresh = ConvMixer.from_config(checkpoint.config).requires_grad_(False)
    for (name, ours), theirs in zip(drawn.named_parameters(), fresh.parameters(), strict=True):
        if "norm" not in name and "head" not in name:
            assert ours.abs().max() <= theirs.abs().max() * 1.02, name
            assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.15), name
    y = drawn.embed(images)
    for block in drawn.blocks:
        assert y.mean((0, 2, 3)) == pytest.approx(0, abs=1e-3)
        assert y.std((0, 2, 3)) == pytest.approx(1, abs=1e-2)
        y = block(y)


def test_a_size_that_is_no_whole_number_of_patches(small):
    found = receptive_field(small, torch.randn(2, 3, 35, 39), random=False)
    unseen = np.ones((35, 39), bool)
    unseen[:32, :36] = False
    assert (found.maps[:, unseen] == 0).all()
    assert (found.maps[2, ~unseen] > 0).mean() > 0.99
    assert found.unseen_px == unseen.sum()


def test_fewer_than_five_images_have_no_interval(small):
    found = receptive_field(small, torch.randn(4, 3, 32, 32))
    assert np.isnan(found.radius_interval_px).all()
    assert np.isnan(found.random_radius_interval_px).all()
    assert "too few for intervals" in found.intervals


def test_a_dead_network_has_no_radius():
    checkpoint = made(activation="relu")
    with torch.no_grad():
        checkpoint.model.patch_embedding.bias.fill_(-1e6)
    found = receptive_field(checkpoint, torch.randn(2, 3, 16, 16), random=False)
    assert np.isnan(found.radius_px).all()
    assert (found.maps == 0).all()
    assert found.rows()[0]["r50_px"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channels": []}, "channel none found"),
        ({"images": torch.zeros(1, 3, 3, 9)}, "at least one patch"),
    ],
)
def test_what_cannot_be_measured_is_named(small, arguments, words):
    arguments = {"images": torch.zeros(1, 3, 32, 32)} | arguments
    with pytest.raises(ReceptiveFieldError, match=words):
        receptive_field(small, **arguments)


def test_weights_that_overflow_are_named(small):
    with torch.no_grad():
        small.model.blocks[0].pointwise.weight.fill_(float("inf"))
    with pytest.raises(ReceptiveFieldError, match="input 0: the gradient of block 0 is not finite"):
        receptive_field(small, torch.randn(1, 3, 32, 32), random=False)
