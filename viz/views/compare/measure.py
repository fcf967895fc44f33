"""Two networks side by side: what differs in architecture, names, descriptors and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.bootstrap import block_means, cliffs_delta
from viz.core.counting import Progress
from viz.views.compare.effects import paired_effects, paired_shares
from viz.views.compare.result import NetworkComparison
from viz.views.early_late.effects import (
    NAMES,
    descriptor_values,
    effects,
    initial_values,
    quantiles,
    share_difference,
)
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription
from viz.views.receptive_field.theoretical import theoretical_size

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint

Numbers = NDArray[np.float64]
_QUARTILES = (0.25, 0.5, 0.75)
_FIELD_DRAWS = 200


def two_networks(
    a: Checkpoint,
    b: Checkpoint,
    settings: dict[str, Any],
    images: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the fields of `viz.views.compare.result.TwoNetworks`, and the source with settings."""
    return {
        "source": replace(
            a.source,
            settings=settings,
            versions={lib: version(lib) for lib in ("torch", "numpy", "scipy")},
            images=images or {},
        ),
        "other": b.source.to_dict(),
        "configs": (a.config.to_dict(), b.config.to_dict()),
        "preprocessings": (a.preprocessing.to_dict(), b.preprocessing.to_dict()),
    }


def facts(a: Checkpoint, b: Checkpoint) -> tuple[tuple[str, str, str], ...]:
    """Return what two networks are, fact by fact."""

    def of(one: Checkpoint) -> dict[str, str]:
        config, seen = one.config, one.preprocessing
        return {
            "file": one.source.name,
            "parameters": f"{config.n_parameters:,}",
            "dim": str(config.dim),
            "depth": str(config.depth),
            "kernel size": str(config.kernel_size),
            "patch size": str(config.patch_size),
            "classes": str(config.n_classes),
            "input channels": str(config.in_channels),
            "activation": config.activation,
            "input side (px)": str(seen.image_size),
            "input mean": ", ".join(f"{v:.3g}" for v in seen.mean),
            "input std": ", ".join(f"{v:.3g}" for v in seen.std),
            "weights' type": one.source.dtype,
        }

    first, second = of(a), of(b)
    return tuple((name, first[name], second[name]) for name in first)


def compare_networks(
    a: Checkpoint,
    b: Checkpoint,
    descriptions: tuple[DepthwiseDescription, DepthwiseDescription],
    *,
    images: tuple[ImageSet, ImageSet] | None = None,
    n_boot: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> NetworkComparison:
    """Compare two networks of any shapes.

    Two networks are two: intervals over their blocks say how firmly these two differ, not whether
    others trained in the same ways would. Where kernel sizes differ, RMS radius, spectral centroid
    and most other descriptors differ for that reason alone; ``init_delta`` says by how much.
    """
    both = tuple(descriptions)
    values = [descriptor_values(d) for d in both]
    block = np.concatenate([both[0].block, both[1].block + a.config.depth])
    groups = (range(a.config.depth), range(a.config.depth, a.config.depth + b.config.depth))
    found = effects(np.concatenate(values), block, groups, n_boot, confidence, seed)
    truths = [(d.name[:, None] == np.array(KERNEL_NAMES)).astype(np.float32) for d in both]
    truth = np.concatenate(truths)
    change, around = share_difference(truth, block, groups, n_boot, confidence, seed)
    absent = truth.sum(0) == 0
    initial = [initial_values(d, seed) for d in both]
    fields = _fields((a, b), images, seed, confidence, progress)
    settings = {
        "seed": seed,
        "n_boot": n_boot,
        "confidence": confidence,
        "a": dict(both[0].source.settings),
        "b": dict(both[1].source.settings),
    }
    return NetworkComparison(
        **two_networks(a, b, settings, None if images is None else images[0].sha256),
        facts=facts(a, b),
        confidence=confidence,
        kernel_names=KERNEL_NAMES,
        **_sides("shares", [block_means(t, d.block, np.unique(d.block)).astype(np.float64)
                            for t, d in zip(truths, both, strict=True)]),
        **_sides("init_names", [_init_names(d) for d in both]),
        share_difference=np.where(absent, np.nan, change),
        share_interval=np.where(absent[:, None], np.nan, around),
        descriptors=NAMES,
        **_sides("quartiles", [_by_block(v, d.block) for v, d in zip(values, both, strict=True)]),
        **_sides("init_quartiles", [_quartiles(columns) for columns in initial]),
        delta=found["delta"],
        delta_interval=found["delta_interval"],
        init_delta=_init_delta(both, initial),
        **_paired(values, truths, both, absent, confidence),
        **_sides("theoretical", [theoretical_size(c.config, range(c.config.depth))
                                 for c in (a, b)]),
        **_sides("reach", [_reach(v, d.block, c.config.patch_size)
                           for v, d, c in zip(values, both, (a, b), strict=True)]),
        **fields,
    )  # fmt: skip


def _sides(name: str, values: Any) -> dict[str, Any]:
    return {f"{name}_{side}": value for side, value in zip("ab", values, strict=True)}


def _by_block(values: Numbers, block: NDArray[np.int64]) -> Numbers:
    """Quartiles of every descriptor in every block, (D, B, 3)."""
    return np.stack([quantiles(values[block == b], _QUARTILES) for b in np.unique(block)], 1)


def _quartiles(columns: list[Numbers]) -> Numbers:
    return np.concatenate([quantiles(column[:, None], _QUARTILES) for column in columns])


def _init_names(description: DepthwiseDescription) -> Numbers:
    drawn = description.init_names
    if not len(drawn):
        return np.full(len(KERNEL_NAMES), np.nan)
    return np.array([float((drawn == name).mean()) for name in KERNEL_NAMES])


def _init_delta(both: tuple[DepthwiseDescription, ...], initial: list[list[Numbers]]) -> Numbers:
    if both[0].kernels.shape[-1] == both[1].kernels.shape[-1]:
        return np.zeros(len(KERNEL_NAMES))
    return np.array([cliffs_delta(x, y) for x, y in zip(*initial, strict=True)])


def _reach(values: Numbers, block: NDArray[np.int64], patch_size: int) -> Numbers:
    """Quartiles of the RMS radius by block, in pixels, (B, 3)."""
    reach: Numbers = _by_block(values, block)[NAMES.index("rms_radius")] * patch_size
    return reach


def _paired(
    values: list[Numbers],
    truths: list[NDArray[np.float32]],
    both: tuple[DepthwiseDescription, ...],
    absent: NDArray[np.bool_],
    confidence: float,
) -> dict[str, Any]:
    """Differences at the same block; empty where the depths differ."""
    blocks = [d.block for d in both]
    if not np.array_equal(np.unique(blocks[0]), np.unique(blocks[1])):
        empty = np.empty((0, 2))
        return {
            "delta_by_block": np.empty((len(NAMES), 0)),
            "paired_delta": np.empty(0),
            "paired_delta_interval": empty,
            "paired_share_difference": np.empty(0),
            "paired_share_interval": empty,
        }
    found = paired_effects((values[0], values[1]), (blocks[0], blocks[1]), confidence)
    change, around = paired_shares((truths[0], truths[1]), (blocks[0], blocks[1]), confidence)
    return found | {
        "paired_share_difference": np.where(absent, np.nan, change),
        "paired_share_interval": np.where(absent[:, None], np.nan, around),
    }


def _fields(
    networks: tuple[Checkpoint, Checkpoint],
    images: tuple[ImageSet, ImageSet] | None,
    seed: int,
    confidence: float,
    progress: Progress | None,
) -> dict[str, Any]:
    """Effective receptive fields of both networks; empty without images."""
    if images is None:
        return {
            **_sides("radius", [np.empty((0, 3))] * 2),
            **_sides("radius_interval", [np.empty((0, 3, 2))] * 2),
            "n_images": 0,
        }
    from viz.views.receptive_field.measure import receptive_field

    found = [
        receptive_field(
            network, each, random=False, seed=seed, n_boot=_FIELD_DRAWS, confidence=confidence,
            progress=progress,
        )
        for network, each in zip(networks, images, strict=True)
    ]  # fmt: skip
    return {
        **_sides("radius", [f.radius_px for f in found]),
        **_sides("radius_interval", [f.radius_interval_px for f in found]),
        "n_images": min(f.n_images for f in found),
    }
