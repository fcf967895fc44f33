"""Shuffles, thresholds and the places of single taps against chance."""

import numpy as np
import pytest
from scipy.stats import binom, kurtosis

from viz.measure import kernel_null


def test_shuffles_keep_the_taps_and_lose_their_places(rng):
    taps = rng.standard_normal((30, 25)) ** 3
    made = kernel_null.shuffled(taps, 0, 60)
    assert made.shape == (60, 25)
    known = {tuple(np.sort(np.abs(row)).round(9)) for row in taps}
    assert all(tuple(np.sort(np.abs(row)).round(9)) in known for row in made)
    kurtosis = kernel_null.kurtosis_without_peak(made)
    assert (np.diff(kurtosis) >= -1e-6).all()
    np.testing.assert_array_equal(made, kernel_null.shuffled(-taps[::-1], 0, 60))
    assert (made != kernel_null.shuffled(taps, 1, 60)).any()


@pytest.mark.parametrize(("n", "expected"), [(10, 500), (300, 1200), (1000, 2000), (18000, 3000)])
def test_how_many_shuffles(n, expected):
    assert len(kernel_null.shuffled(np.random.default_rng(0).random((n, 9)), 0)) == expected


def test_kurtosis_is_that_of_the_other_taps(rng):
    taps = rng.standard_normal((5, 25)) ** 3
    for row, found in zip(taps, kernel_null.kurtosis_without_peak(taps), strict=True):
        rest = np.delete(row, np.abs(row - np.median(row)).argmax())
        assert found == pytest.approx(kurtosis(rest, fisher=False))
    spike = np.zeros((1, 25))
    spike[0, 7] = 3.0
    assert kernel_null.kurtosis_without_peak(spike) == 1


def gains(taps, rng):
    """As fits of chance behave: better where few taps hold the energy, and more widely spread."""
    heavy = np.log(kernel_null.kurtosis_without_peak(taps))
    return (0.5 + 0.3 * heavy) * rng.gamma(4.0, size=(3, len(taps))) + 3 * heavy


def test_the_threshold_lets_few_pass(rng):
    def bank(n):
        """Taps from nearly Gaussian to a few that hold all the energy."""
        taps = rng.standard_normal((n, 25))
        return np.sign(taps) * np.abs(taps) ** rng.uniform(0.8, 3, (n, 1))

    taps = bank(4000)
    null = kernel_null.Null.of(taps, gains(taps, rng))
    fresh = bank(20_000)
    chance = gains(fresh, rng)
    passed = null.statistic(fresh, chance) > null.threshold
    # .35 % is aimed at; half as much again for what 4,000 tell.
    assert 0.0015 <= passed.mean() <= 0.0055
    heavy = kernel_null.kurtosis_without_peak(fresh)
    for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 1)):
        a, b = np.quantile(heavy, [low, high])
        assert passed[(heavy >= a) & (heavy <= b)].mean() <= 0.015
    assert (null.statistic(fresh, chance + 30) > null.threshold).mean() > 0.99


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
    single, high, peak = kernel_null.peaks(taps)
    assert single.all() and high.all()
    block = np.repeat([0, 1], n)
    placed = kernel_null.well_placed(single, peak, block, k)
    assert placed[:n].all()
    # Forty taps, each elsewhere: none is common, but a distance may be by chance, 1 % of the time.
    assert placed[n:].mean() <= 0.5
    assert not kernel_null.well_placed(~single, peak, block, k).any()


def test_what_a_single_tap_and_a_peak_are(rng):
    taps = rng.standard_normal((400, 25)) + rng.normal(0, 5, (400, 1))
    taps[np.arange(400), rng.integers(25, size=400)] += rng.choice([-1, 1], 400) * np.geomspace(
        1, 40, 400
    )
    single, high, peak = kernel_null.peaks(taps)
    for i, row in enumerate(taps):
        away = row - np.median(row)
        assert peak[i] == np.abs(away).argmax()
        rest = np.delete(away, peak[i])
        assert single[i] == (away[peak[i]] ** 2 >= 0.85 * (away**2).sum())
        assert high[i] == (abs(away[peak[i]]) >= 5 * np.sqrt((rest**2).mean()))
    assert 50 < single.sum() < high.sum() < 350
    assert not np.any(kernel_null.peaks(np.ones((3, 25)))[:2])


def test_peaks_anywhere_are_seldom_well_placed(rng):
    k, each, blocks = 7, 60, 2000
    peak = rng.integers(k * k, size=each * blocks)
    block = np.repeat(np.arange(blocks), each)
    placed = kernel_null.well_placed(np.ones(len(peak), bool), peak, block, k)
    assert 0 < placed.mean() <= 0.01
    assert len(np.unique(block[placed & (peak == 24)])) <= binom.isf(1e-3, blocks, 0.05)


def test_new_kernels_are_as_torch_draws_them():
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Conv2d(400, 400, 9, groups=400)
    mine = kernel_null.random_init(400, 9, 0)
    theirs = layer.weight.detach().numpy()
    assert np.abs(mine).max() <= 1 / 9
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(mine, q) == pytest.approx(np.quantile(theirs, q), abs=3e-3)
