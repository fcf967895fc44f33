"""Early against late blocks: effect sizes, trends, shares of labels, and two statements tested."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata, spearmanr

from viz.measure import kernel_descriptors, kernel_null
from viz.measure.nested import (
    Ranked,
    block_means,
    cliffs_delta,
    pair_deltas,
    resample,
    share_interval,
    t_interval,
    welch,
)
from viz.measure.statements import possible_radii, statistics
from viz.results.depthwise import DESCRIPTORS, LABELS, DepthwiseDescription
from viz.results.early_late import EarlyLate

__all__ = ["ODD_ENERGIES", "RADII", "RESTS", "default_groups", "measure"]

RESTS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
"""Shares of negative taps off the centre that are tried for the early statement."""
ODD_ENERGIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Shares of odd energy that are tried for the late statement."""
RADII = (1.0, 1.5, 2.0, 2.5)
"""Inner radii in taps that are tried for the late statement."""
_INIT_KERNELS, _ORDERS, _EXACT = 4000, 20_000, 8

Progress = Callable[[int, int], None]
Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]


def default_groups(blocks: Sequence[int] | Ints) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the first and the last third of the blocks, rounded, at least one each."""
    ordered = sorted(int(b) for b in set(blocks))
    third = max(1, round(len(ordered) / 3))
    return tuple(ordered[:third]), tuple(ordered[-third:])


def measure(
    description: DepthwiseDescription,
    *,
    early: Sequence[int] | None = None,
    late: Sequence[int] | None = None,
    n_boot: int = 1000,
    confidence: float = 0.95,
    n_networks: int = 20,
    shown: int = 192,
    seed: int = 0,
    progress: Progress | None = None,
) -> EarlyLate:
    """Compare the kernels of early and late blocks.

    Parameters
    ----------
    description : DepthwiseDescription
        Of at least two blocks.
    early, late : sequence of int, optional
        Blocks of each group, 0-based; by default the first and the last third.
    n_boot : int
        Draws of each bootstrap.
    confidence : float
        Of the intervals.
    n_networks : int
        Randomly initialised networks to compare shares with.
    shown : int
        Most kernels of each group kept to look at, chosen at random.
    seed : int
        Of everything drawn.
    progress : callable, optional
        Called with (steps done, steps in all); what it raises ends the measurement.

    Returns
    -------
    EarlyLate
        Effects, trends, shares and verdicts.

    Raises
    ------
    ValueError
        If a group is empty or names a block that was not described, the groups overlap, or there
        are fewer than two blocks.

    Notes
    -----
    Cliff's delta: Psychological Bulletin 114 (1993). Standard errors are those of a bootstrap over
    blocks, then kernels (`viz.measure.nested`); intervals use Student's t with Welch and
    Satterthwaite's degrees of freedom over blocks, because a group has few. Trends take
    percentiles of the same bootstrap over all blocks. Eight descriptors are tested without a
    correction for their number. Blocks of one network are not independent networks: whether
    another training gives the same differences, only another training tells. With few blocks the
    within-block draws make the intervals somewhat too wide where blocks hardly differ.
    """
    groups = _checked(description, early, late)
    blocks = np.unique(description.block)
    report = _Counter(progress, 3 + n_networks)
    values = _values(description)
    effects = _effects(description, values, groups, n_boot, confidence, seed)
    report()
    effects |= _trends(description, values, n_boot, confidence, seed)
    report()
    radii = possible_radii(description.kernels.shape[-1], RADII)
    grid = _Grid.of(description.kernels, radii)
    effects |= _shares(description, groups, grid, n_boot, confidence, seed)
    report()
    effects |= grid.beside_chance(description, groups, n_networks, seed, report)
    quantiles = [
        np.nanquantile(values[description.block == b], [0.25, 0.5, 0.75], axis=0).T for b in blocks
    ]
    return EarlyLate(
        source=replace(
            description.source,
            settings={
                **dict(description.source.settings),
                "early": list(groups[0]),
                "late": list(groups[1]),
                "n_boot": n_boot,
                "n_networks": n_networks,
                "seed": seed,
                "negative_rest": kernel_descriptors.NEGATIVE_REST,
                "odd_energy": kernel_descriptors.ODD_ENERGY,
                "inside_radius": kernel_descriptors.INSIDE,
            },
        ),
        early_blocks=np.array(groups[0], np.int64),
        late_blocks=np.array(groups[1], np.int64),
        blocks=blocks.astype(np.int64),
        confidence=confidence,
        descriptors=_NAMES,
        quartiles=np.stack(quantiles, 1),
        init_quartiles=_init_quartiles(description, seed),
        labels=LABELS,
        rest_thresholds=np.array(RESTS),
        odd_thresholds=np.array(ODD_ENERGIES),
        radii=radii,
        **effects,
        **_kernels(description, groups, shown, seed),
    )


_NAMES = (*DESCRIPTORS, "r2_one_atom")
Groups = tuple[tuple[int, ...], tuple[int, ...]]


class _Counter:
    """Tell how far a measurement is."""

    def __init__(self, progress: Progress | None, steps: int) -> None:
        self.progress, self.steps, self.done = progress, steps, 0

    def __call__(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.steps)


def _checked(
    description: DepthwiseDescription,
    early: Sequence[int] | None,
    late: Sequence[int] | None,
) -> Groups:
    blocks = {int(b) for b in np.unique(description.block)}
    if len(blocks) < 2:
        raise ValueError(
            f"early and late need at least two blocks; found {len(blocks)} described block."
        )
    first, last = default_groups(sorted(blocks))
    groups = (
        first if early is None else tuple(sorted({int(b) for b in early})),
        last if late is None else tuple(sorted({int(b) for b in late})),
    )
    for name, group in zip(("early", "late"), groups, strict=True):
        if not group:
            raise ValueError(f"the {name} group names no block; write it such as 0-2.")
        missing = sorted(set(group) - blocks)
        if missing:
            raise ValueError(
                f"the {name} group names block {missing[0]}, which is not among those described: "
                f"{', '.join(str(b) for b in sorted(blocks))}."
            )
    both = sorted(set(groups[0]) & set(groups[1]))
    if both:
        raise ValueError(f"block {both[0]} is in both groups; early and late must not overlap.")
    return groups


def _values(description: DepthwiseDescription) -> Numbers:
    """Every descriptor of every kernel, (n, D)."""
    columns = [np.asarray(getattr(description, name), np.float64) for name in DESCRIPTORS]
    return np.stack([*columns, description.r2_by_atoms[:, 0]], 1)


def _init_quartiles(description: DepthwiseDescription, seed: int) -> Numbers:
    fresh = kernel_null.random_init(_INIT_KERNELS, description.kernels.shape[-1], seed)
    found = kernel_descriptors.descriptors(fresh)
    columns = [np.asarray(found[name], np.float64) for name in DESCRIPTORS]
    fits = description.init_r2_by_atoms
    columns.append(fits[:, 0] if len(fits) else np.full(1, np.nan))
    with np.errstate(invalid="ignore"):
        return np.stack([np.quantile(column, [0.25, 0.5, 0.75]) for column in columns])


def _effects(
    description: DepthwiseDescription,
    values: Numbers,
    groups: Groups,
    n_boot: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Cliff's delta of every descriptor with its intervals."""
    rows = np.isin(description.block, groups[0] + groups[1])
    block, values = description.block[rows], values[rows]
    late = np.isin(block, groups[1])
    delta = np.array([cliffs_delta(column[~late], column[late]) for column in values.T])
    pairs = np.stack([pair_deltas(column, block, *groups) for column in values.T])
    ranked = [Ranked(column) for column in values.T]
    units = min(len(groups[0]), len(groups[1]))
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
    if units > 1:
        freedom = welch(pairs.mean(2).T, pairs.mean(1).T)
        interval = t_interval(delta, draws(False).std(0, ddof=1), freedom, units, confidence)
    p = [mannwhitneyu(c[late], c[~late], nan_policy="omit").pvalue for c in values.T]
    return {
        "delta": delta,
        "delta_pairs": pairs,
        "delta_interval": interval,
        "delta_interval_kernels": np.nanquantile(draws(True), [tail, 1 - tail], axis=0).T,
        "delta_p_kernels": np.array(p, dtype=np.float64),
    }


def _trends(
    description: DepthwiseDescription,
    values: Numbers,
    n_boot: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Spearman's correlation of every descriptor with depth, over kernels and over blocks."""
    block = description.block
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
        interval = np.nanquantile(drawn, [tail, 1 - tail], axis=0).T
    medians = np.stack([np.nanmedian(values[block == b], axis=0) for b in blocks])
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
    rank = rankdata(medians)
    if n < 3 or np.ptp(rank) == 0:
        return float("nan"), float("nan")
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


@dataclass(frozen=True)
class _Grid:
    """Where the statements are true, kernel by kernel, at every threshold tried."""

    stated: NDArray[np.float32]
    early: NDArray[np.bool_]
    late: NDArray[np.bool_]
    radii: Numbers

    @classmethod
    def of(cls, kernels: NDArray[np.float32], radii: Numbers) -> _Grid:
        found = statistics(kernels, radii)
        stated = _stated(kernels)
        return cls(stated, found.early(RESTS), found.late(ODD_ENERGIES), radii)

    def beside_chance(
        self,
        description: DepthwiseDescription,
        groups: Groups,
        n_networks: int,
        seed: int,
        report: Callable[[], None],
    ) -> dict[str, Any]:
        """Shares at every threshold in both groups and in randomly initialised networks."""
        members = [np.isin(description.block, group) for group in groups]
        count, k = max(int(m.sum()) for m in members), description.kernels.shape[-1]
        stated, early, late = [], [], []
        for i in range(n_networks):
            fresh = kernel_null.random_init(count, k, seed + 1 + i)
            found = statistics(fresh, self.radii)
            stated.append(_stated(fresh).mean(0, dtype=np.float64))
            early.append(found.early(RESTS).mean(0))
            late.append(found.late(ODD_ENERGIES).mean(0))
            report()
        return {
            "rest_shares": np.stack([self.early[m].mean(0) for m in members], -1),
            "ring_shares": np.stack([self.late[m].mean(0) for m in members], -1),
            "init_statements": np.stack(stated),
            "rest_init": np.stack(early, -1),
            "ring_init": np.stack(late, -1),
        }


def _stated(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The four statements at the default thresholds, (n, 4), as 0 and 1."""
    k = kernels.shape[-1]
    # Where no tap lies outside the radius, nothing can be negative there.
    radii = possible_radii(k, [kernel_descriptors.INSIDE])
    found = statistics(kernels, radii if len(radii) else [np.inf])
    halves = found.halves([kernel_descriptors.ODD_ENERGY])[:, 0]
    ringed = found.ringed[:, 0]
    rest = found.early([kernel_descriptors.NEGATIVE_REST])[:, 0]
    return np.stack([rest, halves, ringed, halves | ringed], 1).astype(np.float32)


def _shares(
    description: DepthwiseDescription,
    groups: Groups,
    grid: _Grid,
    n_boot: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Shares of labels and statements in both groups, and their difference with intervals."""
    labels = (description.label[:, None] == np.array(LABELS)).astype(np.float32)
    truth = np.concatenate([labels, grid.stated], 1)
    block, n = description.block, len(LABELS)
    members = [np.isin(block, group) for group in groups]
    means = [truth[m].mean(0, dtype=np.float64) for m in members]
    difference = means[1] - means[0]
    interval = np.full((len(difference), 2), np.nan)
    if min(len(group) for group in groups) > 1:
        rng = np.random.default_rng([seed, 4])
        drawn = []
        for weights in resample(block, groups, n_boot, rng):
            parts = [weights[:, m] @ truth[m] for m in members]
            sizes = [weights[:, m].sum(1, keepdims=True) for m in members]
            drawn.append(parts[1] / sizes[1] - parts[0] / sizes[0])
        error = np.concatenate(drawn).astype(np.float64).std(0, ddof=1)
        freedom = welch(*(block_means(truth, block, group) for group in groups))
        interval = share_interval(difference, error, freedom, confidence)
    by_block = block_means(truth, block, np.unique(block)).astype(np.float64)
    init = description.init_labels
    absent = (means[0][:n] == 0) & (means[1][:n] == 0)
    return {
        "label_shares": by_block[:, :n],
        "early_labels": means[0][:n],
        "late_labels": means[1][:n],
        "init_labels": np.array(
            [float((init == name).mean()) if len(init) else float("nan") for name in LABELS]
        ),
        "label_difference": np.where(absent, np.nan, difference[:n]),
        "label_interval": interval[:n],
        "statement_shares": by_block[:, n:],
        "early_statements": means[0][n:],
        "late_statements": means[1][n:],
        "statement_difference": difference[n:],
        "statement_interval": interval[n:],
    }


def _kernels(
    description: DepthwiseDescription, groups: Groups, shown: int, seed: int
) -> dict[str, Any]:
    """Kernels to look at: a random choice of each group, by label, then by R^2."""
    rng = np.random.default_rng([seed, 5])
    rank = np.array([LABELS.index(str(label)) for label in description.label])
    chosen, late = [], []
    for i, group in enumerate(groups):
        rows = np.flatnonzero(np.isin(description.block, group))
        if len(rows) > shown:
            rows = np.sort(rng.choice(rows, shown, replace=False))
        chosen.append(rows[np.lexsort((-description.r2[rows], rank[rows]))])
        late.append(np.full(len(chosen[-1]), bool(i)))
    rows = np.concatenate(chosen)
    return {
        "kernels": description.kernels[rows],
        "kernel_label": description.label[rows],
        "kernel_block": description.block[rows],
        "kernel_channel": description.channel[rows],
        "kernel_late": np.concatenate(late),
    }
