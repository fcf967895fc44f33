"""Differences between groups of blocks, when kernels are nested in blocks.

Kernels of one block were trained together, so that a block, not a kernel, is what varies freely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from scipy.stats import t as student

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
_TAIL = 0.975
"""Intervals are of 95 %."""


class Effects(NamedTuple):
    """Cliff's delta of D descriptors: estimate (D,), interval (D, 2), each pair of blocks."""

    delta: Numbers
    interval: Numbers
    pairs: Numbers


def cliffs_delta(early: Numbers, late: Numbers) -> float:
    """Return P(late > early) - P(late < early) over all pairs: 2 U / (n m) - 1 of Mann and Whitney.

    Shapes: ``early, late`` (n,).

    Cliff, Psychological Bulletin 114 (1993). It counts order alone: values far apart and values
    just apart weigh the same.
    """
    early, late = early[np.isfinite(early)], late[np.isfinite(late)]
    n, m = len(early), len(late)
    if not n or not m:
        return float("nan")
    # Mann and Whitney's U, of which mannwhitneyu would work out p-values that nobody asks for here.
    u = rankdata(np.concatenate([early, late]))[n:].sum() - m * (m + 1) / 2
    return float(2 * u / (n * m) - 1)


def delta_error(first: Numbers, second: Numbers) -> float:
    """Return the standard error of Cliff's delta over independent kernels.

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


def effects(values: Numbers, block: Ints, groups: tuple[Sequence[int], Sequence[int]]) -> Effects:
    """Return Cliff's delta of every descriptor between two groups of blocks; pairs are (D, E, L).

    Shapes: ``values`` (n, D); ``block`` (n,).

    Delta over kernels is the mean over pairs of blocks, whose standard error over blocks is that of
    a two-sample U-statistic of clusters (Obuchowski, Biometrics 53, 1997); it is taken as at least
    that of independent kernels, and Student's t has the smaller group's blocks less one for degrees
    of freedom. A group of one block has no interval.
    """
    whole = [values[np.isin(block, group)] for group in groups]
    columns = range(values.shape[1])
    delta = np.array([cliffs_delta(whole[0][:, i], whole[1][:, i]) for i in columns])
    pairs = np.array([
        [[cliffs_delta(values[block == a, i], values[block == b, i]) for b in groups[1]]
         for a in groups[0]] for i in columns
    ])  # fmt: skip
    fewest = min(len(group) for group in groups)
    if fewest < 2:
        return Effects(delta, np.full((len(delta), 2), np.nan), pairs)
    error = _error(pairs.mean(2).T, pairs.mean(1).T)
    least = [delta_error(whole[0][:, i], whole[1][:, i]) for i in columns]
    # Where a block has no number, nothing is known of how blocks vary.
    error = np.where(np.isnan(error), np.nan, np.fmax(error, least))
    interval = t_interval(delta, error, fewest - 1, fewest)
    return Effects(delta, interval, pairs)


def paired_effects(values: Sequence[Numbers], blocks: Sequence[Ints]) -> Effects:
    """Return the mean over blocks of Cliff's delta at the same block; pairs are (D, B).

    Shapes: ``values`` (n, D); ``blocks`` (n,).

    The block is the unit: Student's t with B - 1 degrees of freedom on the blocks' deltas. The
    standard error is at least that of independent kernels within the blocks, so that blocks that
    happen to agree do not make the interval narrower than kernels allow.
    """
    names = np.unique(blocks[0])
    pairs = [(values[0][blocks[0] == b], values[1][blocks[1] == b]) for b in names]
    columns = range(values[0].shape[1])
    by_block = np.array([[cliffs_delta(x[:, i], y[:, i]) for x, y in pairs] for i in columns])
    mean, g = by_block.mean(1), len(names)
    if g < 2:
        return Effects(mean, np.full((len(mean), 2), np.nan), by_block)
    errors = np.array([[delta_error(x[:, i], y[:, i]) for x, y in pairs] for i in columns])
    error = np.fmax(by_block.std(1, ddof=1) / np.sqrt(g), np.sqrt((errors**2).sum(1)) / g)
    units = min(min(len(x), len(y)) for x, y in pairs) * g
    return Effects(mean, t_interval(mean, error, g - 1, units), by_block)


def share_effects(
    shares: Sequence[Numbers], sizes: Sequence[int], *, paired: bool
) -> tuple[Numbers, Numbers]:
    """Return differences of mean shares over blocks, second minus first, and their intervals.

    Shapes: ``shares`` (B, c), of the blocks, each of ``sizes`` kernels; returns (c,), (c, 2).

    Student's t over the blocks' differences where they are paired, else over each network's blocks,
    with the fewer blocks less one for degrees of freedom. The error is at least that of shares
    shrunk as in Jeffreys' estimate, (x + 1/2) / (n + 1), as binomials: all or none would have none.
    """
    difference = shares[1].mean(0) - shares[0].mean(0)
    if min(map(len, shares)) < 2:
        return difference, np.full((len(difference), 2), np.nan)
    least = np.zeros(len(difference))
    for share, n in zip(shares, sizes, strict=True):
        even = (share * n + 0.5) / (n + 1)
        least += (even * (1 - even) / n).sum(0) / len(share) ** 2
    error = _error(*shares)
    if paired:
        error = (shares[1] - shares[0]).std(0, ddof=1) / np.sqrt(len(shares[0]))
    half = student.ppf(_TAIL, min(map(len, shares)) - 1) * np.maximum(error, np.sqrt(least))
    return difference, np.clip(np.stack([difference - half, difference + half], 1), -1, 1)


def block_means(values: NDArray[Any], block: Ints) -> Numbers:
    """Return the mean of each column within each block.

    Shapes: ``values`` (n, c); ``block`` (n,); returns (B, c).
    """
    return np.stack([values[block == b].mean(0, dtype=np.float64) for b in np.unique(block)])


def _error(a: Numbers, b: Numbers) -> Numbers:
    """Return the standard error of a difference of two means, (c,), of ``a, b`` (n, c)."""
    error: Numbers = np.sqrt(a.var(0, ddof=1) / len(a) + b.var(0, ddof=1) / len(b))
    return error


def t_interval(
    estimate: Numbers,
    error: Numbers,
    freedom: int,
    units: int,
) -> Numbers:
    """Return intervals for numbers bounded by -1 and 1, on the scale of artanh.

    Shapes: ``estimate, error`` (c,); returns (c, 2).

    At a bound, which no resampling can leave, the other end is (n - t^2) / (n + t^2) with n the
    units (Feng and Cliff, Journal of Modern Applied Statistical Methods 3, 2004).
    """
    q = student.ppf(_TAIL, freedom)
    inner = np.clip(estimate, -1 + 1e-12, 1 - 1e-12)
    half = q * np.where(error > 0, error, np.nan) / (1 - inner**2)
    centre = np.arctanh(inner)
    out = np.stack([np.tanh(centre - half), np.tanh(centre + half)], 1)
    bound = (units - q**2) / (units + q**2)
    out = np.where((estimate >= 1)[:, None], [bound, 1.0], out)
    return np.where((estimate <= -1)[:, None], [-1.0, -bound], out)
