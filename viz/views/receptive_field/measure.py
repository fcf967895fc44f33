"""Receptive fields by block: what a unit could see, and what it does look at on images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.own_torch import own_torch
from viz.images.sets import ImageSet, image_set
from viz.network.checkpoint import Checkpoint
from viz.network.convmixer import ConvMixer
from viz.views.receptive_field.effective import (
    bytes_per_image,
    gradients,
    own_copy,
    random_network,
)
from viz.views.receptive_field.radial import (
    bootstrap_interval,
    bootstrap_weights,
    mass_radii,
    ring_index,
)
from viz.views.receptive_field.result import SHARES, ReceptiveField
from viz.views.receptive_field.theoretical import (
    ReceptiveFieldError,
    chosen,
    chosen_unit,
    field_centre,
    passing_block,
    theoretical_size,
)
from viz.views.wording import FEW_IMAGES

Images = ImageSet | str | Path | Sequence[str | Path] | Tensor | None
Numbers = NDArray[np.float64]
MEMORY_MB = 1024
"""Working memory, by default."""
CALIBRATION = 8
"""Images that set the batch norms of the random network, at most."""
_LARGEST_BATCH = 32


@own_torch()
def receptive_field(
    checkpoint: Checkpoint,
    images: Images = None,
    *,
    unit: tuple[int, int] | None = None,
    channels: Sequence[int] | None = None,
    blocks: Sequence[int] | None = None,
    random: bool = True,
    seed: int = 0,
    n_boot: int = 1000,
    confidence: float = 0.95,
    memory_mb: float = MEMORY_MB,
    progress: Callable[[int, int], None] | None = None,
) -> ReceptiveField:
    """Measure the receptive field of one unit of each block.

    Effective field: |d sum_c y_c(unit) / d x| summed over colours, averaged over images (Luo, Li,
    Urtasun and Zemel, "Understanding the Effective Receptive Field", NeurIPS 2016, average the
    signed gradient over random inputs). The output y is that of the block's last batch norm; x is
    the normalised input.
    """
    config = checkpoint.config
    found = image_set(images, checkpoint.preprocessing, config.in_channels)
    first = next(iter(found.batches(1))).inputs
    size = (int(first.shape[2]), int(first.shape[3]))
    where = chosen_unit(config, size, unit)
    block = np.array(chosen("block", blocks, config.depth), dtype=np.int64)
    summed = chosen("channel", channels, config.dim)
    networks = [own_copy(checkpoint.model)]
    width = networks[0].patch_filters.element_size()
    fitting = _fitting(
        bytes_per_image(config, size, int(block[-1]) + 1, size=width), memory_mb, size
    )
    if random:
        sample = next(iter(found.batches(min(CALIBRATION, fitting)))).inputs
        networks.append(random_network(networks[0], sample, seed))
    centre = field_centre(config, where, block)
    tallies = [_Tally(block, centre, size) for _ in networks]
    done = 0
    for group in found.batches(min(fitting, _LARGEST_BATCH)):
        for network, tally in zip(networks, tallies, strict=True):
            tally.add(network, group.inputs, (where, summed), group.names)
        done += len(group.names)
        if progress is not None:
            progress(done, max(len(found), done))
    draws = bootstrap_weights(done, n_boot, seed) if done >= FEW_IMAGES else None
    fields = tallies[0].fields(draws, confidence)
    if random:
        beside = tallies[1].fields(draws, confidence)
        fields |= {f"random_{name}": value for name, value in beside.items()}
    settings = {
        "seed": seed,
        "n_boot": n_boot,
        "random": random,
        "calibration_images": min(CALIBRATION, done) if random else 0,
        "memory_mb": memory_mb,
        "preprocessing": found.preprocessing.to_dict(),
        "skipped": dict(found.skipped),
    }
    return ReceptiveField(
        source=replace(
            checkpoint.source, settings=settings, images=found.sha256,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        image_size=size, patch_size=config.patch_size, unit=where,
        channels=() if channels is None else tuple(summed), n_images=done, confidence=confidence,
        passing_block=passing_block(config, max(size)), block=block,
        theoretical_px=theoretical_size(config, block), centre_px=centre, **fields,
    )  # fmt: skip


def _fitting(need: int, memory_mb: float, size: tuple[int, int]) -> int:
    """Return how many images fit into the memory at once."""
    if not 0 < memory_mb < math.inf:
        raise ReceptiveFieldError(f"a memory of {memory_mb} MB found, expected a positive number.")
    fitting = int(memory_mb * 1e6 // need)
    if fitting < 1:
        raise ReceptiveFieldError(
            f"one image of {size[0]} x {size[1]} pixels needs {need / 1e6:,.0f} MB of working "
            f"memory, at most {memory_mb:,.0f} MB are allowed; make the images smaller, measure "
            "only the first blocks, or allow more memory."
        )
    return fitting


class _Tally:
    """Maps of one network summed up, and per image the mass by ring."""

    def __init__(self, block: NDArray[np.int64], centre: Numbers, size: tuple[int, int]) -> None:
        self.blocks = block.tolist()
        self.rings = [ring_index(size, each) for each in centre]
        self.total = np.zeros((len(block), *size))
        self.profiles: list[list[NDArray[np.float32]]] = [[] for _ in self.blocks]

    def add(
        self,
        network: ConvMixer,
        images: Tensor,
        output: tuple[tuple[int, int], list[int]],
        names: Sequence[str],
    ) -> None:
        """Add some images' gradients at every block; the output is a unit and its channels."""
        for i, gradient in enumerate(gradients(network, images, self.blocks, *output)):
            maps = gradient.abs().sum(1).cpu().double().numpy()
            wrong = np.flatnonzero(~np.isfinite(maps).all((1, 2)))
            if len(wrong):
                raise ReceptiveFieldError(
                    f"{names[wrong[0]]}: the gradient of block {self.blocks[i]} is not finite, "
                    "expected finite numbers; check the checkpoint's weights and batch-norm "
                    "statistics."
                )
            self.total[i] += maps.sum(0)
            self.profiles[i].append(_profiles(maps, self.rings[i]))

    def fields(self, draws: Numbers | None, confidence: float) -> dict[str, Any]:
        """Return what a result holds of one network."""
        profiles = [np.concatenate(parts).astype(np.float64) for parts in self.profiles]
        n = len(profiles[0])
        radius = [mass_radii(each.mean(0)[None], SHARES)[0] for each in profiles]
        interval = np.full((len(profiles), len(SHARES), 2), np.nan)
        if draws is not None:
            for i, each in enumerate(profiles):
                interval[i] = bootstrap_interval(mass_radii(draws @ each, SHARES), n, confidence)
        return {
            "radius_px": np.array(radius),
            "radius_interval_px": interval,
            "maps": (self.total / n).astype(np.float32),
        }


def _profiles(maps: Numbers, rings: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mass in each ring, (images, rings)."""
    n = int(rings.max()) + 1
    mass = [np.bincount(rings.ravel(), each.ravel(), minlength=n) for each in maps]
    return np.array(mass, dtype=np.float32)
