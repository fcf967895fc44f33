"""Two networks side by side: what differs in architecture, names, descriptors and fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from viz.core.counting import Progress
from viz.core.effects import block_means, cliffs_delta, effects, paired_effects, share_effects
from viz.views.compare.result import NetworkComparison
from viz.views.early_late.effects import (
    NAMES,
    by_block,
    descriptor_values,
    initial_names,
    initial_quartiles,
    initial_values,
)
from viz.views.kernels.result import KERNEL_NAMES, DepthwiseDescription
from viz.views.receptive_field.theoretical import theoretical_size

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint

_FIELD_DRAWS = 200
_RADIUS = 1
"""Of the radii of 50, 90 and 99 % of a field's mass."""


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
            "input side in pixels": str(seen.image_size),
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
    seed: int = 0,
    progress: Progress | None = None,
) -> NetworkComparison:
    """Compare two networks of any shapes.

    Two networks are two: intervals over their blocks say how firmly these two differ, not whether
    others trained in the same ways would. Where kernel sizes differ, RMS radius, spectral centroid
    and most other descriptors differ for that reason alone; ``init_delta`` says by how much.
    """
    both, networks = tuple(descriptions), (a, b)
    values = [descriptor_values(d) for d in both]
    truths = [d.name[:, None] == np.array(KERNEL_NAMES) for d in both]
    shares = [block_means(t, d.block) for t, d in zip(truths, both, strict=True)]
    paired = a.config.depth == b.config.depth
    change, around = share_effects(shares, (a.config.dim, b.config.dim), paired=paired)
    absent = (shares[0] == 0).all(0) & (shares[1] == 0).all(0)
    if paired:
        found = paired_effects(values, [d.block for d in both])
    else:
        depths = a.config.depth, a.config.depth + b.config.depth
        block = np.concatenate([both[0].block, both[1].block + depths[0]])
        found = effects(np.concatenate(values), block, (range(depths[0]), range(*depths)))
    initial = [initial_values(d, seed) for d in both]
    same_size = a.config.kernel_size == b.config.kernel_size
    settings = {
        "seed": seed,
        "a": dict(both[0].source.settings),
        "b": dict(both[1].source.settings),
    }
    return NetworkComparison(
        **two_networks(a, b, settings, None if images is None else images[0].sha256),
        facts=facts(a, b),
        kernel_names=KERNEL_NAMES,
        descriptors=NAMES,
        **_sides("shares", shares),
        **_sides("init_names", map(initial_names, both)),
        share_difference=np.where(absent, np.nan, change),
        share_interval=np.where(absent[:, None], np.nan, around),
        **_sides("quartiles", [by_block(v, d.block) for v, d in zip(values, both, strict=True)]),
        **_sides("init_quartiles", map(initial_quartiles, initial)),
        delta=found.delta,
        delta_interval=found.interval,
        delta_by_block=found.pairs if paired else np.empty((len(NAMES), 0)),
        init_delta=np.zeros(len(NAMES))
        if same_size
        else np.array([cliffs_delta(x, y) for x, y in zip(*initial, strict=True)]),
        **_sides("theoretical", [theoretical_size(c.config, range(c.config.depth))
                                 for c in networks]),
        **_fields(networks, images, seed, progress),
    )  # fmt: skip


def _sides(name: str, values: Iterable[Any]) -> dict[str, Any]:
    return {f"{name}_{side}": value for side, value in zip("ab", values, strict=True)}


def _fields(
    networks: tuple[Checkpoint, Checkpoint],
    images: tuple[ImageSet, ImageSet] | None,
    seed: int,
    progress: Progress | None,
) -> dict[str, Any]:
    """Effective receptive fields of both networks; empty without images."""
    from viz.views.receptive_field.measure import receptive_field

    found = [
        receptive_field(
            network, each, random=False, seed=seed, n_boot=_FIELD_DRAWS, progress=progress
        )
        for network, each in zip(networks, images or (), strict=images is not None)
    ]
    radius = [f.radius_px[:, _RADIUS] for f in found] or [np.empty(0)] * 2
    interval = [f.radius_interval_px[:, _RADIUS] for f in found] or [np.empty((0, 2))] * 2
    return {
        **_sides("radius", radius),
        **_sides("radius_interval", interval),
        "n_images": min((f.n_images for f in found), default=0),
    }
