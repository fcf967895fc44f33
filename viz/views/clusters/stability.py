"""How many clusters k-means can find again in resampled data, and in data without clusters.

Stability is the mean adjusted Rand index (Hubert and Arabie 1985) between k-means clusterings of
bootstrap samples, each extended to all rows by the nearest centre (Dolnicar and Leisch 2010;
von Luxburg, "Clustering Stability", 2010, also on its limits). Small numbers of clusters are stable
in any elongated cloud, so the curve is read against those of Gaussians with the same mean and
covariance, in the spirit of the gap statistic (Tibshirani, Walther and Hastie 2001).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_ROUNDS = 12
"""Times that mean and covariance of a cloud are set again."""


def unit_rows(rows: NDArray[np.floating]) -> Rows:
    """Scale each row to unit norm; rows of zeros stay.

    Shapes: ``rows`` (n, d); returns (n, d).
    """
    wide = rows.astype(np.float64)
    largest = np.abs(wide).max(1, keepdims=True)
    wide /= np.where(largest > 0, largest, 1)
    norm = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(norm > 0, norm, 1)).astype(np.float32)


def k_means(rows: Rows, n_clusters: int, *, seed: int, n_init: int = 2) -> Rows:
    """Return the centres of the best of several k-means runs.

    Shapes: ``rows`` (n, d); returns (K, d).
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer distinct rows than clusters: the surplus centres repeat, which is harmless here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = KMeans(n_clusters, n_init=n_init, random_state=seed, max_iter=100).fit(rows)
    centres: Rows = fit.cluster_centers_
    return centres


def nearest(rows: Rows, centres: Rows) -> NDArray[np.int64]:
    """Return the nearest centre of each row.

    Shapes: ``rows`` (n, d); ``centres`` (K, d); returns (n,).
    """
    height = rows @ centres.T - 0.5 * (centres * centres).sum(1)
    found: NDArray[np.int64] = height.argmax(1).astype(np.int64)
    return found


def gaussian_like(rows: Rows, seed: int | Sequence[int]) -> Rows:
    """Draw a Gaussian cloud of unit-norm rows with the mean and covariance of these.

    Scaling draws to unit norm flattens their covariance, so mean and covariance are set again and
    the rows scaled again, in turn, until both hold.

    Shapes: ``rows`` (n, d); returns (n, d).
    """
    wide = rows.astype(np.float64)
    mean, covariance = wide.mean(0), np.cov(wide.T, bias=True)
    root = _power(covariance, 0.5)
    # Along the axes of the covariance, so that turned rows give a turned cloud.
    values, vectors = np.linalg.eigh(covariance)
    draws = np.random.default_rng(seed).normal(size=wide.shape)
    draws = mean + (draws * np.sqrt(values.clip(0))) @ vectors.T
    for _ in range(_ROUNDS):
        draws = unit_rows(draws).astype(np.float64)
        away = draws - draws.mean(0)
        draws = away @ _power(np.cov(draws.T, bias=True), -0.5) @ root + mean
    return unit_rows(draws)


def _power(covariance: Floats, exponent: float) -> Floats:
    """Return a power of a covariance; directions without variance get none."""
    values, vectors = np.linalg.eigh(covariance)
    there = values > 1e-9 * values[-1]
    scaled = np.where(there, np.where(there, values, 1) ** exponent, 0)
    found: Floats = (vectors * scaled) @ vectors.T
    return found


def stability(
    rows: Rows, tried: NDArray[np.int64], n_bootstraps: int, seed: int, tick: Callable[[], None]
) -> tuple[Floats, Floats]:
    """Cluster bootstrap samples and compare the clusterings of all rows.

    Shapes: ``rows`` (n, d); ``tried`` (T,); returns mean (T,), standard error (T,).
    """
    from sklearn.metrics import adjusted_rand_score

    mean, se = [], []
    upper = np.triu_indices(n_bootstraps, 1)
    for n_clusters in tried.tolist():
        found = []
        for stream in np.random.default_rng([seed, n_clusters]).spawn(n_bootstraps):
            sample = rows[stream.integers(0, len(rows), len(rows))]
            centres = k_means(sample, n_clusters, seed=int(stream.integers(2**31)))
            found.append(nearest(rows, centres))
        index = np.zeros((n_bootstraps, n_bootstraps))
        for i, j in zip(*upper, strict=True):
            index[i, j] = index[j, i] = adjusted_rand_score(found[i], found[j])
        mean.append(index[upper].mean())
        se.append(_jackknife(index))
        tick()
    return np.array(mean), np.array(se)


def _jackknife(index: Floats) -> float:
    """Standard error of the mean over pairs, leaving out one sample at a time."""
    b = len(index)
    total = index.sum() / 2
    without = (total - index.sum(1)) / ((b - 1) * (b - 2) / 2)
    return float(np.sqrt((b - 1) / b * ((without - without.mean()) ** 2).sum()))


def choose(tried: NDArray[np.int64], mean: Floats, se: Floats, null: Floats) -> int:
    """Choose the smallest number whose stability above the null is within one error of the best.

    Shapes: ``tried``, ``mean``, ``se`` (T,); ``null`` (R, T).
    """
    excess = mean - null.mean(0)
    best = int(excess.argmax())
    error = np.hypot(se[best], null[:, best].std(ddof=1) / np.sqrt(len(null)))
    return int(tried[np.flatnonzero(excess >= excess[best] - error)[0]])
