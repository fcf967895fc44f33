"""A private copy of a network for one call: split at the patch grid, counted, bounded in memory.

Hooks, replaced modules and drawn weights only ever touch such a copy, so that the network itself
stays as it is, also after an error, and several threads may explain one network at once. The copy
shares the weights: it costs no memory to speak of.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from viz.network.convmixer import Block, ConvMixer

MEMORY = 512
"""MiB that the feature maps of one batch may take, by default."""
_LARGEST_BATCH = {"cpu": 16}
_LARGEST_ELSEWHERE = 128


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
    """The number that is explained: a class's logit, or the difference of two.

    Parameters
    ----------
    target : int
        The class.
    against : int
        The class whose logit is subtracted; -1 for none.
    """

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

    Parameters
    ----------
    network : ConvMixer
        A private copy.
    explained : Explained
        The score.
    tap : int or None
        Block whose output passes through the module ``.tap``.
    apart : bool
        Whether every activation becomes a module of its own.
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


class Split:
    """A private copy that can start at the patch embedding's output, and counts its passes.

    The patch embedding is linear and its patches do not overlap: changing whole patches of an
    image changes whole columns of its output, and a straight path between two images is a straight
    path there. What perturbs or follows such paths need not compute it again.

    Parameters
    ----------
    model : ConvMixer
        Copied, weights shared.
    memory : int
        MiB for the feature maps of one batch.
    batch_size : int or None
        Images per batch instead of what the memory allows.
    count : callable or None
        Called with the number of images after each pass.
    """

    def __init__(
        self,
        model: ConvMixer,
        *,
        memory: int = MEMORY,
        batch_size: int | None = None,
        count: Callable[[int], None] | None = None,
    ) -> None:
        self.network = private_copy(model)
        self.config = model.config
        self.memory, self.batch_size = memory, batch_size
        self.count = count or (lambda n: None)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.patch_filters.device

    def cropped(self, x: Tensor) -> Tensor:
        """Cut off the pixels that no patch covers, in the faster memory layout."""
        p = self.config.patch_size
        high, wide = x.shape[-2] // p * p, x.shape[-1] // p * p
        whole = x[..., :high, :wide].to(self.device, self.network.patch_filters.dtype)
        return whole.contiguous(memory_format=torch.channels_last)

    def columns(self, x: Tensor) -> Tensor:
        """Map images (n, c, h, w) to the patch embedding's output (n, dim, gh, gw)."""
        out: Tensor = self.network.patch_embedding(x)
        return out

    def to_pixels(self, gradient: Tensor) -> Tensor:
        """Map a gradient at the patch embedding's output to one at the pixels."""
        filters = self.network.patch_filters.to(gradient.dtype)
        return F.conv_transpose2d(gradient, filters, stride=self.config.patch_size)

    def logits(self, x: Tensor) -> Tensor:
        """Map images to logits, counted."""
        out: Tensor = self.network(x)
        self.count(len(x))
        return out

    def rest(self, columns: Tensor) -> Tensor:
        """Map the patch embedding's output to logits, counted."""
        network = self.network
        x = network.patch_norm(network.activation(columns))
        for block in network.blocks:
            x = block(x)
        out: Tensor = network.head(x.mean((2, 3)))
        self.count(len(columns))
        return out

    def batch(self, grid: tuple[int, int], *, gradient: bool) -> int:
        """Return how many images one pass may hold."""
        if self.batch_size is not None:
            return self.batch_size
        maps = 7 * self.config.depth + 4 if gradient else 6
        each = maps * self.config.dim * grid[0] * grid[1] * self.network.patch_filters.itemsize
        most = _LARGEST_BATCH.get(self.device.type, _LARGEST_ELSEWHERE)
        return max(1, min(most, (self.memory << 20) // each))

    def mixed(self, masks: NDArray[np.bool_], there: Tensor, elsewhere: Tensor) -> Tensor:
        """Map mixtures of two images to logits: patches of one where a mask says so.

        Shapes: ``masks`` (n, gh, gw); ``there, elsewhere`` (1, dim, gh, gw); returns (n,
        n_classes).
        """
        size = self.batch(masks.shape[1:], gradient=False)
        found = []
        with torch.no_grad():
            for start in range(0, len(masks), size):
                mask = torch.from_numpy(masks[start : start + size]).to(there.device)
                found.append(self.rest(torch.where(mask[:, None], there, elsewhere)))
        return torch.cat(found).cpu().double()


def drawn_anew(
    model: ConvMixer, parts: Sequence[str], *, seed: int, norms: bool
) -> ConvMixer:  # fmt: skip
    """Return a private copy in which some parts are as a new network draws them.

    torch's default: weights and biases of a convolution or linear layer are uniform within
    1 / sqrt(fan in).
    """
    twin = private_copy(model)
    generator = torch.Generator().manual_seed(seed)
    for part in parts:
        for module in twin.get_submodule(part).modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                bound = module.weight[0].numel() ** -0.5
                for name in ("weight", "bias"):
                    old = getattr(module, name)
                    new = torch.empty(old.shape).uniform_(-bound, bound, generator=generator)
                    _put(module, name, new, old)
            elif isinstance(module, nn.BatchNorm2d) and norms:
                for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0),
                                    ("running_var", 1)):  # fmt: skip
                    old = getattr(module, name)
                    _put(module, name, torch.full(old.shape, float(value)), old)
    return twin


def _put(module: nn.Module, name: str, new: Tensor, old: Tensor) -> None:
    """Give a private module a tensor of its own."""
    new = new.to(old.device, old.dtype)
    if name in module._parameters:
        module._parameters[name] = nn.Parameter(new, requires_grad=False)
    else:
        module._buffers[name] = new
