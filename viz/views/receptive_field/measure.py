"""Receptive fields by block: what a unit could see, and what it does look at on images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.network import Config
from viz.core.own_torch import own_torch
from viz.images.sets import ImageSet, open_images
from viz.network.checkpoint import Checkpoint
from viz.views.receptive_field.effective import (
    FieldNetwork,
    Linearised,
    bytes_per_image,
    random_network,
)
from viz.views.receptive_field.radial import (
    anisotropy,
    bootstrap_interval,
    bootstrap_weights,
    mass_radii,
    moments,
    ring_index,
)
from viz.views.receptive_field.result import SHARES, ReceptiveField
from viz.views.receptive_field.theoretical import (
    ReceptiveFieldError,
    TheoreticalField,
    theoretical_field,
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
    batch: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ReceptiveField:
    """Measure the receptive field of one unit of each block.

    Effective field: |d sum_c y_c(unit) / d x| summed over colours, averaged over images (Luo, Li,
    Urtasun and Zemel, "Understanding the Effective Receptive Field", NeurIPS 2016, average the
    signed gradient over random inputs). The output y is that of the block's last batch norm; x is
    the normalised input. A gradient tells what a small change of a pixel would do, not what the
    unit responds to: flat parts of the activations hide what they saturate on.
    """
    _check(n_boot, confidence, memory_mb)
    config = checkpoint.config
    found = images if isinstance(images, ImageSet) else _opened(checkpoint, images)
    first = next(iter(found.batches(1))).inputs
    size = (int(first.shape[2]), int(first.shape[3]))
    theory = theoretical_field(config, size, unit=unit, blocks=blocks)
    where = _unit(config, size, unit)
    network = FieldNetwork.of(checkpoint.model)
    depth = int(theory.block[-1]) + 1
    need = bytes_per_image(config, size, depth, size=network.patches.element_size())
    at_once = batch or _batch(need, memory_mb, size)
    networks = [network]
    if random:
        few = max(1, min(CALIBRATION, int(memory_mb * 1e6 // need)))
        sample = next(iter(found.batches(few))).inputs
        networks.append(random_network(config, sample, seed, network))
    tallies = [_Tally(theory, size) for _ in networks]
    weights = _seed(config, channels, network)
    done = 0
    for group in found.batches(at_once):
        for each, tally in zip(networks, tallies, strict=True):
            tally.add(each, group.inputs, where, weights, group.names)
        done += len(group.names)
        if progress is not None:
            progress(done, max(len(found), done))
    draws = bootstrap_weights(done, n_boot, seed) if done >= FEW_IMAGES else None
    fields = [tally.fields(draws, confidence) for tally in tallies]
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
            checkpoint.source,
            settings=settings,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images=found.sha256,
        ),
        image_size=size,
        patch_size=config.patch_size,
        kernel_size=config.kernel_size,
        depth=config.depth,
        unit=where,
        channels=() if channels is None else tuple(sorted(set(channels))),
        n_images=done,
        confidence=confidence,
        passing_block=-1 if theory.passes is None else theory.passes,
        unseen_px=theory.unseen,
        block=theory.block,
        theoretical_px=theory.size,
        centre_px=theory.centre,
        box_px=theory.box,
        **fields[0],
        **_beside(fields[1] if random else None, size),
    )


def _check(n_boot: int, confidence: float, memory_mb: float) -> None:
    if not 0 < memory_mb < math.inf:
        raise ReceptiveFieldError(f"a memory of {memory_mb} MB found, expected a positive number.")
    if n_boot < 1:
        raise ReceptiveFieldError(f"{n_boot} bootstrap samples found, at least 1 expected.")
    if not 0 < confidence < 1:
        raise ReceptiveFieldError(
            f"a confidence of {confidence} found, expected a share between 0 and 1."
        )


def _opened(checkpoint: Checkpoint, images: Any) -> ImageSet:
    return open_images(images, checkpoint.preprocessing, checkpoint.config.in_channels)


def _unit(config: Config, size: tuple[int, int], unit: tuple[int, int] | None) -> tuple[int, int]:
    if unit is not None:
        return int(unit[0]), int(unit[1])
    return size[0] // config.patch_size // 2, size[1] // config.patch_size // 2


def _batch(need: int, memory_mb: float, size: tuple[int, int]) -> int:
    """Return how many images fit into the memory at once."""
    at_once = int(memory_mb * 1e6 // need)
    if at_once < 1:
        raise ReceptiveFieldError(
            f"one image of {size[0]} x {size[1]} pixels needs {need / 1e6:,.0f} MB of working "
            f"memory, at most {memory_mb:,.0f} MB are allowed; make the images smaller, measure "
            "only the first blocks, or allow more memory."
        )
    return min(at_once, _LARGEST_BATCH)


def _seed(config: Config, channels: Sequence[int] | None, network: FieldNetwork) -> Tensor:
    """Return 1 for each channel that counts, else 0."""
    if channels is None:
        return torch.ones(config.dim, dtype=network.dtype)
    wrong = [c for c in channels if not 0 <= c < config.dim]
    if wrong or not len(channels):
        raise ReceptiveFieldError(
            f"channel {wrong[0] if wrong else 'none'} found, expected channels of 0 to "
            f"{config.dim - 1}."
        )
    seed = torch.zeros(config.dim, dtype=network.dtype)
    seed[list(set(channels))] = 1
    return seed


def _beside(fields: dict[str, Any] | None, size: tuple[int, int]) -> dict[str, Any]:
    """Return the random network's fields, empty where there is none."""
    empty: dict[str, tuple[int, ...]] = {
        "radius_px": (0, len(SHARES)),
        "radius_interval_px": (0, len(SHARES), 2),
        "rms_px": (0,),
        "anisotropy": (0,),
        "share_of_theoretical": (0,),
        "maps": (0, *size),
    }
    if fields is None:
        none: dict[str, Any] = {f"random_{name}": np.zeros(s) for name, s in empty.items()}
        return none | {"random_maps": np.zeros((0, *size), np.float32)}
    return {f"random_{name}": fields[name] for name in empty}


@dataclass
class _Sums:
    """What is kept of one block: the sum of the maps, and per image rings and moments."""

    rings: NDArray[np.int64]
    total: Numbers
    profiles: list[NDArray[np.float32]]
    moments: list[Numbers]


class _Tally:
    """Maps of one network, summed up image by image."""

    def __init__(self, theory: TheoreticalField, size: tuple[int, int]) -> None:
        self.theory = theory
        self.sums = [
            _Sums(ring_index(size, centre), np.zeros(size), [], []) for centre in theory.centre
        ]

    def add(
        self,
        network: FieldNetwork,
        images: Tensor,
        unit: tuple[int, int],
        seed: Tensor,
        names: Sequence[str],
    ) -> None:
        """Add some images' gradients at every block."""
        blocks = self.theory.block.tolist()
        linear = Linearised(network, images, depth=blocks[-1] + 1)
        for block, centre, sums in zip(blocks, self.theory.centre, self.sums, strict=True):
            gradient, (top, left) = linear.gradient(block, unit, seed)
            maps = gradient.abs().sum(1).cpu().double().numpy()
            wrong = np.flatnonzero(~np.isfinite(maps).all((1, 2)))
            if len(wrong):
                raise ReceptiveFieldError(
                    f"{names[wrong[0]]}: the gradient of block {block} is not finite, expected "
                    "finite numbers; check the checkpoint's weights and batch-norm statistics."
                )
            height, width = maps.shape[1:]
            cut = (slice(top, top + height), slice(left, left + width))
            sums.total[cut] += maps.sum(0)
            sums.moments.append(moments(maps, centre - np.array([top, left])))
            sums.profiles.append(_profiles(maps, sums.rings[cut], int(sums.rings.max()) + 1))

    def fields(self, draws: Numbers | None, confidence: float) -> dict[str, Any]:
        """Return what a result holds of one network."""
        made = [self._block(i, draws, confidence) for i in range(len(self.sums))]
        stacked: dict[str, Any] = {name: np.stack([m[name] for m in made]) for name in made[0]}
        return stacked

    def _block(self, i: int, draws: Numbers | None, confidence: float) -> dict[str, Any]:
        sums = self.sums[i]
        profiles, moment = np.concatenate(sums.profiles), np.concatenate(sums.moments)
        mean = moment.mean(0)
        rms, elongation, angle = anisotropy(mean)
        radius = mass_radii(profiles.mean(0, dtype=np.float64), SHARES)
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = mean[1:3] / mean[0]
        found: dict[str, Any] = {
            "radius_px": radius,
            "rms_px": rms,
            "anisotropy": elongation,
            "orientation": angle,
            "offset_px": offset,
            "share_of_theoretical": self._share(i, float(radius[SHARES.index(0.9)])),
            "maps": (sums.total / len(moment)).astype(np.float32),
        }
        if draws is None:
            nan = np.full(2, np.nan)
            return found | {
                "radius_interval_px": np.full((len(SHARES), 2), np.nan),
                "rms_interval_px": nan,
                "anisotropy_interval": nan,
            }
        drawn = moment.T @ draws.T
        some_rms, some_elongation, _ = anisotropy(drawn.T)
        some = mass_radii(draws @ profiles.astype(np.float64), SHARES)
        return found | {
            "radius_interval_px": bootstrap_interval(some, len(moment), confidence),
            "rms_interval_px": bootstrap_interval(some_rms, len(moment), confidence),
            "anisotropy_interval": bootstrap_interval(some_elongation, len(moment), confidence),
        }

    def _share(self, i: int, radius: float) -> float:
        """Return how much of the theoretical field within the image lies within a radius."""
        top, left, bottom, right = self.theory.box[i]
        y, x = np.arange(top, bottom), np.arange(left, right)
        down, across = self.theory.centre[i]
        near = np.hypot((y - down)[:, None], (x - across)[None]) <= radius
        return float(near.mean()) if np.isfinite(radius) else float("nan")


def _profiles(maps: Numbers, rings: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """Return the mass in each ring, (images, n)."""
    flat = rings.ravel()[None] + n * np.arange(len(maps))[:, None]
    mass = np.bincount(flat.ravel(), maps.reshape(-1), minlength=n * len(maps))
    return mass.reshape(len(maps), n).astype(np.float32)
