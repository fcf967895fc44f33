"""Scores of attribution maps, as formulas on arrays: curves, infidelity, sensitivity, ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


def rise_kernel() -> Floats:
    """Return the kernel that RISE blurs with, (11, 11): a spike through scipy's Gaussian filter.

    It sums to 1. The filter, of 5 pixels, reflects at its border: it is flatter than a Gaussian.
    """
    from scipy.ndimage import gaussian_filter

    spike = np.zeros((11, 11))
    spike[5, 5] = 1
    kernel: Floats = gaussian_filter(spike, 5.0)
    return kernel


def blurred(x: Tensor) -> Tensor:
    """Blur network input as RISE does.

    Shapes: ``x`` (n, c, h, w).
    """
    kernel = torch.from_numpy(rise_kernel()).to(x.device, x.dtype)
    c = x.shape[1]
    return F.conv2d(
        x, kernel.expand(c, 1, *kernel.shape), padding=kernel.shape[0] // 2, groups=c
    )  # fmt: skip


def edges(x: Tensor, patch_size: int) -> Floats:
    """Return what an edge detector sees, patch by patch.

    Shapes: ``x`` (1, c, h, w); returns (gh, gw).
    """
    from scipy.ndimage import sobel

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
    """Return which patches are changed at each point: those of largest value.

    Shapes: ``patches`` (gh, gw); ``counts`` (S + 1,); returns (S + 1, gh, gw).
    """
    flat = patches.ravel()
    order = np.lexsort((rng.permutation(flat.size), -flat))
    rank = np.empty(flat.size, dtype=np.int64)
    rank[order] = np.arange(flat.size)
    masks: NDArray[np.bool_] = rank < counts[:, None]
    return masks.reshape(len(counts), *patches.shape)


def area(values: NDArray[Any]) -> Floats:
    """Return the area under curves, (..., S + 1), over a width of 1: RISE's.

    Shapes: ``values`` (..., S + 1).
    """
    under: Floats = np.trapezoid(values, dx=1 / (values.shape[-1] - 1), axis=-1)
    return under


def subsets(
    n: int, grid: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.bool_]:  # fmt: skip
    """Draw sets of patches: one to half of them, every number as likely.

    Shapes: returns (n, gh, gw).
    """
    total = grid[0] * grid[1]
    sizes = rng.integers(1, max(2, total // 2 + 1), n)
    rank = rng.random((n, total)).argsort(1).argsort(1)
    drawn: NDArray[np.bool_] = rank < sizes[:, None]
    return drawn.reshape(n, *grid)


def contribution(patches: NDArray[Any], raw: NDArray[Any], x: Tensor, local: bool) -> Floats:
    """Return by how much the score should fall if each patch became zeros, as a map claims.

    Shapes: ``patches`` (gh, gw); ``x`` (1, c, h, w); returns (gh, gw).
    """
    if not local:
        return patches.astype(np.float64)
    gh, gw = patches.shape
    product = raw.astype(np.float64) * x[0].detach().cpu().double().numpy()
    c, h, w = product.shape
    sums: Floats = product.reshape(c, gh, h // gh, gw, w // gw).sum((0, 2, 4))
    return sums


def infidelity(
    claims: NDArray[Any], removed: NDArray[np.bool_], fall: NDArray[Any]
) -> tuple[Floats, Floats, Floats]:
    """Return Captum's infidelity with ``normalize=True``, for many maps at once.

    Shapes: ``claims`` (A, gh, gw); ``removed`` (K, gh, gw); ``fall`` (K,); returns infidelity (A,),
    unexplained (A,), scale (A,).
    """
    k = len(removed)
    said = removed.reshape(k, -1).astype(np.float64) @ claims.reshape(len(claims), -1).T
    power, cross = (said**2).mean(0), (said * fall[:, None]).mean(0)
    scale: Floats = np.divide(cross, power, out=np.zeros_like(power), where=power > 0)
    error: Floats = ((scale * said - fall[:, None]) ** 2).mean(0)
    moved = float((fall**2).mean())
    unexplained: Floats = error / moved if moved > 0 else np.full_like(error, np.nan)
    return error, unexplained, scale


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return Spearman's rank correlation of two maps; nan where one is constant."""
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one.ravel(), other.ravel()).statistic)
