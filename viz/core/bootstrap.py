"""Differences between groups of blocks, when kernels are nested in blocks.

Kernels of one block were trained together, so that a block, not a kernel, is what varies freely.
The bootstrap here draws blocks, then kernels within the blocks drawn. Of G blocks it draws G - 1,
without which the spread would be too small by (G - 1) / G (Rao and Wu, JASA 83, 1988).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from scipy.stats import t as student

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
_CHUNK = 2_000_000
_RNG = np.random.Generator


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


def pair_deltas(values: Numbers, block: Ints, early: Sequence[int], late: Sequence[int]) -> Numbers:
    """Return `cliffs_delta` of every early block against every late one, (early, late)."""
    return np.array(
        [[cliffs_delta(values[block == a], values[block == b]) for b in late] for a in early]
    )


def resample(
    block: Ints,
    groups: Sequence[Sequence[int]],
    n_boot: int,
    rng: _RNG,
    *,
    whole: bool = False,
) -> Iterator[NDArray[np.float32]]:
    """Draw blocks within each group, then kernels within each block drawn.

    Shapes: ``block`` (n,); returns (draws, n).
    """
    rows = [(g, b, np.flatnonzero(block == b)) for g, group in enumerate(groups) for b in group]
    step = max(1, _CHUNK // len(block))
    for start in range(0, n_boot, step):
        draws = min(step, n_boot - start)
        times: dict[tuple[int, int], Ints] = {}
        for g, group in enumerate(groups):
            size = len(group)
            even = np.full(size, 1 / size)
            drawn = (
                np.ones((draws, size), np.int64)
                if whole
                else rng.multinomial(max(size - 1, 1), even, size=draws)
            )
            times |= {(g, b): drawn[:, i] for i, b in enumerate(group)}
        weights = np.zeros((draws, len(block)), np.float32)
        for g, b, members in rows:
            size = len(members)
            owner = np.repeat(np.arange(draws), times[g, b] * size)
            picked = owner * size + rng.integers(size, size=len(owner))
            counts = np.bincount(picked, minlength=draws * size)
            weights[:, members] = counts.reshape(draws, size)
        yield weights


class Ranked:
    """Values sorted once, so that each draw of a bootstrap costs O(n).

    Scipy's tests know no weights: they would draw and sort every descriptor anew in each of
    thousands of draws.

    Parameters
    ----------
    values : ndarray, (n,)
        One per kernel; nan is left out.
    """

    def __init__(self, values: Numbers) -> None:
        order = np.argsort(values, kind="stable")
        self.rows = order[np.isfinite(values[order])]
        ordered = values[self.rows]
        self.left = np.searchsorted(ordered, ordered, "left")
        self.right = np.searchsorted(ordered, ordered, "right")
        self.tied = bool((self.right - self.left > 1).any())

    def deltas(self, weights: NDArray[np.float32], late: NDArray[np.bool_]) -> Numbers:
        """Return Cliff's delta of each draw.

        Shapes: ``weights`` (draws, n); ``late`` (n,); returns (draws,).
        """
        drawn = weights[:, self.rows]
        is_late = late[self.rows]
        score, total = self._around(np.where(is_late, np.float32(0), drawn))
        pairs = np.where(is_late, drawn, np.float32(0))
        both = total * pairs.sum(1, dtype=np.float64)
        wins: Numbers = (pairs * score).sum(1, dtype=np.float64)
        return wins / np.where(both > 0, both, np.nan)

    def trends(self, weights: NDArray[np.float32], block: Ints) -> Numbers:
        """Return Spearman's correlation of the values with the block in each draw.

        Shapes: ``weights`` (draws, n); ``block`` (n,); returns (draws,).
        """
        drawn = weights[:, self.rows]
        depths, index = np.unique(block[self.rows], return_inverse=True)
        member = (index[:, None] == np.arange(len(depths))).astype(np.float32)
        rank, total = self._around(drawn)
        weighted = drawn * rank
        sizes = (drawn @ member).astype(np.float64)
        ends = np.cumsum(sizes, axis=1)
        depth_rank = 2 * ends - sizes - total[:, None]
        spread = (weighted * rank).sum(1, dtype=np.float64)
        depth_spread = (sizes * depth_rank**2).sum(1)
        joint = ((weighted @ member) * depth_rank).sum(1)
        scale = np.sqrt(spread * depth_spread)
        answer: Numbers = joint / np.where(scale > 0, scale, np.nan)
        return answer

    def _around(self, drawn: NDArray[np.float32]) -> tuple[NDArray[np.float32], Numbers]:
        """Return how much more is drawn below each value than above it, and all that is drawn.

        That is twice the rank, counted from the middle. float32 holds counts below 2^24 exactly.
        """
        up = np.zeros((len(drawn), drawn.shape[1] + 1), np.float32)
        np.cumsum(drawn, axis=1, out=up[:, 1:])
        both = up[:, self.left] + up[:, self.right] if self.tied else up[:, :-1] + up[:, 1:]
        both -= up[:, -1:]
        return both, up[:, -1].astype(np.float64)


def block_means(values: NDArray[np.floating], block: Ints, blocks: Sequence[int] | Ints) -> Numbers:
    """Return the mean of each column within each block.

    Shapes: ``values`` (n, c); ``block`` (n,); returns (blocks, c).
    """
    return np.stack([values[block == b].mean(0) for b in blocks])


def welch(a: Numbers, b: Numbers) -> Numbers:
    """Return Welch and Satterthwaite's degrees of freedom for a difference of two means.

    Shapes: ``a, b`` (n, c); returns (c,).
    """
    n, m = len(a), len(b)
    va, vb = a.var(0, ddof=1) / n, b.var(0, ddof=1) / m
    below = va**2 / (n - 1) + vb**2 / (m - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(below > 0, (va + vb) ** 2 / below, min(n, m) - 1)
    return np.asarray(np.maximum(freedom, min(n, m) - 1), dtype=np.float64)


def t_interval(
    estimate: Numbers, error: Numbers, freedom: Numbers, units: int, confidence: float
) -> Numbers:
    """Return intervals for numbers bounded by -1 and 1, from their standard errors.

    Shapes: ``estimate, error, freedom`` (c,); returns (c, 2).
    """
    q = student.ppf(0.5 + confidence / 2, freedom)
    inner = np.clip(estimate, -1 + 1e-12, 1 - 1e-12)
    half = q * np.where(error > 0, error, np.nan) / (1 - inner**2)
    centre = np.arctanh(inner)
    out = np.stack([np.tanh(centre - half), np.tanh(centre + half)], 1)
    bound = (units - q**2) / (units + q**2)
    out = np.where((estimate >= 1)[:, None], np.stack([bound, np.ones_like(q)], 1), out)
    return np.where((estimate <= -1)[:, None], np.stack([-np.ones_like(q), -bound], 1), out)


def share_floor(
    truth: NDArray[np.floating], block: Ints, groups: Sequence[Sequence[int]]
) -> Numbers:
    """Return the least standard error of a difference of shares: that of kernels drawn in blocks.

    Where a statement is true of all kernels of every block, or of none, no resampled kernel
    differs. Shares are therefore shrunk as in Jeffreys' estimate, (x + 1/2) / (n + 1), and their
    binomial errors added up.

    Shapes: ``truth`` (n, c); ``block`` (n,); returns (c,).
    """
    variance = np.zeros(truth.shape[1])
    for group in groups:
        size = np.array([(block == b).sum() for b in group], np.float64)[:, None]
        share = (block_means(truth, block, group) * size + 0.5) / (size + 1)
        variance += (share * (1 - share) / size).sum(0) / len(group) ** 2
    return np.sqrt(variance)


def share_interval(
    estimate: Numbers, error: Numbers, freedom: Numbers, confidence: float
) -> Numbers:
    """Return intervals for differences of shares, cut at -1 and 1.

    Shapes: ``estimate, error, freedom`` (c,); returns (c, 2).
    """
    half = student.ppf(0.5 + confidence / 2, freedom) * error
    return np.clip(np.stack([estimate - half, estimate + half], 1), -1, 1)
