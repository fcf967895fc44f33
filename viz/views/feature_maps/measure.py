"""Feature maps beside their kernels: one block's maps, sparsity and rank by depth, the patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.refusal import NoSuch, Refusal
from viz.core.wide import wide
from viz.network.stages import stages
from viz.sweep.opening import channels_of_sweep, check_sweep
from viz.views.feature_maps import patch_answers
from viz.views.feature_maps.result import MAPS, STATISTICS, FeatureMaps
from viz.views.feature_maps.statistics import effective_rank, off_share, shuffled
from viz.views.kernels.result import KERNEL_NAMES

if TYPE_CHECKING:
    from viz.core.network import Config
    from viz.images.sets import ImageBatch, ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep

Numbers = NDArray[np.float64]
_RANKED = {"variance": "variable", "selectivity": "class-selective", "peak": "peaked"}


@dataclass
class _Seen:
    """What a pass brings back: the first images, their maps (all channels), numbers of all."""

    batches: list[ImageBatch] = field(default_factory=list)
    maps: list[list[Tensor]] = field(default_factory=list)
    statistics: list[Numbers] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


@own_torch()
def feature_maps(
    checkpoint: Checkpoint, images: ImageSet, *, block: int = 0,
    channels: Sequence[int] | None = None, most_active: int = 3, name: str | None = None,
    filters: Sequence[int] | None = None, shown: int = 2, by_depth: bool = True,
    patches: bool = True, batch_size: int = 4, seed: int = 0, sweep: Sweep | None = None,
    by: str = "variance", progress: Progress | None = None,
) -> FeatureMaps:  # fmt: skip
    """Show what a network makes of images: a block's maps, and how maps change with depth.

    A channel's activity is the standard deviation over positions of what the depthwise part adds
    to the stream, after its batch norm: a constant that is added everywhere does not count. In
    memory are one batch, three of its maps, and of the images shown the maps of one block.
    """
    config = checkpoint.config
    _check(config, block, channels, filters, (most_active, shown, batch_size))
    if name is not None and name not in KERNEL_NAMES:
        raise Refusal(f"{name!r} is not a name of kernels; they are {', '.join(KERNEL_NAMES)}.")
    seen = _Seen()
    for batch in images.batches(batch_size if by_depth else min(shown, 4)):
        left = shown - sum(len(each.names) for each in seen.batches)
        _pass(checkpoint, batch, seen, block, min(left, len(batch.names)), by_depth, seed)
        if progress is not None:
            progress(len(seen.names) or shown - left + len(batch.names), len(images))
        if not by_depth and left <= len(batch.names):
            break
    maps = [torch.cat(parts) for parts in zip(*seen.maps, strict=True)]
    activity = wide(maps[MAPS.index("depthwise_norm")]).std((2, 3), correction=0).mean(0)
    if not bool(torch.isfinite(activity).all()):
        raise Refusal(
            f"{checkpoint.source.name}: maps of block {block} that are not finite found, finite "
            "numbers expected; check its weights and batch-norm statistics."
        )
    ranked = np.argsort(-activity.cpu().numpy(), kind="stable"), "the most active", ""
    if sweep is not None:
        check_sweep(sweep, checkpoint)
        best = [c for _, c in channels_of_sweep(sweep, sweep.dim, by=by, block=block)]
        ranked = np.array(best), f"the most {_RANKED[by]}", f" on {sweep.n_images} images"
    names = _names(checkpoint, block, seed, wanted=name is not None)
    chosen, why = _choose(ranked, names, channels, name, most_active, block)
    at = torch.tensor(chosen, device=maps[0].device)
    settings = {"block": block, "channels": chosen, "chosen_by": why, "by_depth": by_depth,
                "patches": patches, "shown": shown, "batch_size": batch_size, "seed": seed,
                "image_size": checkpoint.preprocessing.image_size,
                "preprocessing": checkpoint.preprocessing.known}  # fmt: skip
    image_names = [each for batch in seen.batches for each in batch.names]
    return FeatureMaps(
        source=replace(
            checkpoint.source,
            block=block,
            settings=settings,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images={n: images.sha256[n] for n in dict.fromkeys([*image_names, *seen.names])},
        ),
        images=np.concatenate([batch.pixels for batch in seen.batches]),
        image_names=tuple(image_names),
        block=block,
        patch_size=config.patch_size,
        channel=np.array(chosen, dtype=np.int64),
        chosen_by=why,
        name=names[chosen],
        activity=activity.cpu().numpy(),
        kernels=_numpy(checkpoint.model.depthwise_kernels(block)[at]),
        maps=np.stack([_numpy(each[:, at]) for each in maps]),
        activation=config.activation,
        statistic_images=tuple(seen.names),
        # Without its mean, a channel has one dimension less than positions.
        rank_bound=min(config.dim, maps[0].shape[2] * maps[0].shape[3] - 1),
        **_by_depth(seen.statistics, config.depth),
        **(_patches(checkpoint, seen.batches, filters) if patches else {}),
    )


def _check(
    config: Config, block: int, channels: Sequence[int] | None, filters: Sequence[int] | None,
    counts: tuple[int, ...],
) -> None:  # fmt: skip
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


def _pass(
    checkpoint: Checkpoint, batch: ImageBatch, seen: _Seen, block: int, keep: int, by_depth: bool,
    seed: int,
) -> None:  # fmt: skip
    """Run one batch, keeping the block's maps of the first images and numbers of all."""
    kept: list[Tensor] = []
    statistics: list[Numbers] = []
    start = (None, "tokens") if block == 0 else (block - 1, "output")
    before: Tensor | None = None
    for stage in stages(checkpoint.model, batch.inputs):
        key = stage.block, stage.name
        if keep > 0 and (key == start or stage.block == block):
            # A copy, or the maps of the whole batch would stay in memory.
            kept.append(stage.maps[:keep].clone())
        if by_depth and stage.name.endswith("_activation") and before is not None:
            identity = checkpoint.config.activation == "identity"
            statistics.append(_statistics(before, stage.maps, seed, identity=identity))
        elif not by_depth and key == (block, "output"):
            break
        before = stage.maps
    if kept:
        first = replace(batch, names=batch.names[:keep], inputs=batch.inputs[:keep].clone())
        seen.batches.append(first)
        seen.maps.append(kept)
    if statistics:
        seen.statistics.append(np.stack(statistics))
        seen.names += batch.names


@torch.inference_mode()
def _statistics(before: Tensor, after: Tensor, seed: int, *, identity: bool) -> Numbers:
    """Numbers of one activation, (3, n), in the order of `STATISTICS`."""
    if after.device.type == "mps":
        # It has no float64.
        before, after = before.cpu(), after.cpu()
    off = off_share(before)
    found = [
        torch.full_like(off, torch.nan) if identity else off,
        effective_rank(after),
        effective_rank(shuffled(after, seed)),
    ]
    numbers: Numbers = torch.stack(found).cpu().numpy()
    return numbers


def _names(checkpoint: Checkpoint, block: int, seed: int, *, wanted: bool) -> NDArray[np.str_]:
    """Name of every kernel of the block; "" where none is wanted."""
    if not wanted:
        return np.full(checkpoint.config.dim, "")
    from viz.views.kernels.measure import describe_checkpoint

    return describe_checkpoint(checkpoint, blocks=[block], n_init=1, seed=seed).name


def _choose(
    ranked: tuple[NDArray[np.int64], str, str], names: NDArray[np.str_],
    channels: Sequence[int] | None, name: str | None, most_active: int, block: int,
) -> tuple[list[int], str]:  # fmt: skip
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


def _by_depth(statistics: list[Numbers], depth: int) -> dict[str, Any]:
    """Turn numbers by batch into fields by activation and image."""
    depth = depth if statistics else 0
    parts = [*["patch embedding"] * bool(statistics), *["depthwise", "pointwise"] * depth]
    blocks = [*[-1] * bool(statistics), *np.repeat(np.arange(depth), 2)]
    together = np.concatenate(statistics, axis=2) if statistics else np.zeros((0, 3, 0))
    return {
        "statistic_block": np.array(blocks, dtype=np.int64),
        "statistic_part": np.array(parts, dtype="<U16"),
        **{name: together[:, i] for i, name in enumerate(STATISTICS)},
    }


def _patches(
    checkpoint: Checkpoint, batches: list[ImageBatch], filters: Sequence[int] | None
) -> dict[str, Any]:
    """Answers of some filters at every pixel; what the grid keeps of all."""
    model = checkpoint.model
    inputs = torch.cat([batch.inputs for batch in batches])
    energy, spread = patch_answers.kept(model, inputs)
    if filters is None:
        # Filters that hardly answer are left out where there are others.
        loud = torch.isfinite(energy) & (spread >= 0.05 * spread.nanmedian())
        order = torch.where(loud, energy, -torch.inf).argsort(descending=True, stable=True)
        last = max(int(loud.sum()), 1) - 1
        places = np.unique(np.linspace(0, last, 3).round().astype(int))
        filters = order[torch.from_numpy(places)].tolist()
    at = torch.tensor(list(filters), device=model.patch_filters.device)
    return {
        "filter": np.array(filters, dtype=np.int64),
        "filters": _numpy(model.patch_filters[at]),
        "answers": _numpy(patch_answers.answers(model, inputs, at)),
        "kept_energy": energy.numpy(),
    }


def _numpy(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.detach().float().cpu().contiguous().numpy()
    return found
