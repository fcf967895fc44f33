"""What one kernel or patch filter does for the answer: removed, or replaced by its fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from viz.core.refusal import NoSuch, Refusal
from viz.network.replacing import Replacement, logits_of_all, shared_copy
from viz.views.ablation.result import CHANGES, Removal

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint


def removal(
    checkpoint: Checkpoint,
    images: ImageSet,
    *,
    block: int | None,
    channel: int,
    fitted: ArrayLike | None = None,
    seed: int = 0,
    batch_size: int = 8,
) -> Removal:
    """Compare a network's answers with those it gives when one filter is changed.

    Shapes: ``fitted`` (k, k).

    Removed: the scale of the batch norm behind it is set to 0, so the channel keeps its mean
    output of the training, not 0, which the network has never met. The residual path goes on
    carrying the block's input. One filter among many hardly moves an answer: a small effect says
    little against it, since others may do the same.
    """
    weight = _weight(checkpoint, block, channel)
    new: dict[str, NDArray[np.float32]] = {}
    if fitted is not None:
        fit = np.asarray(fitted, dtype=np.float32)
        if fit.shape != weight.shape[1:]:
            raise Refusal(
                f"a fit of shape {fit.shape} found, expected that of the filter, "
                f"{tuple(weight.shape[1:])}."
            )
        new["fit"] = fit
    taps = weight[channel].detach().float().cpu().numpy()
    new["shuffled"] = np.random.default_rng(seed).permuted(taps.ravel()).reshape(taps.shape)
    wanted = {"removed": _muted(weight, block, channel)}
    wanted |= {name: _replaced(weight, block, channel, each) for name, each in new.items()}
    changes = tuple(name for name in CHANGES if name in wanted)
    twin = shared_copy(checkpoint.model)
    numbered = {i: wanted[name] for i, name in enumerate(changes)}
    names: list[str] = []
    logits: list[Tensor] = []
    with torch.inference_mode():
        for batch in images.batches(batch_size):
            names += batch.names
            made = dict(logits_of_all(twin, batch.inputs.to(weight.device), numbered))
            logits.append(torch.stack([made[i] for i in range(-1, len(changes))]).float().cpu())
    classes = checkpoint.classes or tuple(map(str, range(checkpoint.config.n_classes)))
    return Removal(
        source=replace(
            checkpoint.source,
            block=block,
            settings={"block": block, "channel": channel, "seed": seed},
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images=images.sha256,
        ),
        block=-1 if block is None else block,
        channel=channel,
        changes=changes,
        image_names=tuple(names),
        class_names=tuple(classes),
        logits=torch.cat(logits, 1).numpy(),
    )


def _weight(checkpoint: Checkpoint, block: int | None, channel: int) -> Tensor:
    """Return the filters that the changed one is among."""
    config, model = checkpoint.config, checkpoint.model
    if not 0 <= channel < config.dim or not (block is None or 0 <= block < config.depth):
        what = "patch filter" if block is None else f"block {block}'s kernel"
        raise NoSuch(
            f"There is no {what} {channel}: blocks are 0 to {config.depth - 1}, filters and "
            f"kernels 0 to {config.dim - 1}."
        )
    return model.patch_filters if block is None else model.depthwise_kernels(block)


def _muted(weight: Tensor, block: int | None, channel: int) -> Replacement:
    row = torch.zeros(len(weight), dtype=torch.bool)
    row[channel] = True
    return Replacement(muted_patch=row) if block is None else Replacement(muted={block: row})


def _replaced(
    weight: Tensor, block: int | None, channel: int, new: NDArray[np.float32]
) -> Replacement:
    filters = weight.detach().clone()
    filters[channel] = torch.tensor(new).to(filters)
    if block is None:
        return Replacement(patch_filters=filters)
    row = torch.zeros(len(weight), dtype=torch.bool)
    row[channel] = True
    return Replacement(kernels={block: filters}, rows={block: row})
