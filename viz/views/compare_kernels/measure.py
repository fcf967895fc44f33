"""Depthwise kernels of the same channels before and after, for snapshots of one training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.core.refusal import Refusal
from viz.views.compare.channels import PERMUTATIONS, Agreement, agreement
from viz.views.compare.measure import two_networks
from viz.views.compare_kernels.result import KernelChange
from viz.views.kernels.result import DepthwiseDescription

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
SHOWN = 12
"""Kernels of each block to look at."""


def refused(a: Checkpoint, b: Checkpoint) -> str:
    """Return why kernels of two networks are not the same ones before and after."""
    return _corresponding(a, b)[0]


def _corresponding(a: Checkpoint, b: Checkpoint) -> tuple[str, Agreement | None]:
    """Return why channels do not correspond, and how they do, as far as it was measured."""
    for name, what in (("dim", "dim"), ("depth", "depth"), ("kernel_size", "kernel size")):
        first, second = getattr(a.config, name), getattr(b.config, name)
        if first != second:
            return (
                f"kernels before and after need networks of one shape, and {what} is {first} and "
                f"{second}; give two snapshots of one training."
            ), None
    found = agreement(a, b)
    if found.by_index:
        return "", found
    return (
        "the channels of the networks do not correspond: weights of the same channel have a mean "
        f"cosine of {found.index:.3f}, of random channels up to {found.permuted.max():.3f}; give "
        "two snapshots of one training."
    ), found


def kernel_change(
    a: Checkpoint,
    b: Checkpoint,
    descriptions: tuple[DepthwiseDescription, DepthwiseDescription],
    *,
    seed: int = 0,
) -> KernelChange:
    """Measure which kernels moved between two networks, and which names changed.

    A name is the best of several descriptions: kernels near the border between two change it
    without changing much. A batch norm and a non-linearity follow every kernel, so that a change
    of size alone is not nothing, but is less than one of shape.
    """
    reason, found = _corresponding(a, b)
    if found is None or reason:
        raise Refusal(reason)
    orders = [np.lexsort((d.channel, d.block)) for d in descriptions]
    before, after = (
        d.kernels[rows].astype(np.float64) for d, rows in zip(descriptions, orders, strict=True)
    )
    labels = [d.name[rows] for d, rows in zip(descriptions, orders, strict=True)]
    block, channel = descriptions[0].block[orders[0]], descriptions[0].channel[orders[0]]
    size, size_after = (np.linalg.norm(each, axis=(1, 2)) for each in (before, after))
    product = (before * after).sum((1, 2))
    change = _change(before, after)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(size * size_after > 0, product / (size * size_after), np.nan)
        ratio = np.where(size > 0, size_after / size, np.nan)
    moved = _most_moved(change, block)
    return KernelChange(
        **two_networks(a, b, {"seed": seed, "permutations": PERMUTATIONS}),
        index_similarity=found.index,
        permuted_similarity=found.permuted,
        block=block,
        channel=channel,
        relative_change=change,
        cosine=np.clip(cosine, -1, 1),
        norm_ratio=ratio,
        label_a=labels[0],
        label_b=labels[1],
        permuted_change=_permuted(before, after, block, seed),
        moved=moved,
        kernels_a=before[moved].astype(np.float32),
        kernels_b=after[moved].astype(np.float32),
    )


def _change(before: Numbers, after: Numbers) -> Numbers:
    """Norm of what changed over the norm before, of each kernel; nan where it was zero."""
    size = np.linalg.norm(before, axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, np.linalg.norm(after - before, axis=(1, 2)) / size, np.nan)


def _most_moved(change: Numbers, block: Ints) -> Ints:
    """Rows of the kernels of each block that changed most, first block first."""
    strength = np.where(np.isfinite(change), change, -1)
    rows = [np.flatnonzero(block == b) for b in np.unique(block)]
    return np.concatenate(
        [each[np.argsort(-strength[each], kind="stable")][:SHOWN] for each in rows]
    ).astype(np.int64)


def _permuted(before: Numbers, after: Numbers, block: Ints, seed: int) -> Numbers:
    """Median relative change of each block with the channels after in a random order."""
    rng = np.random.default_rng([seed, 13])
    out = []
    for b in np.unique(block):
        rows = np.flatnonzero(block == b)
        change = _change(before[rows], after[rng.permutation(rows)])
        known = change[np.isfinite(change)]
        out.append(float(np.median(known)) if len(known) else float("nan"))
    return np.array(out)
