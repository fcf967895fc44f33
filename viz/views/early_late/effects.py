"""Effect sizes between groups of blocks and trends with depth, with intervals over blocks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, permutation_test, rankdata, spearmanr

from viz.core.bootstrap import (
    Ranked,
    block_means,
    cliffs_delta,
    pair_deltas,
    resample,
    share_floor,
    share_interval,
    t_interval,
    welch,
)
from viz.views.kernels import descriptors as kernel_descriptors
from viz.views.kernels.chance import random_init
from viz.views.kernels.result import DESCRIPTORS, DepthwiseDescription

NAMES = (*DESCRIPTORS, "r2_one_shape")
"""Descriptors that are compared, in the order of `descriptor_values`' columns."""
_INIT_KERNELS = 4000

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
_ORDERS, _EXACT = 20_000, 8


def quantiles(values: Numbers, at: Sequence[float]) -> Numbers:
    """Return quantiles of each column, (columns, at); nan is left out, unless all are nan."""
    known = np.isfinite(values).any(0)
    out = np.full((values.shape[1], len(at)), np.nan)
    if known.any():
        out[known] = np.nanquantile(values[:, known], at, axis=0).T
    return out


def descriptor_values(description: DepthwiseDescription) -> Numbers:
    """Return every descriptor of every kernel, (n, D), columns as in `NAMES`."""
    columns = [np.asarray(getattr(description, name), np.float64) for name in DESCRIPTORS]
    return np.stack([*columns, description.r2_by_shapes[:, 0]], 1)


def initial_values(description: DepthwiseDescription, seed: int) -> list[Numbers]:
    """Return every descriptor of kernels drawn as torch initialises them, one array per `NAMES`."""
    fresh = random_init(_INIT_KERNELS, description.kernels.shape[-1], seed)
    found = kernel_descriptors.descriptors(fresh)
    fits = description.init_r2_by_shapes
    columns = [np.asarray(found[name], np.float64) for name in DESCRIPTORS]
    return [*columns, fits[:, 0] if len(fits) else np.full(1, np.nan)]


def share_difference(
    truth: NDArray[np.float32],
    block: Ints,
    groups: tuple[Sequence[int], Sequence[int]],
    n_boot: int,
    confidence: float,
    seed: int,
) -> tuple[Numbers, Numbers]:
    """Return differences of shares between two groups of blocks, with intervals.

    Shapes: ``truth`` (n, c); ``block`` (n,); returns (c,).
    """
    members = [np.isin(block, group) for group in groups]
    means = [truth[m].mean(0, dtype=np.float64) for m in members]
    difference = means[1] - means[0]
    if min(len(group) for group in groups) < 2:
        return difference, np.full((len(difference), 2), np.nan)
    rng = np.random.default_rng([seed, 4])
    drawn = []
    for weights in resample(block, groups, n_boot, rng):
        parts = [weights[:, m] @ truth[m] for m in members]
        sizes = [weights[:, m].sum(1, keepdims=True) for m in members]
        drawn.append(parts[1] / sizes[1] - parts[0] / sizes[0])
    error = np.concatenate(drawn).astype(np.float64).std(0, ddof=1)
    error = np.maximum(error, share_floor(truth, block, groups))
    freedom = welch(*(block_means(truth, block, group) for group in groups))
    return difference, share_interval(difference, error, freedom, confidence)


def block_order_p(early: Numbers, late: Numbers, seed: int) -> Numbers:
    """Return how often blocks in random order differ by as much, from a group to the other.

    Shapes: ``early, late`` (E, c); returns (c, 2).
    """
    if min(len(early), len(late)) < 2:
        return np.full((early.shape[1], 2), np.nan)

    def difference(a: Numbers, b: Numbers, axis: int) -> Numbers:
        step: Numbers = a.mean(axis) - b.mean(axis)
        return step

    def p(alternative: Literal["greater", "less"]) -> Numbers:
        rng = np.random.default_rng([seed, 6])
        found = permutation_test(
            (early, late), difference, alternative=alternative, vectorized=True, rng=rng
        )
        return np.asarray(found.pvalue, dtype=np.float64)

    return np.stack([p("greater"), p("less")], 1)


def effects(
    values: Numbers,
    block: Ints,
    groups: tuple[Sequence[int], Sequence[int]],
    n_boot: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Return Cliff's delta of every descriptor between two groups of blocks, with intervals.

    Shapes: ``values`` (n, D); ``block`` (n,).
    """
    rows = np.isin(block, [*groups[0], *groups[1]])
    block, values = block[rows], values[rows]
    late = np.isin(block, groups[1])
    delta = np.array([cliffs_delta(column[~late], column[late]) for column in values.T])
    pairs = np.stack([pair_deltas(column, block, *groups) for column in values.T])
    ranked = [Ranked(column) for column in values.T]
    tail = (1 - confidence) / 2

    def draws(whole: bool) -> Numbers:
        rng = np.random.default_rng([seed, int(whole)])
        return np.concatenate(
            [
                np.stack([r.deltas(weights, late) for r in ranked], 1)
                for weights in resample(block, groups, n_boot, rng, whole=whole)
            ]
        )

    interval = np.full((len(delta), 2), np.nan)
    if min(len(groups[0]), len(groups[1])) > 1:
        freedom = welch(pairs.mean(2).T, pairs.mean(1).T)
        units = min(len(groups[0]), len(groups[1]))
        interval = t_interval(delta, draws(False).std(0, ddof=1), freedom, units, confidence)
    p = [_mann_whitney_p(column[~late], column[late]) for column in values.T]
    return {
        "delta": delta,
        "delta_pairs": pairs,
        "delta_interval": interval,
        "delta_interval_kernels": quantiles(draws(True), [tail, 1 - tail]),
        "delta_p_kernels": np.array(p, dtype=np.float64),
    }


def _mann_whitney_p(early: Numbers, late: Numbers) -> float:
    early, late = early[np.isfinite(early)], late[np.isfinite(late)]
    if not len(early) or not len(late) or np.ptp(np.concatenate([early, late])) == 0:
        return float("nan")
    return float(mannwhitneyu(late, early).pvalue)


def trends(
    values: Numbers, block: Ints, n_boot: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Return Spearman's correlation of every descriptor with depth, over kernels and over blocks.

    Shapes: ``values`` (n, D); ``block`` (n,).
    """
    blocks = [int(b) for b in np.unique(block)]
    ranked = [Ranked(column) for column in values.T]
    once = np.ones((1, len(block)), np.float32)
    trend = np.array([r.trends(once, block)[0] for r in ranked])
    interval = np.full((len(trend), 2), np.nan)
    tail = (1 - confidence) / 2
    if len(blocks) > 2:
        rng = np.random.default_rng([seed, 2])
        drawn = np.concatenate(
            [
                np.stack([r.trends(weights, block) for r in ranked], 1)
                for weights in resample(block, [blocks], n_boot, rng)
            ]
        )
        interval = quantiles(drawn, [tail, 1 - tail])
    medians = np.stack([quantiles(values[block == b], [0.5])[:, 0] for b in blocks])
    over_blocks = [_block_trend(column, seed) for column in medians.T]
    p = [_spearman_p(column, block) for column in values.T]
    return {
        "trend": trend,
        "trend_interval": interval,
        "trend_p_kernels": np.array(p, dtype=np.float64),
        "block_trend": np.array([rho for rho, _ in over_blocks]),
        "block_trend_p": np.array([share for _, share in over_blocks]),
    }


def _spearman_p(values: Numbers, block: Ints) -> float:
    known = np.isfinite(values)
    if len(np.unique(values[known])) < 2:
        return float("nan")
    return float(spearmanr(values[known], block[known]).pvalue)


def _block_trend(medians: Numbers, seed: int) -> tuple[float, float]:
    """Spearman's correlation over blocks; p from every order of them, or 20,000 random ones."""
    n = len(medians)
    if n < 3 or not np.isfinite(medians).all() or np.ptp(medians) == 0:
        return float("nan"), float("nan")
    rank = rankdata(medians)
    depth = np.arange(n) - (n - 1) / 2
    scale = math.sqrt(float((depth**2).sum() * ((rank - rank.mean()) ** 2).sum()))
    observed = float(depth @ rank) / scale
    if n <= _EXACT:
        orders = np.array(list(itertools.permutations(range(n))))
        others = depth[orders] @ rank / scale
        return observed, float((np.abs(others) >= abs(observed) - 1e-12).mean())
    rng = np.random.default_rng([seed, 3])
    others = rng.permuted(np.tile(depth, (_ORDERS, 1)), axis=1) @ rank / scale
    as_strong = int((np.abs(others) >= abs(observed) - 1e-12).sum())
    return observed, (as_strong + 1) / (_ORDERS + 1)
