"""Feature maps beside their kernels: one block's maps, sparsity and rank by depth, the patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.refusal import NoSuch, Refusal
from viz.core.wide import wide
from viz.network.stages import Stage, stages
from viz.sweep.opening import channels_of_sweep, check_sweep
from viz.views.feature_maps import patch_answers
from viz.views.feature_maps.result import MAPS, STATISTICS, FeatureMaps
from viz.views.feature_maps.statistics import (
    effective_rank,
    hoyer,
    negative_mass,
    off_share,
    shuffled,
)
from viz.views.feature_maps.sweep_limits import limits_of_sweep
from viz.views.kernels.result import KERNEL_NAMES

if TYPE_CHECKING:
    from viz.core.network import Config
    from viz.images.sets import ImageBatch, ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep
    from viz.views.kernels.result import DepthwiseDescription

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class _Wanted:
    """What a pass over the images is to bring back."""

    block: int
    shown: int
    by_depth: bool
    batch_size: int
    seed: int


@dataclass
class _Seen:
    """What it brought back: the first images, their maps (all channels), numbers of all images."""

    batches: list[ImageBatch]
    maps: list[list[Tensor]]
    statistics: list[Numbers]
    names: list[str]


@own_torch()
def feature_maps(
    checkpoint: Checkpoint,
    images: ImageSet,
    *,
    block: int = 0,
    channels: Sequence[int] | None = None,
    most_active: int = 4,
    name: str | None = None,
    description: DepthwiseDescription | None = None,
    filters: Sequence[int] | None = None,
    shown: int = 2,
    by_depth: bool = True,
    patches: bool = True,
    batch_size: int = 4,
    seed: int = 0,
    sweep: Sweep | None = None,
    by: str = "variance",
    progress: Progress | None = None,
) -> FeatureMaps:
    """Show what a network makes of images: a block's maps, and how maps change with depth.

    A channel's activity is the standard deviation over positions of what the depthwise part adds
    to the stream, after its batch norm: a constant that is added everywhere does not count. A map
    shows where a channel is large, not what for: the pointwise part mixes all channels next. In
    memory are one batch, three of its maps, and of the images shown the maps of one block.
    """
    config = checkpoint.config
    _check(config, block, channels, filters, (most_active, shown, batch_size))
    if name is not None and name not in KERNEL_NAMES:
        raise Refusal(f"{name!r} is not a name of kernels; they are {', '.join(KERNEL_NAMES)}.")
    ranked = None if sweep is None else _ranked(checkpoint, sweep, block, by)
    wanted = _Wanted(block, shown, by_depth, batch_size, seed)
    seen = _look(checkpoint, images, wanted, progress)
    maps = [torch.cat(parts) for parts in zip(*seen.maps, strict=True)]
    activity = wide(maps[MAPS.index("depthwise_norm")]).std((2, 3), correction=0).mean(0)
    if not bool(torch.isfinite(activity).all()):
        raise Refusal(
            f"{checkpoint.source.name}: maps of block {block} that are not finite found, finite "
            "numbers expected; check its weights and batch-norm statistics."
        )
    if name is not None and description is None:
        from viz.views.kernels.measure import describe_checkpoint

        description = describe_checkpoint(checkpoint, blocks=[block], n_init=1, seed=seed)
    names = _names(description, block, config.dim)
    if ranked is None:
        ranked = np.argsort(-activity.cpu().numpy(), kind="stable"), "the most active", ""
    chosen, why = _choose(ranked, names, channels, name, most_active, block)
    at = torch.tensor(chosen, device=maps[0].device)
    settings = {"block": block, "channels": chosen, "chosen_by": why, "by_depth": by_depth,
                "patches": patches,
                "shown": shown, "batch_size": batch_size, "seed": seed,
                "image_size": checkpoint.preprocessing.image_size,
                "preprocessing": checkpoint.preprocessing.known}  # fmt: skip
    return FeatureMaps(
        source=replace(
            checkpoint.source,
            block=block,
            settings=settings,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images={name: images.sha256[name] for name in _every_name(seen)},
        ),
        images=np.concatenate([batch.pixels for batch in seen.batches]),
        image_names=tuple(name for batch in seen.batches for name in batch.names),
        block=block,
        channel=np.array(chosen, dtype=np.int64),
        chosen_by=why,
        name=np.array([names[c] for c in chosen], dtype=np.str_),
        activity=activity.cpu().numpy(),
        kernels=_numpy(checkpoint.model.depthwise_kernels(block)[at]),
        maps=np.stack([_numpy(each[:, at]) for each in maps]),
        activation=config.activation,
        statistic_images=tuple(seen.names),
        **_from_sweep(checkpoint, sweep, block, chosen),
        **_by_depth(seen.statistics, maps[0], config),
        **(
            _patches(checkpoint, seen.batches, filters)
            if patches
            else _no_patches(checkpoint, seen.batches)
        ),
    )


def _check(
    config: Config,
    block: int,
    channels: Sequence[int] | None,
    filters: Sequence[int] | None,
    counts: tuple[int, ...],
) -> None:
    if not 0 <= block < config.depth:
        raise NoSuch(f"There is no block {block}: blocks are 0 to {config.depth - 1}.")
    for what, given in (("channel", channels), ("patch filter", filters)):
        if given is not None and not len(given):
            raise Refusal(f"no {what} was given; name at least one.")
        for number in given if given is not None else ():
            if not 0 <= number < config.dim:
                raise NoSuch(f"There is no {what} {number}: they are 0 to {config.dim - 1}.")
    if min(counts) < 1:
        raise Refusal("channels, images and images at a time are counted from 1.")


def _look(
    checkpoint: Checkpoint, images: ImageSet, wanted: _Wanted, progress: Progress | None
) -> _Seen:
    """Run the images through, keeping one block's maps of the first and numbers of all."""
    seen = _Seen([], [], [], [])
    left = wanted.shown
    for batch in images.batches(wanted.batch_size if wanted.by_depth else min(left, 4)):
        kept, statistics = _pass(checkpoint, batch, wanted, min(left, len(batch.names)))
        if kept:
            n = len(kept[0])
            seen.batches.append(
                replace(batch, names=batch.names[:n], inputs=batch.inputs[:n].clone())
            )
            seen.maps.append(kept)
            left -= n
        if statistics:
            seen.statistics.append(np.stack(statistics))
            seen.names += batch.names
        if progress is not None:
            progress(len(seen.names) or wanted.shown - left, len(images))
        if not (left or wanted.by_depth):
            break
    return seen


def _pass(
    checkpoint: Checkpoint, batch: ImageBatch, wanted: _Wanted, keep: int
) -> tuple[list[Tensor], list[Numbers]]:
    """One batch through the network: the block's maps of the first images, numbers of all."""
    kept: list[Tensor] = []
    statistics: list[Numbers] = []
    start = (None, "tokens") if wanted.block == 0 else (wanted.block - 1, "output")
    before: Tensor | None = None
    for stage in stages(checkpoint.model, batch.inputs):
        if keep and (_key(stage) == start or stage.block == wanted.block):
            # A copy, or the maps of the whole batch would stay in memory.
            kept.append(stage.maps[:keep].clone())
        if wanted.by_depth and stage.name.endswith("_activation") and before is not None:
            identity = checkpoint.config.activation == "identity"
            statistics.append(_statistics(before, stage.maps, wanted.seed, identity=identity))
        elif not wanted.by_depth and _key(stage) == (wanted.block, "output"):
            break
        before = stage.maps
    return kept, statistics


def _key(stage: Stage) -> tuple[int | None, str]:
    return stage.block, stage.name


@torch.inference_mode()
def _statistics(before: Tensor, after: Tensor, seed: int, *, identity: bool) -> Numbers:
    """Numbers of one activation, (6, n), in the order of `STATISTICS`."""
    if after.device.type == "mps":
        # It has no float64.
        before, after = before.cpu(), after.cpu()
    off = off_share(before)
    found = [
        torch.full_like(off, torch.nan) if identity else off,
        negative_mass(after),
        hoyer(after),
        effective_rank(after),
        effective_rank(after, centred=True),
        effective_rank(shuffled(after, seed), centred=True),
    ]
    numbers: Numbers = torch.stack(found).cpu().numpy()
    return numbers


def _names(description: DepthwiseDescription | None, block: int, dim: int) -> NDArray[np.str_]:
    """Name of every kernel of the block; "" where it is not known."""
    names = np.full(dim, "", dtype=np.dtype("<U16"))
    if description is not None:
        rows = description.block == block
        # Described alone, the kernels of a block stand in order.
        names[description.channel[rows]] = description.name[rows]
    return names


def _ranked(
    checkpoint: Checkpoint, sweep: Sweep, block: int, by: str
) -> tuple[NDArray[np.int64], str, str]:
    """Return a block's channels in a sweep's order, by what, and on which images, in words."""
    check_sweep(sweep, checkpoint)
    found = [channel for _, channel in channels_of_sweep(sweep, sweep.dim, by=by, block=block)]
    what = {"variance": "variable", "selectivity": "class-selective", "peak": "peaked"}[by]
    where = f" on {sweep.n_images} images"
    return np.array(found, dtype=np.int64), f"the most {what}", where


def _from_sweep(
    checkpoint: Checkpoint, sweep: Sweep | None, block: int, channels: Sequence[int]
) -> dict[str, Any]:
    if sweep is None:
        return {}
    limits = limits_of_sweep(checkpoint, sweep, block, channels)
    return {"sweep_limits": limits, "sweep_images": sweep.n_images}


def _choose(
    ranked: tuple[NDArray[np.int64], str, str],
    names: NDArray[np.str_],
    channels: Sequence[int] | None,
    name: str | None,
    most_active: int,
    block: int,
) -> tuple[list[int], str]:
    """Return the channels to show, and why these, in words."""
    if channels is not None:
        return [int(c) for c in channels], "given"
    order, why, where = ranked
    if name is None:
        return order[:most_active].tolist(), why + where
    order = order[names[order] == name]
    if not len(order):
        there = [other for other in KERNEL_NAMES if (names == other).any()]
        raise Refusal(f"no kernel of block {block} is named {name}; there are {', '.join(there)}.")
    return order[:most_active].tolist(), f"{why} of {len(order)} named {name}{where}"


def _by_depth(statistics: list[Numbers], maps: Tensor, config: Config) -> dict[str, Any]:
    """Turn numbers by batch into fields by activation and image."""
    parts = ["patch embedding", *["depthwise", "pointwise"] * config.depth]
    blocks = np.concatenate([[-1], np.repeat(np.arange(config.depth), 2)])
    if not statistics:
        parts, blocks = [], blocks[:0]
    together = np.concatenate(statistics, axis=2) if statistics else np.zeros((0, 6, 0))
    # Without its mean, a channel has one dimension less than positions.
    bound = min(maps.shape[1], maps.shape[2] * maps.shape[3] - 1)
    return {
        "statistic_block": blocks.astype(np.int64),
        "statistic_part": np.array(parts, dtype=np.dtype("<U16")),
        "rank_bound": np.full(len(parts), bound, dtype=np.int64),
        **{name: together[:, i] for i, name in enumerate(STATISTICS)},
    }


def _patches(
    checkpoint: Checkpoint, batches: list[ImageBatch], filters: Sequence[int] | None
) -> dict[str, Any]:
    """Answers of some filters at every pixel and on the grid; what the grid keeps of all."""
    model, p = checkpoint.model, checkpoint.config.patch_size
    inputs = torch.cat([batch.inputs for batch in batches])
    kept = patch_answers.kept(model, inputs)
    if filters is None:
        # Filters that hardly answer are left out where there are others.
        loud = torch.isfinite(kept.energy) & (kept.spread >= 0.05 * kept.spread.nanmedian())
        order = torch.where(loud, kept.energy, -torch.inf).argsort(descending=True, stable=True)
        last = max(int(loud.sum()), 1) - 1
        places = np.unique(np.linspace(0, last, 4).round().astype(int))
        filters = order[torch.from_numpy(places)].tolist()
    at = torch.tensor(list(filters), device=model.patch_filters.device)
    answers = patch_answers.answers(model, inputs, at)
    height, width = (side // p for side in inputs.shape[2:])
    return {
        "filter": np.array(filters, dtype=np.int64),
        "filters": _numpy(model.patch_filters[at]),
        "answers": _numpy(answers),
        "tokens": _numpy(answers[:, :, ::p, ::p][:, :, :height, :width]),
        "kept_energy": kept.energy.numpy(),
        "kept_peak": kept.peak.numpy(),
    }


def _no_patches(checkpoint: Checkpoint, batches: list[ImageBatch]) -> dict[str, Any]:
    """The same fields of no filter."""
    c, images = checkpoint.config, sum(len(batch.names) for batch in batches)
    height, width = batches[0].inputs.shape[2:]
    p, none = c.patch_size, np.zeros(0)
    return {
        "filter": none.astype(np.int64),
        "filters": np.zeros((0, c.in_channels, p, p), np.float32),
        "answers": np.zeros((images, 0, height - p + 1, width - p + 1), np.float32),
        "tokens": np.zeros((images, 0, height // p, width // p), np.float32),
        "kept_energy": none,
        "kept_peak": none,
    }


def _every_name(seen: _Seen) -> list[str]:
    return list(dict.fromkeys([*(n for batch in seen.batches for n in batch.names), *seen.names]))


def _numpy(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.detach().float().cpu().contiguous().numpy()
    return found
