"""Descriptors and names of kernels by block, and permutation tests of the order of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test, rankdata

from viz.views.kernels import descriptors as kernel_descriptors
from viz.views.kernels.chance import random_init
from viz.views.kernels.result import DESCRIPTORS, KERNEL_NAMES, DepthwiseDescription

NAMES = (*DESCRIPTORS, "r2_one_shape")
"""Descriptors that are compared, in the order of `descriptor_values`' columns."""
_INIT_KERNELS, _QUARTILES = 4000, (0.25, 0.5, 0.75)
_ORDERS = 40_320
"""Of blocks: all of eight, and as many random ones of more."""

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]


def quantiles(values: Numbers, at: Sequence[float] = _QUARTILES) -> Numbers:
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


def by_block(values: Numbers, block: Ints) -> Numbers:
    """Return quartiles of every descriptor in every block, (D, B, 3)."""
    return np.stack([quantiles(values[block == b]) for b in np.unique(block)], 1)


def initial_values(description: DepthwiseDescription, seed: int) -> list[Numbers]:
    """Return every descriptor of kernels drawn as torch initialises them, one array per `NAMES`."""
    fresh = random_init(_INIT_KERNELS, description.kernels.shape[-1], seed)
    found = kernel_descriptors.descriptors(fresh)
    fits = description.init_r2_by_shapes
    columns = [np.asarray(found[name], np.float64) for name in DESCRIPTORS]
    return [*columns, fits[:, 0] if len(fits) else np.full(1, np.nan)]


def initial_quartiles(columns: Sequence[Numbers]) -> Numbers:
    """Return quartiles of each descriptor of `initial_values`, (D, 3)."""
    return np.concatenate([quantiles(column[:, None]) for column in columns])


def initial_names(description: DepthwiseDescription) -> Numbers:
    """Return the share of each name among randomly initialised kernels, (N,); nan where unknown."""
    drawn = description.init_names
    if not len(drawn):
        return np.full(len(KERNEL_NAMES), np.nan)
    return np.array([float((drawn == name).mean()) for name in KERNEL_NAMES])


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


def block_trends(medians: Numbers, seed: int) -> dict[str, Any]:
    """Return Spearman's correlation of the blocks' medians with depth, and p of the blocks' order.

    Shapes: ``medians`` (D, B).
    """
    rho, p = np.full((2, len(medians)), np.nan)
    blocks = medians.shape[1]
    depth = np.arange(blocks) - (blocks - 1) / 2

    def correlation(ranks: Numbers, axis: int) -> Numbers:
        scale = np.sqrt((depth**2).sum() * (ranks**2).sum(axis))
        return np.asarray((ranks * depth).sum(axis) / scale, dtype=np.float64)

    known = np.isfinite(medians).all(1) & (np.ptp(medians, axis=1) > 0)
    if blocks > 2 and known.any():
        ranks = rankdata(medians[known], axis=1) - (blocks + 1) / 2
        found = permutation_test(
            (ranks,), correlation, permutation_type="pairings", vectorized=True, axis=1,
            n_resamples=_ORDERS, rng=np.random.default_rng([seed, 3]), batch=1000,
        )  # fmt: skip
        rho[known], p[known] = found.statistic, found.pvalue
    return {"block_trend": rho, "block_trend_p": p}
