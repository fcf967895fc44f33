"""Differences between two networks of equal depth, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from viz.core.bootstrap import block_means, cliffs_delta, t_interval

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]


def delta_error(first: Numbers, second: Numbers) -> float:
    """Return the standard error of Cliff's delta over independent kernels of two blocks.

    Shapes: ``first, second`` (n,).

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), for the area under a curve, of which
    Cliff's delta is twice, minus 1.
    """
    x, y = (np.sort(v[np.isfinite(v)]) for v in (first, second))
    n, m = len(x), len(y)
    if min(n, m) < 2:
        return float("nan")
    over_x = (m - np.searchsorted(y, x, "right") - np.searchsorted(y, x, "left")) / m
    over_y = (np.searchsorted(x, y, "left") + np.searchsorted(x, y, "right") - n) / n
    return float(np.sqrt(over_x.var(ddof=1) / n + over_y.var(ddof=1) / m))


def paired_effects(
    values: tuple[Numbers, Numbers], blocks: tuple[Ints, Ints], confidence: float
) -> dict[str, Any]:
    """Return Cliff's delta of every descriptor block by block, and its mean with an interval.

    Shapes: ``values`` (n, D); ``blocks`` (n,).

    The block is the unit: Student's t with B - 1 degrees of freedom on the blocks' deltas, on the
    scale of artanh (`viz.core.bootstrap.t_interval`). The standard error is at least that of
    independent kernels within the blocks, so that blocks that happen to agree do not make the
    interval narrower than kernels allow.
    """
    names = np.unique(blocks[0])
    pairs = [(values[0][blocks[0] == b], values[1][blocks[1] == b]) for b in names]
    columns = range(values[0].shape[1])
    by_block = np.array([[cliffs_delta(x[:, i], y[:, i]) for x, y in pairs] for i in columns])
    errors = np.array([[delta_error(x[:, i], y[:, i]) for x, y in pairs] for i in columns])
    g = len(names)
    mean = by_block.mean(1)
    if g < 2:
        return {
            "delta_by_block": by_block,
            "paired_delta": mean,
            "paired_delta_interval": np.full((len(mean), 2), np.nan),
        }
    floor = np.sqrt((errors**2).sum(1)) / g
    error = np.fmax(by_block.std(1, ddof=1) / np.sqrt(g), floor)
    units = min(min(len(x), len(y)) for x, y in pairs) * g
    freedom = np.full(len(mean), g - 1.0)
    return {
        "delta_by_block": by_block,
        "paired_delta": mean,
        "paired_delta_interval": t_interval(mean, error, freedom, units, confidence),
    }


def paired_shares(
    truths: tuple[NDArray[np.float32], NDArray[np.float32]],
    blocks: tuple[Ints, Ints],
    confidence: float,
) -> tuple[Numbers, Numbers]:
    """Return mean differences of shares over blocks, with intervals.

    Shapes: ``truths`` (n, c); ``blocks`` (n,); returns (c,).
    """
    names = np.unique(blocks[0])
    first, second = (
        block_means(t, b, names).astype(np.float64) for t, b in zip(truths, blocks, strict=True)
    )
    g = len(names)
    change = second - first
    mean = change.mean(0)
    if g < 2:
        return mean, np.full((len(mean), 2), np.nan)
    variance = np.zeros(len(mean))
    for share, block in ((first, blocks[0]), (second, blocks[1])):
        size = np.array([(block == b).sum() for b in names], np.float64)[:, None]
        even = (share * size + 0.5) / (size + 1)
        variance += (even * (1 - even) / size).sum(0) / g**2
    error = np.maximum(change.std(0, ddof=1) / np.sqrt(g), np.sqrt(variance))
    half = student.ppf(0.5 + confidence / 2, g - 1) * error
    return mean, np.clip(np.stack([mean - half, mean + half], 1), -1, 1)
