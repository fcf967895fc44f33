"""Effects between groups of blocks with kernels nested in them: slow formulas, bounds, coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from viz.core.effects import (
    cliffs_delta,
    delta_error,
    effects,
    paired_effects,
    share_effects,
    t_interval,
)

T2, T3 = 4.302653, 3.182446
"""Student's t at .975 of 2 and 3 degrees of freedom, from a table."""


def signs(x, y):
    return np.array([[np.sign(b - a) for b in y] for a in x])


def slow_error(x, y):
    s = signs(x, y)
    return np.sqrt(np.var(s.mean(1), ddof=1) / len(x) + np.var(s.mean(0), ddof=1) / len(y))


def around(delta, half):
    """The interval of a delta of which Student's t times the error is ``half``."""
    return np.tanh(np.arctanh(delta) + np.array([-1, 1]) * half / (1 - delta**2))


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_cliffs_delta_counts_every_pair(rng, digits):
    """Rounded values have many ties."""
    for n, m in ((1, 1), (7, 4), (30, 41)):
        early, late = rng.normal(size=n).round(digits), rng.normal(0.4, 2, m).round(digits)
        assert cliffs_delta(early, late) == pytest.approx(signs(early, late).mean(), abs=1e-12)


def test_error_of_delta_is_what_delta_varies_by(rng):
    """Of n and m independent normal values the variance is (n + m + 1) / (3 n m)."""
    n, m = 20, 30
    errors = [delta_error(rng.standard_normal(n), rng.standard_normal(m)) for _ in range(300)]
    assert np.mean(np.square(errors)) == pytest.approx((n + m + 1) / (3 * n * m), rel=0.05)
    x, y = rng.integers(0, 6, 9), rng.integers(0, 6, 7)
    assert delta_error(1.0 * x, 1.0 * y) == pytest.approx(slow_error(x, y))


def test_effects_by_the_slow_formula(rng):
    block, values = np.repeat([0, 1, 2, 5, 6, 7], 4), rng.normal(size=(24, 2)).round(1)
    groups = (0, 1, 2), (5, 6, 7)
    found = effects(values, block, groups)
    for d in range(2):
        at = {b: values[block == b, d] for b in (*groups[0], *groups[1])}
        pairs = np.array([[signs(at[a], at[b]).mean() for b in groups[1]] for a in groups[0]])
        np.testing.assert_allclose(found.pairs[d], pairs)
        delta = pairs.mean()
        assert found.delta[d] == pytest.approx(delta)
        error = np.sqrt(np.var(pairs.mean(1), ddof=1) / 3 + np.var(pairs.mean(0), ddof=1) / 3)
        whole = [np.concatenate([at[b] for b in group]) for group in groups]
        error = max(error, slow_error(*whole))
        np.testing.assert_allclose(found.interval[d], around(delta, T2 * error), rtol=1e-5)
    assert np.isnan(effects(values, block, ((0,), (5, 6))).interval).all()


def test_paired_effects_by_the_slow_formula(rng):
    values = rng.integers(0, 6, (30, 2)).astype(float), rng.integers(0, 7, (30, 2)).astype(float)
    values[0][3, 1] = np.nan
    block = np.repeat([0, 1, 2], 10)
    found = paired_effects(values, (block, block))
    for d in range(2):
        both = [[v[block == b, d] for v in values] for b in range(3)]
        both = [(x[np.isfinite(x)], y) for x, y in both]
        deltas = [signs(x, y).mean() for x, y in both]
        errors = [slow_error(x, y) for x, y in both]
        np.testing.assert_allclose(found.pairs[d], deltas)
        assert found.delta[d] == pytest.approx(np.mean(deltas))
        error = max(np.std(deltas, ddof=1) / 3**0.5, np.sqrt(np.sum(np.square(errors))) / 3)
        expected = around(np.mean(deltas), T2 * error)
        np.testing.assert_allclose(found.interval[d], expected, rtol=1e-5)


@pytest.mark.parametrize("paired", [True, False])
def test_differences_of_shares_by_the_slow_formula(rng, paired):
    """Jeffreys' share of x of n kernels is (x + 1/2) / (n + 1); all or none have an error."""
    shares = rng.integers(0, 26, (4, 2)) / 25, rng.integers(0, 26, (4, 2)) / 25
    for each in shares:
        each[:, 1] = 0
    change, interval = share_effects(shares, (25, 25), paired=paired)
    for c in range(2):
        x, y = (each[:, c] for each in shares)
        even = (25 * np.concatenate([x, y]) + 0.5) / 26
        least = np.sqrt((even * (1 - even) / 25 / 16).sum())
        spread = np.var(y - x, ddof=1) if paired else np.var(x, ddof=1) + np.var(y, ddof=1)
        half = T3 * max(np.sqrt(spread / 4), least)
        assert change[c] == pytest.approx(np.mean(y - x))
        np.testing.assert_allclose(
            interval[c], np.clip([change[c] - half, change[c] + half], -1, 1), rtol=1e-5
        )
    assert interval[1, 0] < 0 < interval[1, 1]


def test_intervals_at_the_bounds_and_without_variation():
    estimate, error = np.array([1.0, -1.0, 0.3, 0.3]), np.array([0.0, 0.0, 0.1, 0.0])
    found = t_interval(estimate, error, 10**9, 10)
    z2 = norm.ppf(0.975) ** 2
    np.testing.assert_allclose(found[0], [(10 - z2) / (10 + z2), 1], rtol=1e-6)
    np.testing.assert_allclose(found[1], [-1, -(10 - z2) / (10 + z2)], rtol=1e-6)
    np.testing.assert_allclose(found[2], around(0.3, 1.959964 * 0.1), rtol=1e-5)
    assert np.isnan(found[3]).all()


def test_the_interval_over_blocks_covers(rng):
    """Two normals a shift apart, each of variance spread^2 + 1: delta = 2 Phi(.) - 1."""
    shift, spread, block = 1.0, 0.7, np.repeat(np.arange(10), 20)
    truth = 2 * norm.cdf(shift / np.sqrt(2 * (spread**2 + 1))) - 1
    effect = rng.normal(0, spread, (10, 300)) + np.repeat([0.0, shift], 5)[:, None]
    values = effect[block] + rng.normal(size=(200, 300))
    found = effects(values, block, (range(5), range(5, 10)))
    low, high = found.interval.T
    assert 0.92 <= ((low <= truth) & (truth <= high)).mean() <= 0.995
    # Half as wide as what blocks differ by is not wide for nothing.
    assert np.median(high - low) < 1.2


@pytest.mark.parametrize("spread", [0.0, 0.8])
def test_paired_interval_covers_no_difference(spread, rng):
    """Blocks that differ at random, or not at all: the interval leaves out 0 at most as said."""
    block = np.repeat(np.arange(6), 15)
    shift = spread * rng.standard_normal((6, 200))[block]
    depth = 3.0 * block[:, None]  # a trend with depth that both share
    first, second = (rng.standard_normal((90, 200)) + depth for _ in range(2))
    low, high = paired_effects((first, second + shift), (block, block)).interval.T
    missed = (~((low <= 0) & (high >= 0))).sum()
    assert missed <= 19  # 5 % of 200 and three standard errors
    assert missed >= 2 or not spread  # not wide for nothing


def test_a_block_without_numbers_leaves_no_interval(rng):
    """Its spread is unknown: that of kernels alone would make the interval too narrow."""
    values, block = rng.normal(size=(60, 2)), np.repeat(np.arange(6), 10)
    values[block == 1, 0] = np.nan
    found = effects(values, block, ((0, 1, 2), (3, 4, 5)))
    assert np.isfinite(found.delta).all()
    assert np.isnan(found.interval[0]).all()
    assert np.isfinite(found.interval[1]).all()
