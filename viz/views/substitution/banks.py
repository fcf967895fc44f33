"""What takes a kernel's place: principal components, a DCT, its mean, noise.

All work on filters (n, c, k, k); depthwise kernels have c = 1. Each kernel has a number of
coefficients of its own, so that it can be given as many as its description holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, dctn, idct, idctn

from viz.views.patch_filters.result import OPPONENT_AXES

Filters = NDArray[np.float32]
Counts = NDArray[np.int64]


def principal_components(filters: Filters, counts: Counts, group: Counts) -> Filters:
    """Return each filter from its leading scores on the principal components of its group.

    Shapes: ``filters`` (n, c, k, k); ``counts`` (n,); ``group`` (n,); returns (n, c, k, k).

    The group's mean and components are numbers too (c k^2 times the number of components and one
    more), shared by its filters and not counted; they were chosen to be the best such basis for
    these very filters (Eckart and Young).
    """
    out = np.empty(filters.shape, np.float32)
    for g in np.unique(group):
        rows = group == g
        flat = filters[rows].reshape(int(rows.sum()), -1).astype(np.float64)
        mean = flat.mean(0)
        _, _, vectors = np.linalg.svd(flat - mean, full_matrices=False)
        scores = (flat - mean) @ vectors.T
        scores *= np.arange(scores.shape[1]) < counts[rows, None]
        out[rows] = (mean + scores @ vectors).reshape(-1, *filters.shape[1:])
    return out


def _to_opponent(values: NDArray[np.float64], *, back: bool) -> NDArray[np.float64]:
    """Rotate the channels (axis 1) to light and colour differences, or back; orthonormal."""
    if values.shape[1] == 3:
        axes = OPPONENT_AXES.T if back else OPPONENT_AXES
        turned: NDArray[np.float64] = np.einsum("oc,nc...->no...", axes, values)
        return turned
    transform = idct if back else dct
    result: NDArray[np.float64] = transform(values, axis=1, norm="ortho")
    return result


def dct_largest(filters: Filters, counts: Counts) -> Filters:
    """Return each filter from its largest coefficients of an orthonormal 2-D DCT.

    Shapes: ``filters`` (n, c, k, k); ``counts`` (n,); returns (n, c, k, k).

    Which coefficients are kept differs from filter to filter and is not counted, as the families
    of a description's atoms are not.
    """
    values = dctn(_to_opponent(filters.astype(np.float64), back=False), axes=(2, 3), norm="ortho")
    flat = values.reshape(len(values), -1)
    # A stable sort of descending magnitude: ties go to the lower frequency.
    order = np.argsort(-np.abs(flat), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(flat.shape[1]), flat.shape), 1)
    kept = np.where(rank < counts[:, None], flat, 0.0).reshape(values.shape)
    back = _to_opponent(idctn(kept, axes=(2, 3), norm="ortho"), back=True)
    return back.astype(np.float32)


def constant(filters: Filters) -> Filters:
    """Return each filter's mean, channel by channel, at every tap."""
    mean = filters.astype(np.float64).mean((2, 3), keepdims=True)
    return np.broadcast_to(mean, filters.shape).astype(np.float32)


def random_like(filters: Filters, rng: np.random.Generator) -> Filters:
    """Return white noise with each filter's mean (by channel) and norm.

    Shapes: ``filters`` (n, c, k, k); returns (n, c, k, k).
    """
    values = filters.astype(np.float64)
    mean = values.mean((2, 3), keepdims=True)
    size = np.sqrt(((values - mean) ** 2).sum((1, 2, 3), keepdims=True))
    noise = rng.standard_normal(values.shape)
    noise -= noise.mean((2, 3), keepdims=True)
    norm = np.sqrt((noise**2).sum((1, 2, 3), keepdims=True))
    like: Filters = (mean + noise * size / np.where(norm > 0, norm, 1)).astype(np.float32)
    return like
