"""Whether channels of two networks correspond: by index, or by the best one-to-one assignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

__all__ = ["PERMUTATIONS", "Agreement", "agreement", "cosines", "matched", "permuted_means"]

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
PERMUTATIONS = 999
"""Random permutations that the identity is compared with."""


def cosines(first: NDArray[np.floating], second: NDArray[np.floating]) -> Numbers:
    """Return the cosine of every row of one array with every row of another.

    Parameters
    ----------
    first, second : ndarray, (n, ...), (m, ...)
        Weights; each row is flattened.

    Returns
    -------
    ndarray, (n, m)
        Sign kept; 0 where a row is zero or not finite.
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

    Parameters
    ----------
    similarity : ndarray, (n, m)
        Of every pair.

    Returns
    -------
    tuple of ndarray, (min(n, m),) each
        Rows, columns, similarities.
    """
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    found = similarity[rows, columns]
    order = np.lexsort((rows, -found))
    return rows[order].astype(np.int64), columns[order].astype(np.int64), found[order]


def permuted_means(similarity: Numbers, count: int, seed: int) -> Numbers:
    """Return the mean similarity of random one-to-one assignments.

    Parameters
    ----------
    similarity : ndarray, (n, n)
        Of every pair.
    count : int
        Assignments.
    seed : int
        Of the draws.

    Returns
    -------
    ndarray, (count,)
        Means.
    """
    n = len(similarity)
    rng = np.random.default_rng([seed, 11])
    rows = np.arange(n)
    return np.array([similarity[rows, rng.permutation(n)].mean() for _ in range(count)])


@dataclass(frozen=True)
class Agreement:
    """How channels of two networks of equal shape correspond.

    Parameters
    ----------
    index : float
        Mean cosine of weights of the same channel, over layers and channels.
    permuted : ndarray, (P,)
        The same after random permutations of one network's channels, the same in every layer.
    best : float
        The same of the best assignment of channels.
    same : float
        Share of the channels that the best assignment leaves where they are.
    """

    index: float
    permuted: Numbers
    best: float
    same: float

    @property
    def by_index(self) -> bool:
        """Whether the same channel is more alike than after any of the permutations."""
        return bool(self.index > self.permuted.max())


def agreement(a: Checkpoint, b: Checkpoint, seed: int = 0) -> Agreement:
    """Measure whether the channels of two networks correspond by index.

    Parameters
    ----------
    a, b : Checkpoint
        Networks of equal dim, depth and kernel size.
    seed : int
        Of the permutations.

    Returns
    -------
    Agreement
        Over the depthwise kernels of every block, and the patch filters where they have the same
        shape.

    Notes
    -----
    A channel keeps its index through the residual path, so one permutation holds for all layers
    and their cosines are averaged before anything is matched. The best assignment is more similar
    than the identity in any two networks: only the identity is tested.
    """
    total, layers = np.zeros((a.config.dim, b.config.dim)), 0
    for first, second in _layers(a, b):
        total += cosines(first, second)
        layers += 1
    mean = total / layers
    rows, columns, found = matched(mean)
    return Agreement(
        index=float(np.trace(mean)) / len(mean),
        permuted=permuted_means(mean, PERMUTATIONS, seed),
        best=float(found.mean()),
        same=float((rows == columns).mean()),
    )


def _layers(a: Checkpoint, b: Checkpoint) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    def array(tensor: object) -> NDArray[np.float32]:
        found: NDArray[np.float32] = tensor.detach().float().cpu().numpy()  # type: ignore[attr-defined]
        return found

    both = [
        (array(a.model.depthwise_kernels(i)), array(b.model.depthwise_kernels(i)))
        for i in range(a.config.depth)
    ]
    first, second = array(a.model.patch_filters), array(b.model.patch_filters)
    return [*both, (first, second)] if first.shape == second.shape else both
