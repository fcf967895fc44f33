"""Scores of attribution maps, as formulas on arrays: curves, infidelity, ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, sobel
from torch import Tensor

Floats = NDArray[np.float64]


def blurred(x: Tensor) -> Tensor:
    """Blur network input by a Gaussian of 11 x 11 pixels, sigma 5, as RISE does; zeros beyond.

    Shapes: ``x`` (1, c, h, w).
    """
    soft = gaussian_filter(x.cpu().double().numpy(), (0, 0, 5, 5), mode="constant", radius=5)
    return torch.from_numpy(soft).to(x)


def edges(x: Tensor, patch_size: int) -> Floats:
    """Return what an edge detector sees, patch by patch.

    Shapes: ``x`` (1, c, h, w); returns (gh, gw).
    """
    values = x[0].detach().cpu().double().numpy()
    both = [sobel(plane, axis, mode="nearest") for plane in values for axis in (0, 1)]
    size = np.sqrt(np.square(both).sum(0))
    gh, gw = size.shape[0] // patch_size, size.shape[1] // patch_size
    sums: Floats = size.reshape(gh, patch_size, gw, patch_size).sum((1, 3))
    return sums


def points(n_patches: int, n_steps: int) -> NDArray[np.int64]:
    """Return how many patches are changed at each point of a curve.

    Shapes: returns (S + 1,).
    """
    steps = max(1, min(n_steps, n_patches))
    return np.linspace(0, n_patches, steps + 1).round().astype(np.int64)


def top_patches(
    patches: NDArray[Any], counts: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which patches are changed at each point: those of largest value, ties at random.

    Shapes: ``patches`` (gh, gw); ``counts`` (S + 1,); returns (S + 1, gh, gw).
    """
    flat = patches.ravel()
    rank = np.lexsort((rng.permutation(flat.size), -flat)).argsort()
    masks: NDArray[np.bool_] = rank < counts[:, None]
    return masks.reshape(len(counts), *patches.shape)


def subsets(n: int, grid: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw sets of patches: one to half of them, every number as likely.

    Shapes: returns (n, gh, gw).
    """
    total = grid[0] * grid[1]
    sizes = rng.integers(1, max(2, total // 2 + 1), n)
    rank = rng.random((n, total)).argsort(1).argsort(1)
    drawn: NDArray[np.bool_] = rank < sizes[:, None]
    return drawn.reshape(n, *grid)


def infidelity(
    claims: NDArray[Any], removed: NDArray[np.bool_], fall: NDArray[Any]
) -> tuple[Floats, Floats]:
    """Return Captum's infidelity with ``normalize=True``, for many maps at once.

    Shapes: ``claims`` (A, gh, gw); ``removed`` (K, gh, gw); ``fall`` (K,); returns infidelity (A,),
    unexplained (A,).
    """
    k = len(removed)
    said = removed.reshape(k, -1).astype(np.float64) @ claims.reshape(len(claims), -1).T
    power, cross = (said**2).mean(0), (said * fall[:, None]).mean(0)
    scale = np.divide(cross, power, out=np.zeros_like(power), where=power > 0)
    error: Floats = ((scale * said - fall[:, None]) ** 2).mean(0)
    moved = float((fall**2).mean())
    unexplained: Floats = error / moved if moved > 0 else np.full_like(error, np.nan)
    return error, unexplained


def _ranks(values: NDArray[Any]) -> Floats:
    """Return the ranks of values, ties at their mean: scipy.stats takes long to import."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return Spearman's rank correlation; nan where a map is constant or holds one."""
    if not (np.ptp(one) > 0 and np.ptp(other) > 0):
        return float("nan")
    return float(np.corrcoef(_ranks(one.ravel()), _ranks(other.ravel()))[0, 1])
