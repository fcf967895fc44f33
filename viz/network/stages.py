"""A forward pass in stages: every map of a network, one after the other, none of them kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor

from viz.core.refusal import Refusal
from viz.network.convmixer import Block, ConvMixer

EMBEDDING_STAGES = ("patches", "patches_activation", "tokens")
"""Of the patch embedding: after the convolution, the activation, the batch norm."""
BLOCK_STAGES = (
    "depthwise",
    "depthwise_activation",
    "depthwise_norm",
    "residual",
    "pointwise",
    "pointwise_activation",
    "output",
)
"""Of each block: after the depthwise convolution, its activation and its batch norm, the addition
of the block's input; after the pointwise convolution, its activation and its batch norm."""


class Stage(NamedTuple):
    """What one step of the network made."""

    block: int | None  # 0-based; None for the patch embedding and the logits
    name: str  # one of `EMBEDDING_STAGES`, one of `BLOCK_STAGES`, or "logits"
    # (n, dim, h, w), or (n, n_classes) for the logits, without gradients; not to be written to, as
    # the next stages are made from it.
    maps: Tensor


@torch.inference_mode()
def stages(model: ConvMixer, inputs: Tensor) -> Iterator[Stage]:
    """Run a network step by step and hand out what each step makes; the rest is not computed.

    Shapes: ``inputs`` (n, in_channels, H, W).
    """
    _check(model, inputs)
    weight = model.patch_embedding.weight
    x = model.patch_embedding(inputs.to(weight.device, weight.dtype))
    yield Stage(None, "patches", x)
    x = model.activation(x)
    yield Stage(None, "patches_activation", x)
    x = model.patch_norm(x)
    yield Stage(None, "tokens", x)
    for b, part in enumerate(model.blocks):
        block = cast(Block, part)
        y = block.depthwise(x)
        yield Stage(b, "depthwise", y)
        y = block.activation(y)
        yield Stage(b, "depthwise_activation", y)
        y = block.depthwise_norm(y)
        yield Stage(b, "depthwise_norm", y)
        x = x + y
        yield Stage(b, "residual", x)
        x = block.pointwise(x)
        yield Stage(b, "pointwise", x)
        x = block.activation(x)
        yield Stage(b, "pointwise_activation", x)
        x = block.pointwise_norm(x)
        yield Stage(b, "output", x)
    if model.config.n_classes:
        yield Stage(None, "logits", model.head(x.mean((2, 3))))


def _check(model: ConvMixer, inputs: Tensor) -> None:
    config = model.config
    if any(module.training for module in model.modules()):
        raise Refusal(
            "the network is in training mode, in which a pass changes its batch norms; call "
            ".eval() first."
        )
    p, c = config.patch_size, config.in_channels
    if inputs.ndim != 4 or inputs.shape[1] != c or min(inputs.shape[2:]) < p:
        raise Refusal(
            f"network input of shape {tuple(inputs.shape)} found, expected (n, {c}, height, width) "
            f"of at least {p} x {p} pixels."
        )
