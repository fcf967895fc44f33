"""Early against late blocks: effect sizes, trends, shares of names, and two statements tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.effects import block_means, effects
from viz.core.refusal import Refusal
from viz.views.early_late.effects import (
    NAMES,
    block_order_p,
    block_trends,
    by_block,
    descriptor_values,
    initial_names,
    initial_quartiles,
    initial_values,
)
from viz.views.early_late.result import EarlyLate
from viz.views.kernels.result import KERNEL_NAMES, STATEMENT_R2, DepthwiseDescription
from viz.views.kernels.statements import THRESHOLDS, above_chance, energies, fresh_energies, stated

Ints = NDArray[np.int64]
Groups = tuple[tuple[int, ...], tuple[int, ...]]
SHOWN = 192
"""Most kernels of a group that are kept to look at."""


def default_groups(blocks: Sequence[int] | Ints) -> Groups:
    """Return the first and the last third of the blocks, rounded, at least one each."""
    ordered = sorted(int(b) for b in set(blocks))
    third = max(1, round(len(ordered) / 3))
    return tuple(ordered[:third]), tuple(ordered[-third:])


def measure(
    description: DepthwiseDescription,
    *,
    early: Sequence[int] | None = None,
    late: Sequence[int] | None = None,
    n_random: int = 2000,
    seed: int = 0,
) -> EarlyLate:
    """Compare the kernels of early and late blocks.

    Cliff's delta: Psychological Bulletin 114 (1993). Eight descriptors are tested without a
    correction for their number. A network's blocks are ordered and fixed: an interval over blocks
    says how far off a difference could be if each group's blocks were a few of many like them, and
    is too narrow where blocks differ by much more than kernels do (coverage by simulation:
    ``method.md`` beside this file). Whether another training gives the same differences, only
    another training tells.
    """
    blocks = np.unique(description.block)
    groups = checked_groups(blocks, early, late)
    values = descriptor_values(description)
    found = effects(values, description.block, groups)
    quartiles = by_block(values, description.block)
    settings = {
        **dict(description.source.settings),
        "early": list(groups[0]),
        "late": list(groups[1]),
        "n_random": n_random,
        "statement_r2": STATEMENT_R2,
        "seed": seed,
    }
    return EarlyLate(
        source=replace(description.source, settings=settings),
        early_blocks=np.array(groups[0], np.int64),
        late_blocks=np.array(groups[1], np.int64),
        blocks=blocks.astype(np.int64),
        descriptors=NAMES,
        quartiles=quartiles,
        init_quartiles=initial_quartiles(initial_values(description, seed)),
        delta=found.delta,
        delta_interval=found.interval,
        delta_pairs=found.pairs,
        **block_trends(quartiles[:, :, 1], seed),
        kernel_names=KERNEL_NAMES,
        name_shares=block_means(
            description.name[:, None] == np.array(KERNEL_NAMES), description.block
        ),
        init_names=initial_names(description),
        **_statements(description, groups, n_random, seed),
        **_kernels(description, groups, seed),
    )


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


def _statements(
    description: DepthwiseDescription, groups: Groups, n_random: int, seed: int
) -> dict[str, Any]:
    """Shares of the statements by block, and at every threshold in groups and random kernels."""
    block, own = description.block, energies(description)
    shares = block_means(own >= STATEMENT_R2, block)
    first, last = (shares[np.isin(np.unique(block), group)] for group in groups)
    true = stated(own)
    fresh = stated(fresh_energies(n_random, description.kernels.shape[-1], seed))
    parts = [true[:, np.isin(block, group)] for group in groups]
    return {
        "statement_shares": shares,
        "statement_block_p": block_order_p(first, last, seed),
        "thresholds": np.array(THRESHOLDS),
        "threshold_shares": np.stack([part.mean(1) for part in parts], -1),
        "threshold_init": fresh.mean(1),
        "threshold_p": np.stack([above_chance(part, fresh) for part in parts], -1),
    }


def _kernels(description: DepthwiseDescription, groups: Groups, seed: int) -> dict[str, Any]:
    """Kernels to look at: a random choice of each group, by name, neighbours alike."""
    rng = np.random.default_rng([seed, 5])
    chosen = []
    for group in groups:
        rows = np.flatnonzero(np.isin(description.block, group))
        if len(rows) > SHOWN:
            rows = np.sort(rng.choice(rows, SHOWN, replace=False))
        chosen.append(description.order(rows))
    rows = np.concatenate(chosen)
    return {
        "kernels": description.kernels[rows],
        "kernel_name": description.name[rows],
        "kernel_block": description.block[rows],
        "kernel_late": np.arange(len(rows)) >= len(chosen[0]),
    }
