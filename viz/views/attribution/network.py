"""A private copy of a network for one call, and the score of it that is explained.

Hooks, replaced modules and drawn weights only ever touch such a copy, so that the network itself
stays as it is, also after an error, and several threads may explain one network at once. The copy
shares the weights: it costs no memory to speak of.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from viz.core.refusal import Refusal
from viz.network.convmixer import Block, ConvMixer

BY_RANK = ("predicted", "runner-up", "difference")
"""What can be explained besides a class."""


class AttributionError(Refusal):
    """An attribution that cannot be made, or would be wrong; one sentence for the user."""


def private_copy(model: ConvMixer) -> ConvMixer:
    """Copy a network's modules, not its weights."""
    tensors = [*model.parameters(), *model.buffers()]
    twin = copy.deepcopy(model, {id(t): t for t in tensors})
    for module in twin.modules():
        for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"):
            getattr(module, hooks).clear()
    return twin.eval()


@dataclass(frozen=True)
class Explained:
    """The number that is explained: a class's logit, or that less the one of ``against``."""

    target: int
    against: int = -1

    def score(self, logits: Tensor) -> Tensor:
        """Return the score of each row, (n,)."""
        score = logits[:, self.target]
        return score if self.against < 0 else score - logits[:, self.against]

    def probability(self, logits: Tensor) -> Tensor:
        """Return the target's softmax, over these two classes where one is subtracted.

        The softmax of a single logit is always 1: it is taken against zero instead.
        """
        if logits.shape[1] == 1:
            return logits[:, 0].sigmoid()
        if self.against < 0:
            return logits.softmax(1)[:, self.target]
        return self.score(logits).sigmoid()


def explained_by(target: str | int, logits: Tensor, classes: Sequence[str]) -> Explained:
    """Turn what is asked for into the score of one image.

    Shapes: ``logits`` (n_classes,).
    """
    n = len(logits)
    order = logits.argsort(descending=True, stable=True).tolist()
    if target == "predicted":
        return Explained(order[0])
    if target in BY_RANK:
        if n < 2:
            raise AttributionError(f"a network of {n} class has no runner-up; use predicted.")
        return Explained(order[1]) if target == "runner-up" else Explained(order[0], order[1])
    return Explained(class_index(target, n, tuple(classes)))


def class_index(
    target: str | int,
    n: int,
    classes: tuple[str, ...],
    others: str = "predicted, runner-up or difference",
) -> int:
    """Find a class by its index or name."""
    if isinstance(target, str):
        if target in classes:
            return classes.index(target)
        lower = [name.lower() for name in classes]
        if lower.count(target.lower()) == 1:
            return lower.index(target.lower())
        if not re.fullmatch("-?[0-9]+", target):
            near = difflib.get_close_matches(target, classes, 1, 0.5)
            hint = f"; did you mean {near[0]!r}?" if near else (
                f"; give a name of the {n} classes, an index, {others}."
                if classes else
                f": the checkpoint has no class names; give an index from 0 to {n - 1}, {others}."
            )  # fmt: skip
            raise AttributionError(f"there is no class {target!r}{hint}")
    index = int(target)
    if not 0 <= index < n:
        raise AttributionError(f"there is no class {index}: classes are 0 to {n - 1}.")
    return index


class _TwoActivations(nn.Module):
    """A block that calls a module of its own for each activation, as DeepLift needs it."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.depthwise, self.depthwise_norm = block.depthwise, block.depthwise_norm
        self.pointwise, self.pointwise_norm = block.pointwise, block.pointwise_norm
        self.first, self.second = copy.deepcopy(block.activation), copy.deepcopy(block.activation)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.depthwise_norm(self.first(self.depthwise(x)))
        out: Tensor = self.pointwise_norm(self.second(self.pointwise(x)))
        return out


class Scored(nn.Module):
    """A network whose output is the score that is explained, for Captum's layers and hooks.

    ``tap`` is the block whose output passes through the module ``.tap``; ``apart`` makes every
    activation a module of its own.
    """

    def __init__(
        self, network: ConvMixer, explained: Explained, *, tap: int | None = None,
        apart: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        twin = private_copy(network)
        if apart:
            blocks = (_TwoActivations(cast(Block, block)) for block in twin.blocks)
            twin.blocks = nn.ModuleList(blocks)
        self.tap = nn.Identity()
        if tap is not None:
            twin.blocks[tap] = nn.Sequential(twin.blocks[tap], self.tap)
        self.network, self.explained = twin, explained

    def forward(self, x: Tensor) -> Tensor:
        """Map images to scores, (n,)."""
        return self.explained.score(self.network(x))


def drawn_anew(model: ConvMixer, parts: Sequence[str], *, seed: int) -> ConvMixer:
    """Return a private copy in which some parts are as a new network draws them.

    torch's default: weights and biases of a convolution or linear layer are uniform within
    1 / sqrt(fan in); batch norms have weight 1, shift 0, mean 0, variance 1.
    """
    twin = private_copy(model)
    generator = torch.Generator().manual_seed(seed)
    for part in parts:
        for module in twin.get_submodule(part).modules():
            new: dict[str, Tensor] = {}
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                bound = module.weight[0].numel() ** -0.5
                for name, old in module.named_parameters():
                    new[name] = torch.empty(old.shape).uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0),
                                    ("running_var", 1)):  # fmt: skip
                    new[name] = torch.full(getattr(module, name).shape, float(value))
            for name, drawn in new.items():
                drawn = drawn.to(getattr(module, name))
                if name in module._parameters:
                    module._parameters[name] = nn.Parameter(drawn, requires_grad=False)
                else:
                    module._buffers[name] = drawn
    return twin
