"""Effective receptive fields: composed kernels, autograd, the network left as it was."""

import threading
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
from viz.views.receptive_field.effective import (
    FieldNetwork,
    Linearised,
    bytes_per_image,
    random_network,
)
from viz.views.receptive_field.measure import receptive_field
from viz.views.receptive_field.result import SHARES, ReceptiveField
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


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("unit", [(7, 6), (0, 0), (2, 12), (13, 1)])
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


def autograd_maps(network, images, unit, block, channels=slice(None)):
    """Per image, by the network's own modules."""
    x = images.clone().to(network.patch_filters.dtype).requires_grad_()
    y = network.embed(x)
    for part in network.blocks[: block + 1]:
        y = part(y)
    (g,) = torch.autograd.grad(y[:, channels, unit[0], unit[1]].sum(), x)
    return g


@pytest.mark.parametrize("activation", ["gelu", "relu", "silu"])
@pytest.mark.parametrize("k", [4, 5])
def test_gradients_are_those_of_autograd(activation, k):
    checkpoint = made(k=k, p=3, activation=activation)
    images = torch.randn(3, 3, 34, 29)
    unit = (6, 2)
    found = receptive_field(checkpoint, images, unit=unit, random=False)
    linear = Linearised(FieldNetwork.of(checkpoint.model), images)
    seed = torch.ones(6)
    for b in range(3):
        exact = autograd_maps(checkpoint.model, images, unit, b)
        part, (top, left) = linear.gradient(b, unit, seed)
        full = torch.zeros_like(exact)
        full[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part
        assert torch.allclose(full, exact, rtol=1e-9, atol=1e-12)
        mean = exact.abs().sum(1).mean(0).numpy()
        assert found.maps[b] == pytest.approx(mean, rel=1e-6, abs=1e-12)


def test_numbers_of_a_map_are_those_counted_pixel_by_pixel():
    checkpoint = made(activation="gelu")
    found = receptive_field(checkpoint, torch.randn(4, 3, 21, 25), random=False)
    for b in range(3):
        y, x = np.mgrid[:21, :25]
        down, across = y - found.centre_px[b, 0], x - found.centre_px[b, 1]
        mass = found.maps[b] / found.maps[b].sum()
        distance = np.hypot(down, across)
        assert found.rms_px[b] == pytest.approx(np.sqrt((mass * distance**2).sum()), rel=1e-5)
        moment = np.array([[(mass * u * v).sum() for u in (down, across)] for v in (down, across)])
        low, high = np.linalg.eigvalsh(moment)
        assert found.anisotropy[b] == pytest.approx((high - low) / (high + low), rel=1e-4)
        assert found.offset_px[b] == pytest.approx([(mass * down).sum(), (mass * across).sum()],
                                                   abs=1e-4)  # fmt: skip
        for share, radius in zip(SHARES, found.radius_px[b], strict=True):
            assert mass[distance <= radius + 0.25].sum() >= share - 1e-6
            assert mass[distance <= radius - 0.25].sum() <= share + 1e-6
        top, left, bottom, right = found.box_px[b]
        inside = distance[top:bottom, left:right] <= found.radius_px[b, 1]
        assert found.share_of_theoretical[b] == inside.mean()
        outside = np.ones((21, 25), bool)
        outside[top:bottom, left:right] = False
        assert (found.maps[b][outside] == 0).all()


def same(a: ReceptiveField, b: ReceptiveField, rel=1e-5):
    for name in ("maps", "radius_px", "radius_interval_px", "rms_px", "random_radius_px"):
        one, two = getattr(a, name), getattr(b, name)
        assert one == pytest.approx(two, rel=rel, abs=1e-7 * max(1, np.nanmax(one))), name


def test_batch_size_and_memory_do_not_change_the_result(small):
    images = torch.randn(7, 3, 32, 32)
    whole = receptive_field(small, images)
    for n in (1, 2, 3):
        same(receptive_field(small, images, batch=n), whole)
    need = bytes_per_image(small.config, (32, 32), 3)
    same(receptive_field(small, images, memory_mb=7.5 * need / 1e6), whole)


def test_the_memory_bound_is_kept(small):
    need = bytes_per_image(small.config, (32, 32), 3)
    sizes = []
    images = open_images(torch.randn(5, 3, 32, 32), small.preprocessing)
    batches = images.batches

    def counted(n):
        sizes.append(n)
        return batches(n)

    images.batches = counted
    receptive_field(small, images, memory_mb=2.5 * need / 1e6)
    assert max(sizes) == 2
    with pytest.raises(ReceptiveFieldError, match=r"one image of 32 x 32 pixels needs .* MB"):
        receptive_field(small, images, memory_mb=0.9 * need / 1e6)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_stays_as_it_was(small, training):
    model = small.model.train(training)
    for parameter in model.parameters():
        parameter.requires_grad_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    images = torch.randn(2, 3, 32, 32)
    found = receptive_field(small, images)
    model.eval()
    mean = autograd_maps(model, images, (4, 4), 2).abs().sum(1).mean(0).numpy()
    assert found.maps[2] == pytest.approx(mean, rel=1e-3, abs=1e-6)
    model.train(training)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


class Breaking(nn.Module):
    def forward(self, x):
        raise RuntimeError("broken on purpose")


def test_after_an_error_inside_the_pass_nothing_is_left(small):
    model = small.model
    kept, model.blocks[1].activation = model.blocks[1].activation, Breaking().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="on purpose"):
        receptive_field(small, torch.randn(2, 3, 32, 32))
    assert torch.is_grad_enabled()
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
        assert not module.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.blocks[1].activation = kept
    assert receptive_field(small, torch.randn(2, 3, 32, 32)).n_images == 2


def test_the_global_random_state_is_left_alone(small):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    receptive_field(small, torch.zeros(2, 3, 32, 32))
    assert torch.equal(torch.get_rng_state(), before)


def test_two_threads_find_what_one_finds(small):
    sets = [torch.randn(3, 3, 32, 32), torch.randn(3, 3, 32, 32)]
    alone = [receptive_field(small, images) for images in sets]
    found = [None, None]

    def work(i):
        for _ in range(3):
            found[i] = receptive_field(small, sets[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == alone[0]
    assert found[1] == alone[1]


def test_the_random_network_is_one_in_its_first_training_step(small):
    images = torch.randn(5, 3, 32, 32)
    drawn = random_network(small.config, images, 4, FieldNetwork.of(small.model))
    twin = ConvMixer.from_config(small.config).train()
    with torch.no_grad():
        twin.patch_embedding.weight.copy_(drawn.patches.view_as(twin.patch_filters))
        twin.patch_embedding.bias.copy_(drawn.patch_bias)
        for block, part in zip(twin.blocks, drawn.parts, strict=True):
            block.depthwise.weight.copy_(part.kernel)
            block.depthwise.bias.copy_(part.kernel_bias)
            block.pointwise.weight.copy_(part.point[:, :, None, None])
            block.pointwise.bias.copy_(part.point_bias)
        y = twin.embed(images)
        expected = [y[:, :, 2, 3]]
        for block in twin.blocks:
            y = block(y)
            expected.append(y[:, :, 2, 3])
    linear = Linearised(drawn, images, unit=(2, 3))
    for one, two in zip(linear.outputs, expected, strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_its_weights_are_drawn_as_torch_draws_them():
    checkpoint = made(dim=256, k=5, p=4)
    drawn = random_network(
        checkpoint.config, torch.randn(1, 3, 16, 16), 0, FieldNetwork.of(checkpoint.model)
    )
    torch.manual_seed(0)
    fresh = ConvMixer.from_config(checkpoint.config)
    pairs = [
        (drawn.patches, fresh.patch_filters),
        (drawn.parts[0].kernel, fresh.blocks[0].depthwise.weight),
        (drawn.parts[1].point, fresh.blocks[1].pointwise.weight),
        (drawn.parts[2].kernel_bias, fresh.blocks[2].depthwise.bias),
    ]
    for ours, theirs in pairs:
        assert ours.abs().max() <= theirs.abs().max() * 1.02
        assert float(ours.std()) == pytest.approx(float(theirs.detach().std()), rel=0.12)
    assert not torch.equal(drawn.parts[0].kernel, drawn.parts[1].kernel)


def test_seeds_draw_different_networks_and_the_trained_one_stays(small):
    images = torch.randn(2, 3, 32, 32)
    one, two = (receptive_field(small, images, seed=seed) for seed in (0, 1))
    assert (one.maps == two.maps).all()
    assert not np.allclose(one.random_radius_px, two.random_radius_px)
    assert one == receptive_field(small, images, seed=0)


@pytest.mark.parametrize("size", [(32, 32), (33, 34), (35, 39)])
def test_sizes_that_are_no_whole_number_of_patches(small, size):
    found = receptive_field(small, torch.randn(2, 3, *size), random=False)
    assert found.maps.shape == (3, *size)
    rows, columns = size[0] // 4 * 4, size[1] // 4 * 4
    assert (found.maps[:, rows:] == 0).all()
    assert (found.maps[:, :, columns:] == 0).all()
    assert found.unseen_px == size[0] * size[1] - rows * columns
    assert (found.maps[2, :rows, :columns] > 0).mean() > 0.99


@pytest.mark.parametrize("n", [1, 4])
def test_fewer_than_five_images_have_no_interval(small, n):
    found = receptive_field(small, torch.randn(n, 3, 32, 32))
    assert np.isnan(found.radius_interval_px).all()
    assert np.isnan(found.random_radius_interval_px).all()
    assert found.rows()[0]["r50_interval_px"] is None
    assert "too few for intervals" in found.intervals


def test_a_dead_network_has_no_radius():
    checkpoint = made(activation="relu")
    with torch.no_grad():
        checkpoint.model.patch_embedding.bias.fill_(-1e6)
    found = receptive_field(checkpoint, torch.randn(2, 3, 16, 16), random=False)
    assert np.isnan(found.radius_px).all()
    assert (found.maps == 0).all()
    row = found.rows()[0]
    assert row["r50_px"] is row["rms_px"] is row["share_of_theoretical"] is None


def test_a_constant_field_fills_its_theoretical_share():
    """One block whose kernels are all ones, without residual: the same answer everywhere."""
    checkpoint = made(dim=1, depth=1, k=9, p=3, in_channels=1)
    model = checkpoint.model
    with torch.no_grad():
        model.patch_filters.fill_(1)
        model.depthwise_kernels(0).fill_(1)
        model.blocks[0].depthwise_norm.weight.fill_(1e9)
    found = receptive_field(checkpoint, torch.randn(1, 1, 81, 81), random=False)
    assert found.share_of_theoretical[0] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channels": [16]}, "channel 16 found, expected channels of 0 to 15"),
        ({"channels": []}, "channel none found"),
        ({"unit": (8, 0)}, "a row of 0 to 7"),
        ({"blocks": [3]}, "blocks of 0 to 2"),
        ({"images": torch.zeros(1, 3, 3, 9)}, "at least one patch"),
        ({"confidence": 1.0}, "confidence of 1.0 found"),
        ({"n_boot": 0}, "0 bootstrap samples found"),
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


def test_the_table_tells_field_centre_and_radii(small):
    rows = receptive_field(small, torch.randn(5, 3, 32, 32)).rows()
    assert [row["theoretical_px"] for row in rows] == [4 + 4 * (b + 1) * 4 for b in range(3)]
    assert [row["centre_px"] for row in rows] == [4 * 4 + 1.5] * 3
    for row in rows:
        assert 0 < row["r50_px"] < row["r90_px"] < row["r99_px"] < 32
        assert row["r50_interval_px"] is None
        assert 0 < row["random"]["r50_px"] < row["random"]["r99_px"]
