"""Patch-embedding filters named: colour and structure; with a Gabor fit, against a null."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from viz.core.counting import Progress
from viz.core.network import Source
from viz.core.refusal import Refusal
from viz.views.patch_filters.gabor import fit_maps
from viz.views.patch_filters.names import (
    FINE_STRIPES,
    NAMED_ENERGY,
    SMALLEST,
    VISIBLE_WAVES,
    colours,
    structures,
)
from viz.views.patch_filters.result import COLOURED, PARAMETERS, TINTED, PatchFilterDescription

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

THRESHOLDS = {
    "tinted": TINTED,
    "coloured": COLOURED,
    "named_energy": NAMED_ENERGY,
    "null_pass": 0.005,
}
"""Chroma from which a filter is tinted or coloured; share of a map's energy from which its nearest
picture names it; share of white-noise filters that a Gabor may fit better than ``noise_r2_map``."""

_NULL_FILTERS, _SMOOTH_MAPS, _SMOOTH_FROM, _COMPONENTS = 1000, 512, 32, 24


def pixel_space(filters: ArrayLike, std: ArrayLike) -> NDArray[np.float32]:
    """Return filters as they act on pixels instead of on normalised input.

    The network sees (pixel - mean) / std, so its weight for a pixel is the filter's divided by
    the channel's std; the mean only moves the bias.

    Shapes: ``filters`` (n, c, p, p); ``std`` (c,); returns (n, c, p, p).
    """
    weights, scale = np.asarray(filters, dtype=np.float32), np.asarray(std, dtype=np.float32)
    if weights.ndim != 4 or scale.shape != weights.shape[1:2] or not (scale > 0).all():
        raise Refusal(
            f"One positive std per channel expected, found shape {scale.shape} for filters "
            f"{weights.shape}."
        )
    scaled: NDArray[np.float32] = weights / scale[None, :, None, None]
    return scaled


def _colour(
    filters: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the colour axis (n, c), its share of the energy (n,) and the chroma (n,)."""
    n, c = filters.shape[:2]
    flat = filters.reshape(n, c, filters.shape[2] ** 2)
    values, vectors = np.linalg.eigh(flat @ flat.transpose(0, 2, 1))
    axis = vectors[:, :, -1]
    size = np.abs(axis)
    # Of entries that tie up to rounding the first decides, so that the sign is reproducible.
    first = (size >= size.max(1, keepdims=True) * (1 - 1e-6)).argmax(1)
    axis = axis * np.where(axis[np.arange(n), first] < 0, -1.0, 1.0)[:, None]
    energy = (flat**2).sum((1, 2))
    share = np.clip(values[:, -1] / energy, 0, 1)
    if c == 1:
        return axis, share, np.full(n, np.nan)
    grey = (flat.sum(1) ** 2).sum(1) / c
    return axis, share, np.clip(1 - grey / energy, 0, 1)


@lru_cache(maxsize=16)
def _null(m: int, c: int, p: int, seed: int) -> NDArray[np.float64]:
    """``r2_map`` of m white-noise filters of this shape, by the same steps as the bank's."""
    noise = np.random.default_rng([seed, m, c, p]).standard_normal((m, c, p, p))
    axis, _, _ = _colour(noise)
    maps = np.einsum("ncij,nc->nij", noise, axis).reshape(m, -1)
    r2 = fit_maps(maps, p)[2]
    r2.flags.writeable = False
    return r2


def _smooth_null(maps: NDArray[np.float64], p: int, seed: int) -> NDArray[np.float64]:
    """``r2_map`` of Gaussian random maps with the second moments of these maps (n, p*p)."""
    if len(maps) < _SMOOTH_FROM:
        return np.zeros(0)
    unit = maps / np.linalg.norm(maps, axis=1, keepdims=True)
    weights = np.random.default_rng([seed, p]).standard_normal((_SMOOTH_MAPS, len(unit)))
    return fit_maps(weights @ unit, p)[2]


def _components(filters: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Principal components of the bank: the first few, and the share of each of all."""
    if not len(filters):
        return filters.astype(np.float32), np.zeros(0)
    flat = filters.reshape(len(filters), -1)
    _, values, vectors = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    total = (values**2).sum()
    shares = values**2 / total if total > 0 else np.zeros_like(values)
    vectors = vectors[:_COMPONENTS]
    top = np.abs(vectors).argmax(1)
    vectors = vectors * np.where(vectors[np.arange(len(vectors)), top] < 0, -1.0, 1.0)[:, None]
    return vectors.reshape(-1, *filters.shape[1:]).astype(np.float32), shares


def _in_memory(filters: NDArray[np.float32]) -> Source:
    digest = hashlib.sha256(np.ascontiguousarray(filters).tobytes()).hexdigest()
    return Source(name="in memory", sha256=digest)


def describe(
    filters: ArrayLike,
    *,
    seed: int = 0,
    source: Source | None = None,
    progress: Progress | None = None,
) -> PatchFilterDescription:
    """Describe patch-embedding filters: colour, structure, orientation, frequency, fit.

    Shapes: ``filters`` (n, c, p, p).
    """
    raw = np.asarray(filters)
    if raw.ndim != 4 or raw.shape[2] != raw.shape[3] or 0 in raw.shape:
        raise Refusal(f"Filters (n, c, p, p) expected, found an array of shape {raw.shape}.")
    raw = raw.astype(np.float32)
    n, c, p, _ = raw.shape
    alive = np.isfinite(raw).all((1, 2, 3)) & (raw != 0).any((1, 2, 3))
    values = raw[alive].astype(np.float64)
    m = max(_NULL_FILTERS, n)
    smooth_m = _SMOOTH_MAPS if len(values) >= _SMOOTH_FROM else 0
    total = m + len(values) + smooth_m
    tell: Progress = progress or (lambda done, total: None)
    null = _null(m, c, p, seed)
    tell(m, total)
    noise = float(np.quantile(null, 1 - THRESHOLDS["null_pass"]))

    def spread(part: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = np.full((n, *part.shape[1:]), np.nan)
        whole[alive] = part
        return whole

    axis, share, chroma = _colour(values)
    maps = np.einsum("ncij,nc->nij", values, axis).reshape(len(values), p * p)
    parameters, fitted, r2_map = fit_maps(maps, p)
    tell(m + len(values), total)
    smooth = _smooth_null(maps, p, seed)
    tell(total, total)
    components, shares = _components(values)
    structure = np.full(n, "noise" if p >= SMALLEST else "", "<U8")
    structure[alive] = structures(maps, p, seed)
    if p >= SMALLEST:
        columns = dict(zip(PARAMETERS, parameters.T, strict=True))
        waves = columns["frequency"] * np.minimum(p, 4 * columns["sigma_across"])
        # Fine stripes under a small window: too many to be among the pictures, but Gabors.
        structure[alive] = np.where(
            np.isin(structure[alive], ["other", "noise"])
            & (r2_map >= FINE_STRIPES)
            & (waves >= VISIBLE_WAVES),
            "stripes",
            structure[alive],
        )
    settings: dict[str, Any] = {
        **(source.settings if source else {}),
        **THRESHOLDS,
        "noise_r2_map": noise,
        "null_filters": m,
        "seed": seed,
    }
    return PatchFilterDescription(
        source=replace(source or _in_memory(raw), settings=settings), filters=raw,
        colour=colours(spread(chroma), c), structure=structure, colour_axis=spread(axis),
        share=spread(share), chroma=spread(chroma), parameters=spread(parameters),
        fitted_maps=np.nan_to_num(spread(fitted)).reshape(n, p, p).astype(np.float32),
        r2_map=spread(r2_map), r2=spread(share * r2_map), null_r2_map=null,
        smooth_null_r2_map=smooth, components=components, component_shares=shares,
    )  # fmt: skip


def describe_checkpoint(
    checkpoint: Checkpoint, *, seed: int = 0, progress: Progress | None = None
) -> PatchFilterDescription:
    """Describe the patch-embedding filters of a loaded network."""
    filters = checkpoint.model.patch_filters.detach().float().cpu().numpy()
    return describe(filters, seed=seed, source=checkpoint.source, progress=progress)
