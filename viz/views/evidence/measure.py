"""One pass -> what each patch and channel gives to each class, and whether ablation agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.refusal import Refusal
from viz.core.wide import wide
from viz.images.sets import ImageSet, image_set
from viz.network.convmixer import Block
from viz.network.readout import Passed, Readout
from viz.sweep.plan import classes_of, output_of_classes
from viz.views.attribution.network import class_index
from viz.views.evidence.result import Evidence, half

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Numbers = NDArray[np.float64]
_ROWS = 4096
"""Ablated answers at a time."""


@own_torch()
def evidence(
    checkpoint: Checkpoint,
    images: ImageSet | str | Path | Sequence[str | Path] | Tensor | None = None, *,
    target: str | int = "predicted", against: str | int = "runner-up", shown: int = 2,
    n_channels: int = 6, n_draws: int = 100, seed: int = 0, batch_size: int = 8,
    progress: Progress | None = None,
) -> Evidence:  # fmt: skip
    """Split a network's answer into what each patch and each channel gives to each class.

    Only a mean over patches and a linear layer follow the last block, so that its logit less its
    bias is the sum over channels and patches of weight times activation over the number of
    patches, exactly (class activation mapping: Zhou et al., CVPR 2016). A patch of the last map
    has seen far more of the image than the pixels it is drawn on. Adding the same to all classes
    changes no probability: one class's map alone says less than the difference of two.
    """
    if min(shown, n_channels, n_draws, batch_size) < 1:
        raise Refusal("images, channels and draws are counted from 1.")
    readout = Readout(checkpoint)
    config = checkpoint.config
    asked = [
        None
        if each == own
        else class_index(each, config.n_classes, checkpoint.classes, f"or {own}")
        for each, own in ((target, "predicted"), (against, "runner-up"))
    ]
    found = image_set(images, checkpoint.preprocessing, config.in_channels)
    block = cast(Block, readout.network.blocks[-1])
    names: list[str] = []
    pixels: list[NDArray[np.uint8]] = []
    pooled: list[Tensor] = []
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in found.batches(batch_size):
        seen: list[Passed] = []
        watch = dict.fromkeys((block.depthwise_norm, block.pointwise), seen.append)
        made, _ = readout.run(batch.inputs, watch)
        pooled.append(wide(made).mean((2, 3)).cpu())
        few = max(0, shown - len(names))
        if few:
            pixels.append(batch.pixels[:few])
            branch, past = seen[0].made, seen[1].given - seen[0].made
            kept += zip(*(each[:few].float() for each in (made, branch, past)), strict=True)
        names += batch.names
        if progress is not None:
            progress(len(names), max(len(found), len(names)))
    means = torch.cat(pooled).numpy()
    weight, bias = readout.weight.cpu().numpy(), readout.bias.cpu().numpy()
    logits = means @ weight.T.astype(np.float64) + bias
    of, over = _classes(logits, asked)
    rows = [weight[of[i]].astype(np.float64) - weight[over[i]] for i in range(len(names))]
    margins = np.stack(rows)
    rng = np.random.default_rng(seed)
    maps = torch.stack([each[0] for each in kept]).cpu().numpy()
    channel = np.argsort(-np.abs(margins * means)[: len(kept)], axis=1, kind="stable")
    channel = channel[:, :n_channels]
    shares = [_fed_by(block, k, c) for k, c in zip(kept, channel, strict=True)]
    count = 2 ** np.arange(max(1, int(np.log2(config.dim))))
    draws = -(-n_draws // len(names))
    chosen, random = _ablate(means, (weight, bias), (of, over), count, draws, rng)
    folders, index = classes_of(names)
    outputs = np.array(output_of_classes(folders, checkpoint)[0], dtype=np.int64)
    settings = {"target": target, "against": against, "shown": shown, "n_channels": n_channels,
                "n_draws": n_draws, "seed": seed, "skipped": dict(found.skipped),
                "preprocessing": found.preprocessing.to_dict()}  # fmt: skip
    return Evidence(
        source=replace(
            checkpoint.source, block=config.depth - 1, settings=settings, images=found.sha256,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        images=np.concatenate(pixels), image_names=tuple(names), patch_size=config.patch_size,
        class_names=checkpoint.classes or tuple(f"class {c}" for c in range(config.n_classes)),
        block=config.depth - 1,
        kernels=checkpoint.model.depthwise_kernels(config.depth - 1).detach().float().cpu().numpy(),
        weight=weight, bias=bias, maps=maps, pooled=means, target=of, against=over,
        label=outputs[list(index)] if index else np.full(len(names), -1, dtype=np.int64),
        channel=channel, kernel_share=np.stack([s[0] for s in shares]).astype(np.float32),
        residual_share=np.stack([s[1] for s in shares]), half_channels=half(margins * means),
        half_channels_null=_half_shuffled(margins, means, rng),
        half_patches=half(np.stack([_patches(w, x) for w, x in zip(margins, maps, strict=False)])),
        half_patches_null=np.array(
            [_half_scattered(w, x, rng) for w, x in zip(margins, maps, strict=False)]
        ),
        count=count, chosen=chosen, random=random,
    )  # fmt: skip


def _classes(
    logits: Numbers, asked: list[int | None]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each image's two classes: as asked for, else the largest and the next other logit."""
    order = np.argsort(-logits, axis=1, kind="stable")
    of, over = (
        order[:, rank] if own is None else np.full(len(logits), own)
        for rank, own in enumerate(asked)
    )
    if asked[1] is None:
        over = np.where(of == order[:, 0], order[:, 1], order[:, 0])
    elif asked[0] is None:
        of = np.where(over == order[:, 0], order[:, 1], order[:, 0])
    elif asked[0] == asked[1]:
        raise Refusal(f"class {asked[0]} found against itself; give two different classes.")
    return of.astype(np.int64), over.astype(np.int64)


def _fed_by(
    block: Block, kept: tuple[Tensor, Tensor, Tensor], channels: NDArray[np.int64]
) -> tuple[Numbers, Numbers]:
    """Split the variance of channels before their activation over the kernels and the rest."""
    weight = block.pointwise.weight.detach()[torch.from_numpy(channels), :, 0, 0].cpu().double()
    branch, past = (each.flatten(1).cpu().double() for each in kept[1:])
    branch, past = (each - each.mean(1, keepdim=True) for each in (branch, past))
    whole = weight @ (branch + past)
    variance = whole.square().sum(1).clamp_min(torch.finfo(torch.float64).tiny)
    by_kernel = weight * (whole @ branch.T) / variance[:, None]
    return by_kernel.numpy(), ((weight @ past) * whole).sum(1).div(variance).numpy()


def _patches(weight: Numbers, maps: NDArray[np.float32]) -> Numbers:
    found: Numbers = np.tensordot(weight, maps.reshape(len(maps), -1), 1)
    return found


def _half_shuffled(margins: Numbers, pooled: Numbers, rng: np.random.Generator) -> Numbers:
    """Return `half` of each image's channels with the head's weights shuffled over channels."""
    draws = [half(margins[:, rng.permutation(margins.shape[1])] * pooled) for _ in range(20)]
    found: Numbers = np.mean(draws, axis=0)
    return found


def _half_scattered(weight: Numbers, maps: NDArray[np.float32], rng: np.random.Generator) -> float:
    """Return `half` of the patches with each channel's patches shuffled on their own."""
    flat = maps.reshape(len(maps), -1)
    return float(np.mean([half(_patches(weight, rng.permuted(flat, axis=1))) for _ in range(5)]))


def _ablate(
    pooled: Numbers,
    head: tuple[NDArray[np.float32], NDArray[np.float32]],
    classes: tuple[NDArray[np.int64], NDArray[np.int64]],
    count: NDArray[np.int64],
    draws: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the scores without the channels that speak most for the target, and random ones."""
    (images, dim), (of, over) = pooled.shape, classes
    weight, bias = (each.astype(np.float64) for each in head)
    chosen = np.zeros((3, len(count), images), np.float32)
    random = np.zeros((*chosen.shape, draws), np.float32)
    places = np.argsort(rng.random((images, draws, dim)), axis=2)
    order = np.argsort(-(weight[of] - weight[over]) * pooled, axis=1, kind="stable")
    for q, n in enumerate(count):
        for sets, into in ((order[:, None, :n], chosen[:, q, :, None]),
                           (places[:, :, :n], random[:, q])):  # fmt: skip
            into[...] = _scores(pooled, (weight, bias), classes, sets)
    return chosen, random


def _scores(
    pooled: Numbers,
    head: tuple[Numbers, Numbers],
    classes: tuple[NDArray[np.int64], NDArray[np.int64]],
    sets: NDArray[Any],
) -> Numbers:
    """Return margin, probability and whether the target is first, with sets of channels ablated."""
    images, draws, _ = sets.shape
    image = np.repeat(np.arange(images), draws)
    sets = sets.reshape(images * draws, -1)
    found = np.zeros((3, images * draws))
    for start in range(0, len(image), _ROWS):
        at = image[start : start + _ROWS]
        left = pooled[at]
        np.put_along_axis(left, sets[start : start + _ROWS], 0, 1)
        logits = left @ head[0].T + head[1]
        of, over, row = classes[0][at], classes[1][at], np.arange(len(at))
        found[:, start : start + _ROWS] = (
            logits[row, of] - logits[row, over],
            softmax(logits, axis=1)[row, of],
            logits.argmax(1) == of,
        )
    return found.reshape(3, images, draws)
