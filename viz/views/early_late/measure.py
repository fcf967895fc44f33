"""Early against late blocks: effect sizes, trends, shares of names, and two statements tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.bootstrap import block_means
from viz.core.counting import Progress, Steps
from viz.core.refusal import Refusal
from viz.views.early_late.effects import (
    NAMES,
    block_order_p,
    descriptor_values,
    effects,
    initial_values,
    quantiles,
    share_difference,
    trends,
)
from viz.views.early_late.result import EarlyLate
from viz.views.kernels.result import KERNEL_NAMES, STATEMENT_R2, DepthwiseDescription
from viz.views.kernels.statements import THRESHOLDS, above_chance, energies, fresh_energies, stated

if TYPE_CHECKING:
    pass

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
    n_random: int = 2000,
    shown: int = 192,
    seed: int = 0,
    progress: Progress | None = None,
) -> EarlyLate:
    """Compare the kernels of early and late blocks.

    Cliff's delta: Psychological Bulletin 114 (1993). Standard errors are those of a bootstrap over
    blocks, then kernels (`viz.core.bootstrap`); intervals use Student's t with Welch and
    Satterthwaite's degrees of freedom over blocks, because a group has few. Trends take
    percentiles of the same bootstrap over all blocks. Eight descriptors are tested without a
    correction for their number. A network's blocks are ordered and fixed: an interval over blocks
    says how far off a difference could be if each group's blocks were a few of many like them. With
    three blocks a group, intervals of a delta near 1 and of trends are too narrow where blocks
    differ by more than kernels do (coverage by simulation: ``method.md`` beside this file). Whether
    another training gives the same differences, only another training tells.
    """
    blocks = np.unique(description.block)
    groups = checked_groups(blocks, early, late)
    report = Steps(progress, 4)
    values = descriptor_values(description)
    found = effects(values, description.block, groups, n_boot, confidence, seed)
    report()
    found |= trends(values, description.block, n_boot, confidence, seed)
    report()
    found |= _shares(description, groups, n_boot, confidence, seed)
    report()
    found |= _thresholds(description, groups, n_random, seed)
    report()
    by_block = [quantiles(values[description.block == b], _QUARTILES) for b in blocks]
    return EarlyLate(
        source=replace(
            description.source,
            settings={
                **dict(description.source.settings),
                "early": list(groups[0]),
                "late": list(groups[1]),
                "n_boot": n_boot,
                "n_random": n_random,
                "statement_r2": STATEMENT_R2,
                "seed": seed,
            },
        ),
        early_blocks=np.array(groups[0], np.int64),
        late_blocks=np.array(groups[1], np.int64),
        blocks=blocks.astype(np.int64),
        confidence=confidence,
        descriptors=NAMES,
        quartiles=np.stack(by_block, 1),
        init_quartiles=_init_quartiles(description, seed),
        kernel_names=KERNEL_NAMES,
        thresholds=np.array(THRESHOLDS),
        **found,
        **_kernels(description, groups, shown, seed),
    )


_QUARTILES = (0.25, 0.5, 0.75)
Groups = tuple[tuple[int, ...], tuple[int, ...]]


def checked_groups(
    described: Iterable[int], early: Sequence[int] | None, late: Sequence[int] | None
) -> Groups:
    """Return the early and the late blocks, or refuse groups that cannot be compared."""
    blocks = {int(b) for b in described}
    if len(blocks) < 2:
        raise Refusal("early and late need at least two blocks; there is one only.")
    first, last = default_groups(sorted(blocks))
    groups = (
        first if early is None else tuple(sorted({int(b) for b in early})),
        last if late is None else tuple(sorted({int(b) for b in late})),
    )
    for name, group in zip(("early", "late"), groups, strict=True):
        if not group:
            raise Refusal(f"the {name} group names no block; write it such as 0-2.")
        missing = sorted(set(group) - blocks)
        if missing:
            raise Refusal(
                f"the {name} group names block {missing[0]}, which is not among the blocks: "
                f"{', '.join(str(b) for b in sorted(blocks))}."
            )
    both = sorted(set(groups[0]) & set(groups[1]))
    if both:
        raise Refusal(f"block {both[0]} is in both groups; early and late must not overlap.")
    return groups


def _init_quartiles(description: DepthwiseDescription, seed: int) -> Numbers:
    columns = initial_values(description, seed)
    return np.concatenate([quantiles(column[:, None], _QUARTILES) for column in columns])


def _shares(
    description: DepthwiseDescription, groups: Groups, n_boot: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Shares of names and statements in both groups, and their difference with intervals."""
    names = description.name[:, None] == np.array(KERNEL_NAMES)
    truth = np.concatenate([names, energies(description) >= STATEMENT_R2], 1).astype(np.float32)
    block, n = description.block, len(KERNEL_NAMES)
    means = [truth[np.isin(block, group)].mean(0, dtype=np.float64) for group in groups]
    difference, interval = share_difference(truth, block, groups, n_boot, confidence, seed)
    by_block = block_means(truth, block, np.unique(block)).astype(np.float64)
    first, last = (by_block[np.isin(np.unique(block), group), n:] for group in groups)
    init = description.init_names
    absent = (means[0][:n] == 0) & (means[1][:n] == 0)
    return {
        "name_shares": by_block[:, :n],
        "early_names": means[0][:n],
        "late_names": means[1][:n],
        "init_names": np.array(
            [float((init == name).mean()) if len(init) else float("nan") for name in KERNEL_NAMES]
        ),
        "name_difference": np.where(absent, np.nan, difference[:n]),
        "name_interval": np.where(absent[:, None], np.nan, interval[:n]),
        "statement_shares": by_block[:, n:],
        "statement_difference": difference[n:],
        "statement_interval": interval[n:],
        "statement_block_p": block_order_p(first, last, seed),
    }


def _thresholds(
    description: DepthwiseDescription, groups: Groups, n_random: int, seed: int
) -> dict[str, Any]:
    """Shares of the statements at every threshold in both groups and in random kernels."""
    true = stated(energies(description))
    fresh = stated(fresh_energies(n_random, description.kernels.shape[-1], seed))
    parts = [true[:, np.isin(description.block, group)] for group in groups]
    return {
        "threshold_shares": np.stack([part.mean(1) for part in parts], -1),
        "threshold_init": fresh.mean(1),
        "threshold_p": np.stack([above_chance(part, fresh) for part in parts], -1),
    }


def _kernels(
    description: DepthwiseDescription, groups: Groups, shown: int, seed: int
) -> dict[str, Any]:
    """Kernels to look at: a random choice of each group, by name, neighbours alike."""
    rng = np.random.default_rng([seed, 5])
    chosen, late = [], []
    for i, group in enumerate(groups):
        rows = np.flatnonzero(np.isin(description.block, group))
        if len(rows) > shown:
            rows = np.sort(rng.choice(rows, shown, replace=False))
        chosen.append(description.order(rows))
        late.append(np.full(len(rows), bool(i)))
    rows = np.concatenate(chosen)
    return {
        "kernels": description.kernels[rows],
        "kernel_name": description.name[rows],
        "kernel_block": description.block[rows],
        "kernel_channel": description.channel[rows],
        "kernel_late": np.concatenate(late),
    }
