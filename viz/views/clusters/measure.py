"""What scikit-learn finds in depthwise kernels without our names: clusters.

Sign-preserving k-means (Lloyd 1982; k-means++ of Arthur and Vassilvitskii 2007) of unit-norm
kernels, in a number chosen by stability. Agreement with names is the adjusted Rand index (Hubert
and Arabie 1985) and the adjusted mutual information (Vinh, Epps and Bailey 2010): both are 0 for
chance agreement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.core.counting import Progress, Steps, rank_within
from viz.core.network import Source
from viz.core.refusal import Refusal
from viz.core.result import or_none
from viz.views.clusters import spectra as kernel_spectra
from viz.views.clusters.result import Clusters
from viz.views.clusters.spectra import checked, memory_source, spectra_fields
from viz.views.clusters.stability import (
    Curve,
    choose,
    gaussian_like,
    k_means,
    nearest,
    stability,
    unit_rows,
)
from viz.views.kernels.result import KERNEL_NAMES

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription

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


def cluster(
    kernels: ArrayLike,
    *,
    blocks: ArrayLike | None = None,
    channels: ArrayLike | None = None,
    names: ArrayLike | None = None,
    n_clusters: int | None = None,
    n_bootstraps: int = 6,
    seed: int = 0,
    source: Source | None = None,
    progress: Progress | None = None,
) -> Clusters:
    """Group kernels by shape, and say how stable, how deep and how like the names the groups are.

    Shapes: ``kernels`` (n, k, k); ``blocks`` (n,); ``channels`` (n,); ``names`` (n,).

    k-means cuts any cloud into K parts: believe in groups only where ``beyond_null`` says so.
    Kernels enter with unit norm and their sign, the constant part included; shifted copies of one
    shape fall into different clusters. Stability is measured on at most 1,000 kernels and 81
    principal axes about zero, centres are fitted on at most 10,000 kernels.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    taps, block = checked(kernels, blocks)
    named = _names(names, len(taps))
    alive = np.flatnonzero(np.abs(taps).reshape(len(taps), -1).max(1) > 0)
    rows = unit_rows(taps.reshape(len(taps), -1))
    most = min(MOST_CLUSTERS, len(alive) - 1)
    if most < 2:
        raise Refusal(f"clusters need at least 3 kernels that are not zero, not {len(alive)}.")
    if n_clusters is None and n_bootstraps < 3:
        raise Refusal(f"n_bootstraps is at least 3 to choose n_clusters, not {n_bootstraps}.")
    if n_clusters is not None and not 1 <= n_clusters <= len(alive):
        raise Refusal(f"n_clusters is 1 to {len(alive)}, not {n_clusters}.")
    tick = Steps(progress, ((NULL_CLOUDS + 1) * (most - 1) if n_bootstraps else 0) + 2)
    # One thread: sums in another order would give another result.
    with threadpool_limits(limits=1):
        curve, null = _curves(rows[alive], most, n_bootstraps, seed, tick)
        number, why = _number(n_clusters, curve, null)
        centres = k_means(_sample(rows[alive], FIT_SAMPLE, seed), number, seed=seed, n_init=10)
        tick()
        spectra = spectra_fields(taps, block, seed=seed)
    settings = {
        "n_clusters": n_clusters,
        "n_bootstraps": n_bootstraps,
        "seed": seed,
        "stability_sample": STABILITY_SAMPLE,
        "stability_axes": STABILITY_AXES,
        "null_clouds": NULL_CLOUDS,
        "fit_sample": FIT_SAMPLE,
        "sparse": kernel_spectra.SPARSE,
    }
    groups = _groups(rows, alive, block, centres, taps.shape[-1])
    result = Clusters(
        source=memory_source(taps, source, settings),
        block=block,
        channel=_channels(channels, block),
        name=named,
        chosen_by=why,
        **groups,
        **_agreement(groups["cluster"], named, block, len(groups["centres"])),
        tried=curve.tried,
        stability=curve.mean,
        stability_se=curve.se,
        null_curves=null,
        **spectra,
    )
    tick()
    return result


def cluster_checkpoint(
    checkpoint: Checkpoint,
    *,
    description: DepthwiseDescription | None = None,
    n_clusters: int | None = None,
    n_bootstraps: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clusters:
    """Cluster the depthwise kernels of all blocks of a loaded network."""
    if description is None:
        from viz.views.kernels.measure import describe_checkpoint

        description = describe_checkpoint(checkpoint, seed=seed)
    depth = checkpoint.config.depth
    parts = [
        checkpoint.model.depthwise_kernels(b).detach().float().cpu().numpy() for b in range(depth)
    ]
    return cluster(
        np.concatenate(parts),
        blocks=np.repeat(np.arange(depth), checkpoint.config.dim),
        names=description.name,
        n_clusters=n_clusters,
        n_bootstraps=n_bootstraps,
        seed=seed,
        source=checkpoint.source,
        progress=progress,
    )


def _names(names: ArrayLike | None, n: int) -> NDArray[np.str_]:
    if names is None:
        return np.full(n, "", dtype="<U1")
    named = np.array(names, dtype=np.str_)
    if named.shape != (n,):
        raise Refusal(f"names needs one name per kernel, {n}, not {named.shape}.")
    unknown = sorted(set(named.tolist()) - set(KERNEL_NAMES))
    if unknown:
        raise Refusal(f"names are {', '.join(KERNEL_NAMES)}; {unknown[0]!r} is not one.")
    return named


def _channels(channels: ArrayLike | None, block: Ints) -> Ints:
    if channels is None:
        return rank_within(block)
    given = np.array(channels, dtype=np.int64)
    if given.shape != block.shape:
        raise Refusal(f"channels needs one per kernel, {len(block)}, not {given.shape}.")
    return given


def _sample(rows: NDArray[np.float32], most: int, seed: int) -> NDArray[np.float32]:
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def _curves(
    rows: NDArray[np.float32], most: int, n_bootstraps: int, seed: int, tick: Callable[[], None]
) -> tuple[Curve, NDArray[np.float64]]:
    """Stability of the kernels, and of Gaussian clouds like them, (clouds, numbers)."""
    tried = list(range(2, most + 1))
    if not n_bootstraps:
        unknown = np.full(len(tried), np.nan)
        return Curve(np.array(tried, dtype=np.int64), unknown, unknown), np.zeros((0, len(tried)))
    sample = _sample(rows, STABILITY_SAMPLE, seed)
    if sample.shape[1] > STABILITY_AXES:
        # About zero, not about the mean: rows keep their norm, as the clouds' rows do.
        wide = sample.astype(np.float64)
        _, vectors = np.linalg.eigh(wide.T @ wide)
        sample = unit_rows(wide @ vectors[:, -STABILITY_AXES:])

    def curve(each: NDArray[np.float32], bootstraps: int, seed: int) -> Curve:
        return stability(each, tried, n_bootstraps=bootstraps, seed=seed, progress=tick)

    clouds = (gaussian_like(sample, [seed, i]) for i in range(NULL_CLOUDS))
    null = [curve(cloud, NULL_BOOTSTRAPS, seed + i).mean for i, cloud in enumerate(clouds)]
    return curve(sample, n_bootstraps, seed), np.stack(null)


def _number(n_clusters: int | None, found: Curve, null: NDArray[np.float64]) -> tuple[int, str]:
    if n_clusters is not None:
        return n_clusters, "given"
    return choose(found, null), (
        "stability: the fewest clusters whose stability above that of Gaussian clouds with the "
        "same covariance is within one standard error of the largest"
    )


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
    mean_block = (counts * blocks[:, None]).sum(0) / np.where(members > 0, members, np.inf)
    order = np.lexsort((-members, np.where(members > 0, mean_block, np.inf)))
    order = order[members[order] > 0]
    new = np.full(number + 1, -1, dtype=np.int64)
    new[order] = np.arange(len(order))
    found, counts = new[found], counts[:, order]
    flat = np.zeros((depth * len(order), rows.shape[1]))
    np.add.at(flat, at[alive] * len(order) + found[alive], rows[alive].astype(np.float64))
    sums = flat.reshape(depth, len(order), -1)
    means = sums.sum(0) / counts.sum(0)[:, None]
    by_block = sums / np.where(counts > 0, counts, np.nan)[:, :, None]
    similarity = np.full(n, np.nan)
    unit = unit_rows(means)
    similarity[alive] = (rows[alive] * unit[found[alive]]).sum(1)
    return {
        "cluster": found,
        "similarity": similarity,
        "centres": means.reshape(-1, k, k).astype(np.float32),
        "centres_by_block": by_block.reshape(depth, -1, k, k).astype(np.float32),
        "counts": counts,
    }


def _agreement(
    found: Ints, named: NDArray[np.str_], block: Ints, n_clusters: int
) -> dict[str, Any]:
    """Compare clusters with names and with blocks."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    clustered = found >= 0
    told = clustered & (named != "")
    clear = told & (named != "unnamed")
    there = _present(named[told])
    table = np.zeros((len(there), n_clusters), dtype=np.int64)
    for i, name in enumerate(there):
        table[i] = np.bincount(found[told & (named == name)], minlength=n_clusters)

    def score(measure: Callable[..., float], rows: NDArray[np.bool_], other: Any) -> float:
        return float(measure(other[rows], found[rows])) if rows.any() else float("nan")

    return {
        "ari": score(adjusted_rand_score, told, named),
        "ami": score(adjusted_mutual_info_score, told, named),
        "ari_classified": score(adjusted_rand_score, clear, named),
        "ami_classified": score(adjusted_mutual_info_score, clear, named),
        "ami_block": score(adjusted_mutual_info_score, clustered, block),
        "confusion": table,
        "confusion_names": there,
    }


def summary(result: Clusters) -> dict[str, Any]:
    """Return the numbers of the clusters and of the kernels' covariance as plain values."""
    at: dict[str, Any] = {name: or_none(value) for name, value in result.at_chosen().items()}
    at |= {name: or_none(getattr(result, name)) for name in ("median_excess", "needed_excess")}
    curve = [
        {
            "n_clusters": int(result.tried[i]),
            "stability": or_none(result.stability[i]),
            "stability_se": or_none(result.stability_se[i]),
            "null_stability": or_none(result.null_stability[i]),
            "null_stability_sd": or_none(result.null_stability_sd[i]),
        }
        for i in range(len(result.tried))
    ]
    agreement = ("ari", "ami", "ari_classified", "ami_classified", "ami_block")
    size = result.counts.sum(0)
    mean_block = (result.counts * result.blocks[:, None]).sum(0) / size
    clusters = [
        {
            "cluster": i,
            "n": int(size[i]),
            "tightness": float(result.tightness[i]),
            "mean_block": float(mean_block[i]),
            "names": {
                name: int(count)
                for name, count in zip(result.confusion_names, result.confusion[:, i], strict=True)
            },
        }
        for i in range(result.n_clusters)
    ]
    blocks = [
        row | {"clusters": [float(s) for s in shares]}
        for row, shares in zip(kernel_spectra.summary(result), result.composition, strict=True)
    ]
    return {
        "n": len(result.cluster),
        "n_clusters": result.n_clusters,
        "chosen_by": result.chosen_by,
        "beyond_null": result.beyond_null if len(result.null_curves) else None,
        "stability": at | {"curve": curve},
        "agreement": {name: or_none(getattr(result, name)) for name in agreement},
        "clusters": clusters,
        "blocks": blocks,
        "settings": dict(result.source.settings),
    }


def _present(named: NDArray[np.str_]) -> tuple[str, ...]:
    there = set(named.tolist())
    return tuple(name for name in KERNEL_NAMES if name in there)
