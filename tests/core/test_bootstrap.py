"""Effects and trends of kernels nested in blocks: slow formulas, hand-worked cases, coverage."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, spearmanr, ttest_ind

from viz.core.bootstrap import (
    Ranked,
    cliffs_delta,
    pair_deltas,
    resample,
    share_floor,
    share_interval,
    t_interval,
    welch,
)
from viz.views.early_late.effects import effects, trends


def slow_delta(early, late):
    score = [np.sign(b - a) for a in early for b in late]
    return float(np.mean(score))


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_cliffs_delta_counts_every_pair(rng, digits):
    """Rounded values have many ties."""
    for n, m in ((1, 1), (7, 4), (30, 41)):
        early, late = rng.normal(size=n).round(digits), rng.normal(0.4, 2, m).round(digits)
        assert cliffs_delta(early, late) == pytest.approx(slow_delta(early, late), abs=1e-12)


def test_pairs_of_blocks(rng):
    block, values = np.repeat([0, 1, 5, 6, 7], 4), rng.normal(size=20).round(1)
    found = pair_deltas(values, block, [0, 1], [5, 7])
    for (i, a), (j, b) in itertools.product(enumerate([0, 1]), enumerate([5, 7])):
        assert found[i, j] == pytest.approx(slow_delta(values[block == a], values[block == b]))


def test_blocks_are_drawn_then_kernels_within_them(rng):
    """Of G blocks G - 1 are drawn, each of them with as many kernels as it has."""
    sizes = {0: 3, 1: 3, 2: 5, 4: 2, 5: 4, 9: 6}
    block = np.repeat(list(sizes), list(sizes.values()))
    draws = np.concatenate(list(resample(block, [[0, 1, 2], [4, 5]], 4000, rng)))
    assert draws.shape == (4000, len(block))
    assert not draws[:, block == 9].any()
    times = {b: draws[:, block == b].sum(1) / size for b, size in sizes.items()}
    for group in ([0, 1, 2], [4, 5]):
        for b in group:
            assert np.isin(times[b], range(len(group))).all()
            assert times[b].mean() == pytest.approx((len(group) - 1) / len(group), abs=0.05)
        assert (sum(times[b] for b in group) == len(group) - 1).all()
    # Within a block drawn once, kernels are drawn with replacement: each is left out at times.
    once = draws[times[2] == 1][:, block == 2]
    assert (once == 0).mean() == pytest.approx((4 / 5) ** 5, abs=0.03)
    assert np.var(once) == pytest.approx(5 * (1 / 5) * (4 / 5), abs=0.06)


def test_weighted_ranks_are_those_of_repeated_values(rng):
    block, late = np.repeat([0, 1, 2, 3], 6), np.repeat([False, False, True, True], 6)
    values = rng.normal(size=24).round(1)
    values[5] = np.nan
    weights = rng.integers(0, 4, (20, 24)).astype(np.float32)
    ranked = Ranked(values)
    deltas, rhos = ranked.deltas(weights, late), ranked.trends(weights, block)
    for row, delta, rho in zip(weights.astype(int), deltas, rhos, strict=True):
        again, depth, is_late = (np.repeat(x, row) for x in (values, block, late))
        known = np.isfinite(again)
        assert delta == pytest.approx(cliffs_delta(again[~is_late], again[is_late]), abs=1e-9)
        assert rho == pytest.approx(spearmanr(again[known], depth[known]).statistic, abs=1e-9)


def test_no_pairs_and_no_spread_are_not_numbers():
    ranked = Ranked(np.array([1.0, 1.0, 1.0]))
    weights = np.ones((1, 3), np.float32)
    assert np.isnan(ranked.deltas(weights, np.array([False, False, False]))).all()
    assert np.isnan(ranked.trends(weights, np.array([0, 1, 2]))).all()


def test_degrees_of_freedom_are_welchs(rng):
    a, b = rng.normal(size=(5, 3)), rng.normal(0, [1, 5, 0.1], (7, 3))
    expected = ttest_ind(a, b, equal_var=False).df
    np.testing.assert_allclose(welch(a, b), expected)
    np.testing.assert_array_equal(welch(np.ones((3, 1)), np.ones((6, 1))), [2])


def test_intervals_at_the_bounds_and_without_variation():
    estimate = np.array([1.0, -1.0, 0.3, 0.3])
    error = np.array([0.0, 0.0, 0.1, 0.0])
    found = t_interval(estimate, error, np.full(4, 1e9), 10, 0.95)
    z2 = norm.ppf(0.975) ** 2
    np.testing.assert_allclose(found[0], [(10 - z2) / (10 + z2), 1], rtol=1e-6)
    np.testing.assert_allclose(found[1], [-1, -(10 - z2) / (10 + z2)], rtol=1e-6)
    # Symmetric where the bounds lie at infinity, with the delta method's error.
    half = 1.959964 * 0.1 / (1 - 0.09)
    expected = np.tanh(np.arctanh(0.3) + np.array([-half, half]))
    np.testing.assert_allclose(found[2], expected, rtol=1e-5)
    assert np.isnan(found[3]).all()
    shares = share_interval(np.array([0.9, 0.0]), np.array([0.1, 0.2]), np.full(2, 1e9), 0.95)
    expected = [[0.9 - 0.1959964, 1], [-0.3919928, 0.3919928]]
    np.testing.assert_allclose(shares, expected, rtol=1e-6)


def test_a_share_of_all_or_none_still_has_an_error():
    """Four kernels of four, and none of two twice: Jeffreys' 4.5 / 5 and 0.5 / 3, by hand."""
    truth, block = np.repeat([[1.0], [0.0]], 4, axis=0), np.repeat([0, 1, 2], [4, 2, 2])
    one, two = 0.9 * 0.1 / 4, (1 / 6) * (5 / 6) / 2
    expected = np.sqrt(one / 1 + (two + two) / 4)
    np.testing.assert_allclose(share_floor(truth, block, [[0], [1, 2]]), [expected])


def nested_sample(rng, columns, blocks, kernels, spread, shift):
    """Independent columns: block effects of one spread, kernels of spread 1 around them."""
    block = np.repeat(np.arange(len(blocks)), kernels)
    effect = rng.normal(0, spread, (len(blocks), columns)) + shift[:, None]
    return effect[block] + rng.normal(size=(len(block), columns)), block


def test_few_blocks_widen_intervals_as_students_t_does(rng):
    """Between 50 and 95 %, t of 2 to 4 degrees of freedom grows 3.7 to 5.3 times, a normal 2.9."""
    values, block = nested_sample(rng, 20, range(6), 10, 1.0, np.zeros(6))
    widths = []
    for confidence in (0.5, 0.95):
        found = effects(values, block, ((0, 1, 2), (3, 4, 5)), 50, confidence, 0)
        widths.append(np.ptp(np.arctanh(found["delta_interval"]), axis=1))
    ratio = widths[1] / widths[0]
    assert ratio.min() > 3.7
    assert ratio.max() < 5.3


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_interval_over_blocks_covers_and_the_one_over_kernels_does_not(shift):
    """Two normals a shift apart, each of variance spread^2 + 1: delta = 2 Phi(.) - 1."""
    rng = np.random.default_rng(7)
    spread, groups = 0.7, ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
    truth = 2 * norm.cdf(shift / np.sqrt(2 * (spread**2 + 1))) - 1
    hits, naive = [], []
    for seed in range(4):
        values, block = nested_sample(rng, 100, range(10), 20, spread, np.repeat([0.0, shift], 5))
        found = effects(values, block, groups, 200, 0.95, seed)
        for name, into in (("delta_interval", hits), ("delta_interval_kernels", naive)):
            low, high = found[name].T
            into += ((low <= truth) & (truth <= high)).tolist()
    assert 0.92 <= np.mean(hits) <= 0.99
    assert np.mean(naive) < 0.7


def test_the_interval_of_a_trend_holds_none_where_there_is_none():
    rng = np.random.default_rng(8)
    hits = []
    for seed in range(2):
        values, block = nested_sample(rng, 100, range(9), 15, 0.7, np.zeros(9))
        low, high = trends(values, block, 200, 0.95, seed)["trend_interval"].T
        hits += ((low <= 0) & (high >= 0)).tolist()
    assert np.mean(hits) >= 0.9


def test_trend_by_hand():
    """Ranks 1 to 6 against 1.5, 1.5, 3.5, 3.5, 5.5, 5.5: 16 / sqrt(17.5 * 16)."""
    values = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])[:, None]
    block = np.array([0, 0, 1, 1, 2, 2])
    found = trends(np.concatenate([values, -values, 0 * values], 1), block, 50, 0.95, 0)
    rho = 16 / np.sqrt(17.5 * 16)
    np.testing.assert_allclose(found["trend"], [rho, -rho, np.nan])
    # Medians of three blocks in order: of the six orders one is as strong, and its reverse.
    np.testing.assert_allclose(found["block_trend"], [1, -1, np.nan])
    np.testing.assert_allclose(found["block_trend_p"], [2 / 6, 2 / 6, np.nan])
    assert np.isnan(found["trend_interval"][2]).all()


def test_many_blocks_are_ordered_at_random_as_exactly():
    """Nine blocks: 20,000 random orders against all 362,880."""
    rng = np.random.default_rng(2)
    medians = np.arange(9.0) + rng.normal(0, 4, 9)
    found = trends(medians[:, None], np.arange(9), 20, 0.95, 0)
    rank = medians.argsort().argsort()
    expected = spearmanr(rank, np.arange(9)).statistic
    depth = np.arange(9) - 4.0
    orders = np.array(list(itertools.permutations(depth)))
    as_strong = np.abs(orders @ rank) >= np.abs(depth @ rank) - 1e-9
    assert found["block_trend"][0] == pytest.approx(expected)
    assert found["block_trend_p"][0] == pytest.approx(as_strong.mean(), abs=0.01)
