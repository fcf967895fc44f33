"""Patch filters of two networks: planted pairs recovered, chance told as chance."""

import numpy as np
import pytest
import torch
from scipy.stats import t as student
from two_networks import changed, network, permuted

from viz.views.compare.channels import agreement, cosines
from viz.views.compare_patch_filters.measure import (
    match_patch_filters,
    mixtures,
    on_grid,
)
from viz.views.compare_patch_filters.result import LEVEL, MIXED, SHUFFLED


def with_filters(checkpoint, filters):
    def change(model):
        model.patch_filters.copy_(torch.as_tensor(filters, dtype=torch.float32))

    return changed(checkpoint, change)


def test_permuted_channels_are_recovered_exactly():
    a = network(0)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    b = permuted(a, order)
    images = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(a.model(images), b.model(images))  # the same network
    found = match_patch_filters(a, b)
    np.testing.assert_allclose(found.similarity, 1, atol=1e-6)
    np.testing.assert_array_equal(order.numpy()[found.channel_b], found.channel_a)
    assert found.better_than == (True, True) and not found.by_index
    assert not agreement(a, b).by_index


@pytest.mark.parametrize(("p", "q"), [(14, 7), (7, 5), (5, 2), (4, 4), (3, 1)])
def test_coarser_grid_is_the_mean_over_its_cells(p, q, rng):
    """By repeating pixels until both grids fit, and averaging."""
    filters = rng.standard_normal((2, 3, p, p))
    fine = filters.repeat(q, axis=2).repeat(q, axis=3)
    slow = fine.reshape(2, 3, q, p, q, p).mean((3, 5))
    cells, kept = on_grid(filters, q)
    np.testing.assert_allclose(cells, slow)
    share = (slow**2).mean((1, 2, 3)) / (filters**2).mean((1, 2, 3))
    np.testing.assert_allclose(kept, share)
    np.testing.assert_allclose(on_grid(np.ones((1, 3, p, p)), q)[1], 1)


def test_patches_of_two_sizes_match_where_they_show_the_same():
    small, large = network(0, 16, 2, 3, 4, 3), network(1, 16, 2, 3, 8, 3)
    filters = small.model.patch_filters.detach().numpy()
    order = np.random.default_rng(0).permutation(16)
    planted = np.kron(filters, np.ones((1, 1, 2, 2)))[order]
    rng = np.random.default_rng(1)
    fine = rng.choice([-1.0, 1.0], (16, 3, 4, 4, 1))
    # Details within the cells, which the coarse grid cannot hold.
    detail = np.concatenate([fine, -fine], -1).reshape(16, 3, 4, 8).repeat(2, axis=2)
    found = match_patch_filters(small, with_filters(large, planted + 0.05 * detail))
    assert found.frame_size == 4 and found.resampled
    np.testing.assert_allclose(found.similarity, 1, atol=1e-5)
    np.testing.assert_array_equal(order[found.channel_b], found.channel_a)
    energy = (planted**2).sum((1, 2, 3))
    np.testing.assert_allclose(found.kept_b, energy / (energy + 0.05**2 * 3 * 64), rtol=0.02)
    np.testing.assert_array_equal(found.kept_a, 1)


def test_filters_are_compared_as_they_act_on_pixels():
    from dataclasses import replace

    a = network(0)
    stretched = replace(a.preprocessing, std=(0.1, 0.2, 0.8))
    scale = np.array([0.1, 0.2, 0.8])[:, None, None] / np.array(a.preprocessing.std)[:, None, None]
    b = with_filters(replace(a, preprocessing=stretched), a.model.patch_filters.numpy() * scale)
    np.testing.assert_allclose(match_patch_filters(a, b).similarity, 1, atol=1e-6)


def test_mixtures_keep_second_moments_whatever_the_sizes(rng):
    """Of a Gaussian cloud, also where a few filters are much larger than the rest."""
    filters = rng.standard_normal((400, 3, 3, 3)) * np.linspace(0.2, 2, 27).reshape(3, 3, 3)
    sizes = rng.lognormal(0, 1, (400, 1, 1, 1))
    sizes[7] = 0
    moved = mixtures(filters * sizes, rng)
    np.testing.assert_array_equal(moved[7], 0)

    def moments(rows):
        flat = rows.reshape(len(rows), -1)
        found = flat.T @ flat
        return found / np.trace(found)

    rest = np.arange(400) != 7
    assert np.abs(moments(moved) - moments(filters[rest])).max() < 0.015
    assert abs(cosines(moved, filters).diagonal()).mean() < 0.4


def test_independent_networks_match_no_better_than_chance():
    """At the level said: of 15 pairs of networks that have nothing in common."""
    found = [match_patch_filters(network(2 * i, 16, 1, 3, 4, 2), network(2 * i + 1, 16, 1, 3, 4, 2),
                                 draws=15).better_than for i in range(15)]  # fmt: skip
    better = np.array(found)
    assert better.all(1).sum() == 0 and better[:, SHUFFLED].sum() <= 1


def test_smoothness_alone_is_no_match(rng):
    """Pieces of smooth noise of any size beat shuffled taps, but not their own mixtures."""
    base = network(0, 48, 1, 3, 6, 2)
    step = np.fft.fftfreq(12)
    smooth = np.exp(-0.5 * (step[:, None] ** 2 + step**2) / 0.1**2)

    def drawn():
        noise = rng.standard_normal((48, 3, 12, 12))
        sizes = rng.lognormal(0, 0.7, (48, 1, 1, 1))
        return sizes * np.fft.ifft2(np.fft.fft2(noise) * smooth).real[:, :, :6, :6]

    found = [
        match_patch_filters(with_filters(base, drawn()), with_filters(base, drawn())).better_than
        for _ in range(8)
    ]
    better = np.array(found).sum(0)
    assert better[SHUFFLED] == 8 and better[MIXED] <= 1


def test_noise_on_shared_filters_is_still_a_match(rng):
    a = network(0, 24, 1, 3, 5, 2)
    filters = a.model.patch_filters.detach().numpy()
    noise = rng.standard_normal(filters.shape) * filters.std() * 0.7
    b = with_filters(network(1, 24, 1, 3, 5, 2), filters + noise)
    found = match_patch_filters(a, b)
    assert found.better_than == (True, True) and found.by_index
    # Signal 1, noise .49: the expected cosine.
    assert found.index_similarity == pytest.approx(1 / np.sqrt(1.49), abs=0.04)


def test_other_numbers_of_filters_and_dead_ones():
    a, b = network(0, 16, 1, 3, 4, 2), network(1, 10, 1, 3, 4, 2)
    filters = b.model.patch_filters.detach().numpy().copy()
    filters[3] = 0
    found = match_patch_filters(a, with_filters(b, filters))
    assert len(found.similarity) == 10 and len(set(found.channel_a)) == 10
    assert sorted(found.channel_b) == list(range(10))
    assert found.similarity[found.channel_b == 3] == 0
    assert np.isnan(found.index_similarity) and not found.by_index


def test_what_chance_needs_by_the_slow_formula():
    """Student's bound for one more draw."""
    found = match_patch_filters(network(0), network(1))
    for bound, draws in zip(found.needed, found.null_mean, strict=True):
        n = len(draws)
        spread = (sum((d - draws.mean()) ** 2 for d in draws) / (n - 1)) ** 0.5
        reach = student.ppf(1 - LEVEL, n - 1) * (1 + 1 / n) ** 0.5
        assert bound == pytest.approx(draws.mean() + reach * spread)


def test_agreement_by_the_slow_formula():
    """Every block counts alike; of the first the patch filters are half."""
    a, b = network(0), network(1)

    def cosine(x, y):
        return float((x * y).sum() / (x.norm() * y.norm()))

    def mean(first, second):
        return np.mean([cosine(x, y) for x, y in zip(first, second, strict=True)])

    blocks = [mean(a.model.depthwise_kernels(i), b.model.depthwise_kernels(i)) for i in range(3)]
    blocks[0] = (blocks[0] + mean(a.model.patch_filters, b.model.patch_filters)) / 2
    assert agreement(a, b).index == pytest.approx(np.mean(blocks), abs=1e-6)
