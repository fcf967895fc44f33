"""Shuffles, thresholds and the places of single taps against chance."""

import numpy as np
import pytest

from viz.measure import kernel_null


def test_shuffles_keep_the_taps_and_lose_their_places(rng):
    taps = rng.standard_normal((30, 25)) ** 3
    made = kernel_null.shuffled(taps, 0, 60)
    assert made.shape == (60, 25)
    known = {tuple(np.sort(np.abs(row)).round(9)) for row in taps}
    assert all(tuple(np.sort(np.abs(row)).round(9)) in known for row in made)
    kurtosis = kernel_null.kurtosis(made)
    assert (np.diff(kurtosis) >= -1e-6).all()
    np.testing.assert_array_equal(made, kernel_null.shuffled(-taps[::-1], 0, 60))
    assert (made != kernel_null.shuffled(taps, 1, 60)).any()


@pytest.mark.parametrize(("n", "expected"), [(10, 500), (300, 1200), (1000, 2000), (18000, 3000)])
def test_how_many_shuffles(n, expected):
    assert len(kernel_null.shuffled(np.random.default_rng(0).random((n, 9)), 0)) == expected


def test_the_threshold_lets_few_pass(rng):
    taps = rng.standard_normal((4000, 25))
    fits = rng.gamma(4.0, size=(3, 4000)) + 3 * kernel_null.kurtosis(taps)[None]
    null = kernel_null.Null.of(taps, fits)
    fresh = rng.standard_normal((10_000, 25))
    chance = rng.gamma(4.0, size=(3, 10_000)) + 3 * kernel_null.kurtosis(fresh)[None]
    passed = (null.statistic(fresh, chance) > null.threshold).mean()
    assert passed <= 0.01
    better = chance + 30
    assert (null.statistic(fresh, better) > null.threshold).mean() > 0.99


def test_the_fit_is_judged_without_its_largest_tap():
    taps = np.zeros((1, 9))
    taps[0] = [0.1, -0.1, 0.1, -0.1, 5.0, 0.1, -0.1, 0.1, -0.1]
    spike_only, all_of_it = np.zeros((1, 9)), taps.copy()
    spike_only[0, 4] = 5.0
    poor, good = (kernel_null.fit_without_peak(taps, f)[0] for f in (spike_only, all_of_it))
    assert poor < 0.1
    assert good > 6


def test_single_taps_at_the_centre_are_no_chance():
    k, n = 7, 40
    taps = np.zeros((2 * n, k * k))
    taps[:n, 24] = 1.0
    rng = np.random.default_rng(0)
    taps[n + np.arange(n), rng.permutation(k * k)[:n]] = 1.0
    single, peak = kernel_null.single_taps(taps)
    assert single.all()
    block = np.repeat([0, 1], n)
    placed = kernel_null.well_placed(single, peak, block, k)
    assert placed[:n].all()
    # Forty taps, each elsewhere: none is common, but a distance may be by chance, 5 % of the time.
    assert placed[n:].mean() <= 0.5
    assert not kernel_null.well_placed(~single, peak, block, k).any()


def test_new_kernels_are_as_torch_draws_them():
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Conv2d(400, 400, 9, groups=400)
    mine = kernel_null.random_init(400, 9, 0)
    theirs = layer.weight.detach().numpy()
    assert np.abs(mine).max() <= 1 / 9
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(mine, q) == pytest.approx(np.quantile(theirs, q), abs=3e-3)
