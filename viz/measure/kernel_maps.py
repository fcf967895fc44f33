"""Maps of kernels: principal components, and t-SNE (van der Maaten and Hinton 2008)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["principal_map", "tsne_map"]

Ints = NDArray[np.int64]


def principal_map(
    rows: NDArray[np.float32], alive: Ints
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Project kernels on their first two principal components.

    Parameters
    ----------
    rows : ndarray of float32, (n, d)
        Unit-norm kernels.
    alive : ndarray of int64, (m,)
        Rows that are not zero: those that the components are taken from.

    Returns
    -------
    tuple
        Scores (n, 2), the sign such that the tap with the largest magnitude counts positive, and
        the shares of the variance that the two components hold.
    """
    wide = rows.astype(np.float64)
    centred = wide - wide[alive].mean(0)
    values, vectors = np.linalg.eigh(centred[alive].T @ centred[alive])
    axes = np.zeros((len(vectors), 2))
    axes[:, : min(2, len(vectors))] = vectors[:, ::-1][:, :2]
    axes *= np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    shares = np.append(values[::-1], 0.0)[:2].clip(0) / max(values.clip(0).sum(), 1e-300)
    return centred @ axes, (float(shares[0]), float(shares[1]))


def tsne_map(
    rows: NDArray[np.float32], alive: Ints, pca: NDArray[np.float64], n_tsne: int, seed: int
) -> tuple[Ints, NDArray[np.float64]]:
    """Place kernels on a plane by t-SNE, started from the principal components.

    Parameters
    ----------
    rows : ndarray of float32, (n, d)
        Unit-norm kernels.
    alive : ndarray of int64, (m,)
        Rows that are not zero.
    pca : ndarray, (n, 2)
        Of `principal_map`.
    n_tsne : int
        Rows placed, at most; drawn at random where there are more.
    seed : int
        Of the draw and of the map.

    Returns
    -------
    tuple of ndarray
        Rows placed and their positions (m, 2); empty for fewer than 4.

    Notes
    -----
    Perplexity 30, or a third of the rows if that is less.
    """
    n = min(n_tsne, len(alive))
    if n < 4:
        return np.zeros(0, np.int64), np.zeros((0, 2))
    from sklearn.manifold import TSNE

    chosen = np.sort(np.random.default_rng([seed, 1]).choice(alive, n, replace=False))
    start = pca[chosen] / max(float(pca[chosen, 0].std()), 1e-12) * 1e-4
    made = TSNE(perplexity=min(30.0, (n - 1) / 3), init=start.astype(np.float32), random_state=seed)
    found: NDArray[np.float64] = made.fit_transform(rows[chosen]).astype(np.float64)
    return chosen, found
