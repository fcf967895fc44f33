"""What scikit-learn finds in depthwise kernels without our names: clusters, and covariance.

Sign-preserving k-means (Lloyd 1982; k-means++ of Arthur and Vassilvitskii 2007) of unit-norm
kernels, in a number chosen by stability; agreement is the adjusted mutual information (Vinh, Epps
and Bailey 2010). The covariance over channels is what Trockman, Willmott and Kolter study in
"Understanding the Covariance Structure of Convolutional Filters" (ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.counting import Progress, Steps
from viz.core.refusal import Refusal
from viz.views.clusters.result import Clusters
from viz.views.clusters.stability import (
    choose,
    gaussian_like,
    k_means,
    nearest,
    stability,
    unit_rows,
)
from viz.views.spectrum import effective_rank

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_CLUSTERS = 15
"""Largest number of clusters tried."""
STABILITY_SAMPLE = 1000
"""Kernels that stability is measured on, at most."""
STABILITY_AXES = 81
"""Principal axes about zero that stability is measured on, at most: all of them up to 9 x 9."""
NULL_CLOUDS, NULL_BOOTSTRAPS = 9, 3
"""Gaussian clouds that the stability is compared with, and bootstrap samples of each."""
FIT_SAMPLE = 10_000
"""Kernels that the final centres are fitted on, at most."""
COMPONENTS = 6
"""Leading eigenvectors kept."""
_DRAWS = 20


def cluster_checkpoint(
    checkpoint: Checkpoint,
    description: DepthwiseDescription,
    *,
    n_clusters: int | None = None,
    n_bootstraps: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clusters:
    """Group kernels by shape, and say how stable, how deep and how like the names the groups are.

    k-means cuts any cloud into K parts: believe in structure only where ``beyond_null`` says so.
    Kernels enter with unit norm and their sign, the constant part included; shifted copies of one
    shape fall into different clusters.
    """
    import sklearn
    from sklearn.metrics import adjusted_mutual_info_score
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    taps, block = description.kernels, description.block
    if not np.isfinite(taps).all():
        raise Refusal(f"{checkpoint.source.name}: some weights are not finite numbers.")
    rows = unit_rows(taps.reshape(len(taps), -1))
    alive = np.flatnonzero(rows.any(1))
    most = min(MOST_CLUSTERS, len(alive) - 1)
    if most < 2:
        raise Refusal(f"clusters need at least 3 kernels that are not zero, not {len(alive)}.")
    if n_clusters is not None and not 1 <= n_clusters <= len(alive):
        raise Refusal(f"n_clusters is 1 to {len(alive)}, not {n_clusters}.")
    tried = np.arange(2, most + 1)
    tick = Steps(progress, (NULL_CLOUDS + 1) * len(tried) + 1)
    # One thread: sums in another order would give another result.
    with threadpool_limits(limits=1):
        mean, se, null = _curves(rows[alive], tried, n_bootstraps, seed, tick)
        number = n_clusters or choose(tried, mean, se, null)
        centres = k_means(_sample(rows[alive], FIT_SAMPLE, seed), number, seed=seed, n_init=10)
        groups = _groups(rows, alive, block, centres, taps.shape[-1])
        spectra = _spectra(taps, block, seed)
    found = groups["cluster"][alive]
    result = Clusters(
        source=replace(
            checkpoint.source,
            settings={"n_clusters": n_clusters, "n_bootstraps": n_bootstraps, "seed": seed},
            versions={"numpy": np.__version__, "scikit-learn": str(sklearn.__version__)},
        ),
        block=block,
        channel=description.channel,
        name=description.name,
        given=n_clusters is not None,
        tried=tried,
        stability=mean,
        stability_se=se,
        null_curves=null,
        ami=float(adjusted_mutual_info_score(description.name[alive], found)),
        ami_block=float(adjusted_mutual_info_score(block[alive], found)),
        **groups,
        **spectra,
    )
    tick()
    return result


def _sample(rows: NDArray[np.float32], most: int, seed: int) -> NDArray[np.float32]:
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def _curves(
    rows: NDArray[np.float32], tried: Ints, n_bootstraps: int, seed: int, tick: Callable[[], None]
) -> tuple[Floats, Floats, Floats]:
    """Stability of the kernels, its error, and that of Gaussian clouds, (clouds, numbers)."""
    sample = _sample(rows, STABILITY_SAMPLE, seed)
    if sample.shape[1] > STABILITY_AXES:
        # About zero, not about the mean: rows keep their norm, as the clouds' rows do.
        wide = sample.astype(np.float64)
        _, vectors = np.linalg.eigh(wide.T @ wide)
        sample = unit_rows(wide @ vectors[:, -STABILITY_AXES:])
    null = [
        stability(gaussian_like(sample, [seed, i]), tried, NULL_BOOTSTRAPS, seed + i, tick)[0]
        for i in range(NULL_CLOUDS)
    ]
    return *stability(sample, tried, n_bootstraps, seed, tick), np.stack(null)


def _groups(
    rows: NDArray[np.float32], alive: Ints, block: Ints, centres: NDArray[np.float32], k: int
) -> dict[str, Any]:
    """Assign kernels, number clusters by depth, and average their members by block."""
    blocks, at = np.unique(block, return_inverse=True)
    n, number, depth = len(rows), len(centres), len(blocks)
    found = np.full(n, -1, dtype=np.int64)
    found[alive] = nearest(rows[alive], centres)
    counts = np.zeros((depth, number), dtype=np.int64)
    np.add.at(counts, (at[alive], found[alive]), 1)
    members = counts.sum(0)
    mean_block = (counts * blocks[:, None]).sum(0) / np.maximum(members, 1)
    order = np.lexsort((-members, mean_block))
    order = order[members[order] > 0]
    new = np.full(number + 1, -1, dtype=np.int64)
    new[order] = np.arange(len(order))
    found, counts = new[found], counts[:, order]
    sums = np.zeros((depth, len(order), rows.shape[1]))
    np.add.at(sums, (at[alive], found[alive]), rows[alive].astype(np.float64))
    means = sums.sum(0) / counts.sum(0)[:, None]
    by_block = sums / np.where(counts > 0, counts, np.nan)[:, :, None]
    similarity = np.full(n, np.nan)
    similarity[alive] = (rows[alive] * unit_rows(means)[found[alive]]).sum(1)
    return {
        "cluster": found,
        "similarity": similarity,
        "centres": means.reshape(-1, k, k).astype(np.float32),
        "centres_by_block": by_block.reshape(depth, -1, k, k).astype(np.float32),
        "counts": counts,
    }


def _spectra(taps: NDArray[np.float32], block: Ints, seed: int) -> dict[str, Any]:
    """Return each block's covariance, its leading eigenvectors, its rank and that of the null."""
    k = taps.shape[-1]
    found: dict[str, list[Any]] = {}
    for b in np.unique(block):
        rows = taps[block == b].reshape(-1, k * k).astype(np.float64)
        covariance, energy, vectors = _spectrum(rows)
        leading = vectors[:, : -COMPONENTS - 1 : -1].T
        peak = np.take_along_axis(leading, np.abs(leading).argmax(1)[:, None], 1)
        for name, value in {
            "blocks": b,
            "covariance": covariance.astype(np.float32),
            "components": (leading * np.sign(peak)).reshape(-1, k, k).astype(np.float32),
            "effective_rank": float(effective_rank(energy)),
            "null_effective_rank": null_rank(len(rows), k, seed),
        }.items():
            found.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in found.items()}


def _spectrum(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Return covariance, eigenvalues smallest first, eigenvectors as columns."""
    centred = rows - rows.mean(0)
    covariance = centred.T @ centred / max(len(rows) - 1, 1)
    values, vectors = np.linalg.eigh(covariance)
    return covariance, values.clip(0), vectors


@lru_cache(maxsize=64)
def null_rank(n: int, k: int, seed: int = 0) -> float:
    """Return the effective rank of n independent uniform k x k kernels, mean over draws.

    The distribution hardly matters: normal ones give the same entropy within .0002 for 1,536 of
    9 x 9. Fewer than k^2 kernels cannot fill k^2 dimensions.
    """
    streams = np.random.default_rng(seed).spawn(_DRAWS if k < 16 else _DRAWS // 4)
    drawn = [_spectrum(s.uniform(-1, 1, (n, k * k)))[1] for s in streams]
    return float(effective_rank(np.stack(drawn)).mean())
