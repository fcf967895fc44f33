"""One pass -> the head read out after every block; over a folder a fitted readout, baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn

from viz.core.counting import Progress, Steps
from viz.core.own_torch import own_torch
from viz.core.refusal import Refusal
from viz.images.sets import ImageSet, image_set
from viz.network.readout import Passed, Readout
from viz.sweep.plan import classes_of, output_of_classes
from viz.views.attribution.network import drawn_anew
from viz.views.decision_by_depth.fitting import FOLDS, Fitted, fit
from viz.views.decision_by_depth.result import BASELINES, MANY, DecisionByDepth

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.network.convmixer import ConvMixer

Numbers = NDArray[np.float64]


@dataclass
class _Seen:
    """What one network made of the images: means over patches by depth, maps of the first ones."""

    readout: Readout
    pooled: list[Tensor] = field(default_factory=list)
    maps: list[Tensor] = field(default_factory=list)

    def add(self, inputs: Tensor, few: int) -> None:
        """Run a batch through; keep the maps of its first few images."""
        network = self.readout.network
        means: list[Tensor] = []
        maps: list[Tensor] = []

        def look(passed: Passed) -> None:
            made = passed.made.float()
            means.append(made.mean((2, 3)).cpu())
            if few:
                maps.append(made[:few].cpu())

        self.readout.run(inputs, dict.fromkeys((network.patch_norm, *network.blocks), look))
        self.pooled.append(torch.stack(means))
        if few:
            self.maps.append(torch.stack(maps))

    @property
    def means(self) -> NDArray[np.float32]:
        """Return means over patches, (depths, images, dim)."""
        found: NDArray[np.float32] = torch.cat(self.pooled, 1).numpy()
        return found

    def logits(self) -> NDArray[np.float32]:
        """Return the head's answers, as it stands, (depths, images, classes)."""
        readout = self.readout
        weight, bias = readout.weight.cpu().numpy(), readout.bias.cpu().numpy()
        found: NDArray[np.float32] = self.means @ weight.T + bias
        return found


@own_torch()
def decision_by_depth(
    checkpoint: Checkpoint,
    images: ImageSet | str | Path | Sequence[str | Path] | Tensor | None = None,
    *,
    shown: int = 2,
    fitted: bool = True,
    draws: int = 3,
    seed: int = 0,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> DecisionByDepth:
    """Read a network's head out after every block, as it stands and fitted anew.

    As it stands, the head meets features it was not trained on (the logit lens: nostalgebraist
    2020): a low rank early on need not mean that the class cannot be told there, which is what the
    fitted readout asks (linear probes: Alain and Bengio 2016). The batch norm at the end of each
    block keeps scales comparable, not meanings.
    """
    if min(shown, batch_size) < 1 or draws < 0:
        raise Refusal("images are counted from 1, draws of baselines from 0.")
    config = checkpoint.config
    found = image_set(images, checkpoint.preprocessing, config.in_channels)
    own = _Seen(Readout(checkpoint))
    others: dict[str, list[_Seen]] = {name: [] for name in BASELINES}
    names: list[str] = []
    pixels: list[NDArray[np.uint8]] = []
    many = draws and len(found) >= MANY
    fits = (config.depth + 1) * (1 + len(BASELINES) * draws) if fitted and many else 0
    steps = Steps(progress, len(found) + fits)
    for batch in found.batches(batch_size):
        if not names and many:
            others = _baselines(checkpoint, batch.inputs, draws, seed)
        few = max(0, min(shown - len(names), len(batch.names)))
        own.add(batch.inputs, few)
        if few:
            pixels.append(batch.pixels[:few])
        for each in (*others["shuffled"], *others["random"]):
            each.add(batch.inputs, 0)
        names += batch.names
        for _ in batch.names:
            steps()
    logits = own.logits()
    answer = logits[-1].argmax(1)
    folders, index = classes_of(names)
    outputs = np.array(output_of_classes(folders, checkpoint)[0], dtype=np.int64)
    label = outputs[list(index)] if index else np.full(len(names), -1, dtype=np.int64)
    maps = torch.cat(own.maps, 1).numpy()
    classes = checkpoint.classes or tuple(f"class {c}" for c in range(config.n_classes))
    target = (np.array(index), folders, "folder") if index else (answer, classes, "answer")
    made = fit(own.means, *target[:2], maps=maps, seed=seed, step=steps) if fitted else None
    return DecisionByDepth(
        source=replace(
            checkpoint.source,
            settings={"shown": shown, "fitted": fitted, "draws": draws, "seed": seed,
                      "folds": FOLDS, "skipped": dict(found.skipped),
                      "preprocessing": found.preprocessing.to_dict()},
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images=found.sha256,
        ),
        images=np.concatenate(pixels),
        image_names=tuple(names),
        patch_size=config.patch_size,
        class_names=classes,
        block=np.arange(-1, config.depth),
        logits=logits[:, : maps.shape[1]].copy(),
        maps=_maps(maps, own.readout.weight.cpu().numpy(), answer),
        answer=answer,
        label=label,
        target_is=target[2],
        **_as_it_stands(logits, answer),
        **(made or Fitted.none(len(logits), len(names), maps, "it was not asked for")).fields(),
        baselines=_beside(others, answer, label, made, seed, steps),
    )  # fmt: skip


def _baselines(
    checkpoint: Checkpoint, sample: Tensor, draws: int, seed: int
) -> dict[str, list[_Seen]]:
    """Return networks whose blocks are shuffled, and randomly initialised ones."""
    rng = np.random.default_rng(seed)
    made: dict[str, list[_Seen]] = {name: [] for name in BASELINES}
    for draw in range(draws):
        shuffled = Readout(checkpoint)
        blocks = shuffled.network.blocks
        shuffled.network.blocks = nn.ModuleList([blocks[i] for i in rng.permutation(len(blocks))])
        made["shuffled"].append(_Seen(shuffled))
        random = _untrained(checkpoint.model, sample, seed + draw)
        made["random"].append(_Seen(Readout(checkpoint, random)))
    return made


def _untrained(model: ConvMixer, sample: Tensor, seed: int) -> ConvMixer:
    """Draw a network of the same shape as torch does, its batch norms set on some images."""
    network = drawn_anew(model, [name for name, _ in model.named_children()], seed=seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # This counter is shared with the trained network.
            module.num_batches_tracked, module.momentum = None, 1.0
    filters = network.patch_filters
    with torch.inference_mode():
        network.train()(sample.to(filters.device, filters.dtype))
    return network.eval()


def _as_it_stands(logits: NDArray[np.float32], answer: NDArray[np.int64]) -> dict[str, Any]:
    """Return probability and rank of the answer and the first class, by depth and image."""
    probability = softmax(logits.astype(np.float64), axis=2)
    at = answer[None, :, None]
    own = np.take_along_axis(logits, at, 2)
    # Of equal logits the first one wins, as argmax has it.
    before = np.arange(logits.shape[2]) < at
    rank = 1 + ((logits > own) | ((logits == own) & before)).sum(2)
    return {
        "probability": np.take_along_axis(probability, at, 2)[..., 0],
        "rank": rank,
        "first": logits.argmax(2),
    }


def _maps(
    maps: NDArray[np.float32], weight: NDArray[np.float32], answer: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return what each patch gives to the answer's logit over the mean logit."""
    centred = weight[answer[: maps.shape[1]]] - weight.mean(0)
    found: NDArray[np.float32] = np.einsum("nd,bndhw->bnhw", centred, maps) / maps[0, 0, 0].size
    return found


def _beside(
    others: dict[str, list[_Seen]],
    answer: NDArray[np.int64],
    label: NDArray[np.int64],
    made: Fitted | None,
    seed: int,
    step: Steps,
) -> Numbers:
    """Return how the baselines fare by depth, as `DecisionByDepth.baselines` has it."""
    known = label >= 0
    rows: list[list[Numbers]] = []
    for each in (each for name in BASELINES for each in others[name]):
        first = each.logits().argmax(2)
        nothing = np.full(len(first), np.nan)
        right = (first == label)[:, known].mean(1) if known.any() else nothing
        again = nothing if made is None else made.again(each.means, seed, step)
        rows.append([(first == answer).mean(1), right, again])
    draws = len(rows) // len(BASELINES)
    if not draws:
        return np.zeros((3, len(BASELINES), 0, 0))
    return np.array(rows, np.float64).transpose(1, 0, 2).reshape(3, len(BASELINES), draws, -1)
