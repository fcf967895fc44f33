"""The patches that drive channels most, cut from the images that a sweep has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from viz.core.counting import rank_within
from viz.core.own_torch import own_torch
from viz.core.refusal import NoSuch, Refusal
from viz.images.sets import ImageBatch, ImageSet
from viz.network.checkpoint import Checkpoint
from viz.network.stages import stages
from viz.sweep.opening import as_swept, check_sweep, scores
from viz.sweep.result import STAGES, Sweep
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.top_patches.result import TopPatches

if TYPE_CHECKING:
    from viz.views.kernels.result import DepthwiseDescription

BEYOND = 200
"""Grey of a crop beyond the image."""
_STAGE_NAMES = dict(
    zip(STAGES, ("patches_activation", "depthwise_activation", "residual", "pointwise_activation"),
        strict=True)
)  # fmt: skip


class TopPatchesError(Refusal):
    """Top patches that cannot be shown; the message is one sentence for the user."""


@own_torch()
def top_patches(
    checkpoint: Checkpoint, sweep: Sweep, images: ImageSet | str | Path,
    channels: Sequence[tuple[int, int]], *, stage: str = "depthwise", shown: int = 9,
    names: Sequence[str] = (), chosen_by: str = "given",
) -> TopPatches:  # fmt: skip
    """Cut out what drives channels most, each as large as its effective receptive field.

    The side of a crop is twice the radius that holds 90 % of the block's effective receptive field,
    averaged over images; the theoretical field soon is larger than any image. It is that of a unit
    in the middle and of the sum of all channels: one channel may look at less.
    """
    _check(checkpoint, sweep, channels, stage)
    shown = min(shown, sweep.top_value.shape[2])
    at = [(sweep.row(block, stage), channel) for block, channel in channels]
    rows, columns = (np.array(values) for values in zip(*at, strict=True))
    value = sweep.top_value[rows, columns, :shown]
    image, position = (v[rows, columns, :shown] for v in (sweep.top_image, sweep.top_position))
    used = np.unique(image[image >= 0])
    where = np.where(image < 0, -1, np.searchsorted(used, image))
    shown_images = tuple(sweep.image_names[i] for i in used)
    sides, side_from = _sides(sweep, [block for block, _ in channels])
    n, size = len(channels), int(max(sides.max(), 1))
    crops = np.full((n, shown, size, size, 3), BEYOND, dtype=np.uint8)
    strongest = np.zeros((n, *sweep.image_size, 3), dtype=np.uint8)
    maps = np.zeros((n, *sweep.grid), dtype=np.float32)
    row = np.where(position < 0, -1, position // sweep.grid[1])
    column = np.where(position < 0, -1, position % sweep.grid[1])
    for (i,), batch in read_swept(sweep, shown_images, images, checkpoint):
        pixels = batch.pixels[0]
        for c, j in np.argwhere(where == i):
            crop = _crop(pixels, int(row[c, j]), int(column[c, j]), int(sides[c]), sweep.patch_size)
            crops[c, j, : sides[c], : sides[c]] = crop
        first = np.flatnonzero(where[:, 0] == i)
        strongest[first] = pixels
        _maps(checkpoint, batch, stage, channels, first, maps)
    return TopPatches(
        source=replace(
            checkpoint.source,
            settings={"stage": stage, "shown": shown, "sweep": dict(sweep.source.settings)},
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images={name: sweep.source.images[name] for name in shown_images},
        ),
        stage=stage, block=np.array([block for block, _ in channels], dtype=np.int64),
        channel=columns.astype(np.int64), name=np.array(list(names) or [""] * n, dtype=np.str_),
        chosen_by=chosen_by, kernels=_kernels(checkpoint, channels, stage), value=value,
        image=where.astype(np.int64), image_names=shown_images, row=row, column=column, side=sides,
        side_from=side_from, crops=crops, strongest=strongest, maps=maps,
        patch_size=sweep.patch_size, n_images=sweep.n_images,
        peak=np.array([scores(sweep, r, "peak")[c] for r, c in zip(rows, columns, strict=True)]),
        same_class=_same_class(sweep.class_count),
    )  # fmt: skip


def _same_class(count: NDArray[np.int64]) -> float:
    """Return the share of pairs of images that are of one class."""
    n = int(count.sum())
    return float((count * (count - 1)).sum() / (n * (n - 1))) if n > 1 else float("nan")


def _check(
    checkpoint: Checkpoint, sweep: Sweep, channels: Sequence[tuple[int, int]], stage: str
) -> None:
    check_sweep(sweep, checkpoint)
    if not len(sweep.top_value):
        raise TopPatchesError("the sweep kept no top patches; sweep again with the part top.")
    if not channels:
        raise TopPatchesError("no channel is given; name at least one.")
    for block, channel in channels:
        sweep.row(block, stage)
        if not 0 <= channel < sweep.dim:
            raise NoSuch(f"There is no channel {channel}: they are 0 to {sweep.dim - 1}.")


def _sides(sweep: Sweep, blocks: Sequence[int]) -> tuple[NDArray[np.int64], str]:
    """Return the side of the crops of each block, odd about an odd patch, within the image."""
    most = min(sweep.image_size)
    if len(sweep.field_radius_px):
        radius = np.nan_to_num(sweep.field_radius_px, nan=most)
        words = (
            "the radius that holds 90 % of the effective receptive field "
            f"({sweep.field_images} images)"
        )
    else:
        reach = np.arange(1, sweep.depth + 1) * (sweep.kernel_size - 1)
        radius = sweep.patch_size * (1 + reach) / 2
        words = "the theoretical receptive field, within the image"
    sides = np.clip(np.ceil(2 * radius).astype(np.int64), sweep.patch_size, most)
    found = [sweep.patch_size if block < 0 else int(sides[block]) for block in blocks]
    return np.array(found, dtype=np.int64), words


def swept_paths(names: Sequence[str], folder: str | Path) -> list[tuple[str, Path]]:
    """Return where images of a sweep are looked for."""
    root = Path(folder)
    return [(name, root if root.is_file() else root / name) for name in names]


def read_swept(
    sweep: Sweep,
    names: Sequence[str],
    images: ImageSet | str | Path,
    checkpoint: Checkpoint,
    batch_size: int = 1,
) -> Iterator[tuple[list[int], ImageBatch]]:
    """Read some images of a sweep again, of a folder too, after checking that they are the same."""
    numbers = {name: i for i, name in enumerate(names)}
    if isinstance(images, ImageSet):
        images = images.only(numbers)
    else:
        how = as_swept(checkpoint, sweep).preprocessing
        images = ImageSet(swept_paths(names, images), how, checkpoint.config.in_channels)
    if missing := numbers.keys() - set(images.names):
        raise TopPatchesError(
            f"{min(missing)}: swept, but not among the images given; give those that were swept, "
            "or sweep these."
        )
    found = 0
    for batch in images.batches(batch_size):
        for name in batch.names:
            if images.sha256[name] != sweep.source.images.get(name):
                raise TopPatchesError(
                    f"{name}: not the image of that name that was swept (its hash differs); give "
                    "the folder that the sweep was made of, or sweep this one."
                )
        found += len(batch.names)
        yield [numbers[name] for name in batch.names], batch
    if found < len(names):
        reason = next(iter(images.skipped.values()))
        raise TopPatchesError(f"{reason} It was there when the folder was swept.")


def _crop(
    pixels: NDArray[np.uint8], row: int, column: int, side: int, patch: int
) -> NDArray[np.uint8]:
    """Cut a square about the middle of a patch; grey beyond the image."""
    height, width = pixels.shape[:2]
    # Twice the middle, so that even sides are half a pixel off to the left and above.
    top = (patch * (2 * row + 1) - side) // 2
    left = (patch * (2 * column + 1) - side) // 2
    made = np.full((side, side, 3), BEYOND, dtype=np.uint8)
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + side, height), min(left + side, width)
    made[y0 - top : y1 - top, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
    return made


def _maps(
    checkpoint: Checkpoint, batch: ImageBatch, stage: str, channels: Sequence[tuple[int, int]],
    wanted: NDArray[np.int64], into: NDArray[np.float32],
) -> None:  # fmt: skip
    """Put the maps of some channels on one image where they belong."""
    if not len(wanted):
        return
    last = max(channels[c][0] for c in wanted)
    for made in stages(checkpoint.model, batch.inputs):
        block = -1 if made.block is None else made.block
        if made.name == _STAGE_NAMES[stage]:
            for c in wanted:
                if channels[c][0] == block:
                    into[c] = made.maps[0, channels[c][1]].float().cpu().numpy()
            if block == last:
                return


def _kernels(
    checkpoint: Checkpoint, channels: Sequence[tuple[int, int]], stage: str
) -> NDArray[np.float32]:
    model = checkpoint.model
    if stage == "pointwise":
        return np.zeros((len(channels), 0, 0), dtype=np.float32)
    made = [
        (model.patch_filters if block < 0 else model.depthwise_kernels(block))[channel]
        for block, channel in channels
    ]
    found: NDArray[np.float32] = torch.stack(made).detach().float().cpu().numpy()
    return found


def channels_named(
    description: DepthwiseDescription, name: str, most: int = 8
) -> list[tuple[int, int]]:
    """Return the kernels of a name, spread over the blocks, the best described of each first."""
    rows = np.flatnonzero(description.name == name)
    if not len(rows):
        there = [other for other in KERNEL_NAMES if (description.name == other).any()]
        raise TopPatchesError(f"no kernel is named {name!r}; there are {', '.join(there)}.")
    rows = rows[np.argsort(-np.nan_to_num(description.r2[rows]), kind="stable")]
    blocks = description.block[rows]
    # Rank within its block: the best of every block comes before the second best of any.
    chosen = rows[np.argsort(rank_within(blocks), kind="stable")[:most]]
    chosen = chosen[np.lexsort((-description.r2[chosen], description.block[chosen]))]
    return [(int(description.block[i]), int(description.channel[i])) for i in chosen]


def channels_by_name(description: DepthwiseDescription) -> tuple[list[tuple[int, int]], list[str]]:
    """Return the best described kernel of every name."""
    found, names = [], []
    for name in KERNEL_NAMES:
        rows = np.flatnonzero(description.name == name)
        if name == "unnamed" or not len(rows):
            continue
        best = rows[np.nan_to_num(description.r2[rows]).argmax()]
        found.append((int(description.block[best]), int(description.channel[best])))
        names.append(name)
    if not found:
        raise TopPatchesError("no kernel looks clearly like anything: there is none of any name.")
    return found, names
