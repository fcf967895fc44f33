"""Running a network with some of its filters replaced, in a copy that shares every tensor.

`torch.func.functional_call` swaps parameters inside the module while it runs, which two threads on
one module would see of each other.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from viz.network.convmixer import Block, ConvMixer


def shared_copy(model: ConvMixer) -> ConvMixer:
    """Copy a network's modules, not its tensors, without its hooks and in evaluation mode."""
    twin = _copied(model)
    assert isinstance(twin, ConvMixer)
    return twin.eval()


def _copied(module: nn.Module) -> nn.Module:
    twin = copy.copy(module)
    state = twin.__dict__
    for name, value in state.items():
        if "_hooks" in name and isinstance(value, dict):
            state[name] = OrderedDict()
    state["_parameters"] = dict(module._parameters)
    state["_buffers"] = dict(module._buffers)
    state["_modules"] = {
        name: None if child is None else _copied(child) for name, child in module._modules.items()
    }
    return twin


@dataclass(frozen=True)
class Replacement:
    """What takes the place of which filters; mappings are from blocks, channels bool (dim,)."""

    kernels: Mapping[int, Tensor] = field(default_factory=dict)  # (dim, k, k), of which these
    rows: Mapping[int, Tensor] = field(default_factory=dict)  # channels are used
    # Channels whose depthwise branch gives its mean output instead.
    muted: Mapping[int, Tensor] = field(default_factory=dict)
    patch_filters: Tensor | None = None  # in place of all, (dim, c, p, p)
    muted_patch: Tensor | None = None  # channels of the embedding that give their mean output

    @property
    def first(self) -> int:
        """Block from which on the network is another; -1 for the patch embedding."""
        if self.patch_filters is not None or self.muted_patch is not None:
            return -1
        return min((*self.rows, *self.muted), default=0)

    def of_block(self, model: ConvMixer, block: int) -> dict[str, Tensor]:
        """Return the block's replaced parameters by name; none if it stays as it is."""
        new: dict[str, Tensor] = {}
        part = cast(Block, model.blocks[block])
        if block in self.rows:
            weight = model.depthwise_kernels(block)
            kernels = self.kernels[block].to(weight)
            rows = self.rows[block].to(weight.device)[:, None, None]
            new["depthwise.weight"] = torch.where(rows, kernels, weight)[:, None]
        if block in self.muted:
            # A scale of 0 leaves the batch norm's shift, which is its mean output.
            scale = part.depthwise_norm.weight
            new["depthwise_norm.weight"] = torch.where(
                self.muted[block].to(scale.device), torch.zeros_like(scale), scale
            )
        return new

    def embed(self, model: ConvMixer, x: Tensor) -> Tensor:
        """Map images to tokens, through what takes the embedding's place."""
        weight: Tensor = model.patch_filters
        scale: Tensor = model.patch_norm.weight
        if self.patch_filters is not None:
            weight = self.patch_filters.to(weight)
        if self.muted_patch is not None:
            scale = torch.where(self.muted_patch.to(scale.device), torch.zeros_like(scale), scale)
        x = model.activation(functional_call(model.patch_embedding, {"weight": weight}, x))
        out: Tensor = functional_call(model.patch_norm, {"weight": scale}, x)
        return out


def _onward(model: ConvMixer, x: Tensor, replacement: Replacement | None, start: int) -> Tensor:
    for block in range(start, model.config.depth):
        new = replacement.of_block(model, block) if replacement else {}
        part = model.blocks[block]
        x = functional_call(part, new, (x,)) if new else part(x)
    logits: Tensor = model.head(x.mean((2, 3)))
    return logits


def logits_of_all(
    twin: ConvMixer, inputs: Tensor, replacements: Mapping[int, Replacement]
) -> Iterator[tuple[int, Tensor]]:
    """Run one batch through the network as it is, then with each replacement.

    Shapes: ``inputs`` (n, c, h, w); returns logits (n, n_classes).
    """
    by_first: dict[int, list[int]] = {}
    for number, each in replacements.items():
        by_first.setdefault(each.first, []).append(number)
    x = twin.embed(inputs)
    yield -1, _onward(twin, x, None, 0)
    for number in by_first.pop(-1, []):
        yield number, _onward(twin, replacements[number].embed(twin, inputs), None, 0)
    for block in range(twin.config.depth):
        for number in by_first.pop(block, []):
            yield number, _onward(twin, x, replacements[number], block)
        if not by_first:
            return
        x = twin.blocks[block](x)
