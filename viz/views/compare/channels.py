"""Whether channels of two networks correspond by index, and the best one-to-one assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from torch import Tensor

    from viz.network.checkpoint import Checkpoint

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
PERMUTATIONS = 999
"""Random permutations that the identity is compared with."""


def cosines(first: NDArray[np.floating], second: NDArray[np.floating]) -> Numbers:
    """Return the cosine of every row of one array with every row of another.

    Shapes: ``first, second`` (n, ...); returns (n, m).
    """
    a, b = (_unit(each) for each in (first, second))
    return np.asarray(np.clip(a @ b.T, -1, 1), np.float64)


def _unit(rows: NDArray[np.floating]) -> Numbers:
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    flat = np.where(np.isfinite(flat).all(1, keepdims=True), flat, 0)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.where(norms > 0, norms, 1), np.float64)


def matched(similarity: Numbers) -> tuple[Ints, Ints, Numbers]:
    """Return the one-to-one assignment with the largest sum of similarities, best pair first.

    Shapes: ``similarity`` (n, m); returns (min(n, m),).
    """
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    found = similarity[rows, columns]
    order = np.lexsort((rows, -found))
    return rows[order].astype(np.int64), columns[order].astype(np.int64), found[order]


def permuted_means(similarities: Sequence[Numbers], count: int, seed: int) -> Numbers:
    """Return the mean similarity of random one-to-one assignments.

    Shapes: ``similarities`` (n, n); returns (count,).
    """
    rng = np.random.default_rng([seed, 11])
    means = np.zeros(count)
    for similarity in similarities:
        n = len(similarity)
        rows = np.arange(n)
        means += [similarity[rows, rng.permutation(n)].mean() for _ in range(count)]
    return means / len(similarities)


@dataclass(frozen=True)
class Agreement:
    """How channels of two networks of equal shape correspond.

    ``index`` is the mean cosine of weights of the same channel, over blocks and channels;
    ``permuted``, (P,), the same after random permutations of one network's channels, each block's
    its own.
    """

    index: float
    permuted: Numbers

    @property
    def by_index(self) -> bool:
        """Whether the same channel is more alike than after any of the permutations."""
        return bool(self.index > self.permuted.max())


def agreement(a: Checkpoint, b: Checkpoint, seed: int = 0) -> Agreement:
    """Measure whether the channels of two networks correspond by index.

    The pointwise convolution mixes all channels, so that each block's channels could be in an order
    of their own without any change to what the network does; those of block 0 are the patch
    filters', whose cosines count half there.
    """
    blocks = [
        cosines(_array(a.model.depthwise_kernels(i)), _array(b.model.depthwise_kernels(i)))
        for i in range(a.config.depth)
    ]
    first, second = _array(a.model.patch_filters), _array(b.model.patch_filters)
    if first.shape == second.shape:
        blocks[0] = (blocks[0] + cosines(first, second)) / 2
    index = float(np.mean([np.trace(each) / len(each) for each in blocks]))
    return Agreement(index, permuted_means(blocks, PERMUTATIONS, seed))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return found
