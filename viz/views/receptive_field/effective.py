"""Gradients of one unit with respect to the image, at every block, from one forward pass."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from viz.core.network import Config
from viz.network.convmixer import ConvMixer

_WORKING = 12
"""Feature maps alive at once besides the four of each block that autograd keeps."""


def own_copy(model: ConvMixer) -> ConvMixer:
    """Return a copy in evaluation mode, in float32 or float64, whose weights take no gradient."""
    double = model.patch_filters.dtype == torch.float64
    copied = copy.deepcopy(model).to(torch.float64 if double else torch.float32)
    return copied.eval().requires_grad_(False)


def bytes_per_image(
    config: Config, image_size: tuple[int, int], depth: int, *, size: int = 4
) -> int:
    """Return the memory that the gradients of one image take."""
    tokens = (image_size[0] // config.patch_size) * (image_size[1] // config.patch_size)
    maps = (4 * depth + _WORKING) * tokens * config.dim
    return size * (maps + 3 * config.in_channels * image_size[0] * image_size[1])


def gradients(
    model: ConvMixer, images: Tensor, blocks: list[int], unit: tuple[int, int], channels: list[int]
) -> Iterator[Tensor]:
    """Hand out, block by block, the gradient of the sum of one unit's channels.

    Shapes: ``images`` (n, in_channels, H, W), as each gradient.
    """
    weight = model.patch_embedding.weight
    x = images.detach().to(weight.device, weight.dtype).requires_grad_()
    y, sums = model.embed(x), []
    for block in model.blocks[: blocks[-1] + 1]:
        y = block(y)
        sums.append(y[:, channels, unit[0], unit[1]].sum())
    for b in blocks:
        yield torch.autograd.grad(sums[b], x, retain_graph=b != blocks[-1])[0]


@torch.no_grad()
def random_network(model: ConvMixer, images: Tensor, seed: int) -> ConvMixer:
    """Draw a network of the same shape as torch initialises it, its batch norms set on images.

    Shapes: ``images`` (n, in_channels, H, W).
    """
    drawn, generator = own_copy(model), torch.Generator().manual_seed(seed)
    for module in drawn.modules():
        if isinstance(module, nn.Conv2d):
            bound = module.weight[0].numel() ** -0.5
            for values in module.parameters():
                uniform = torch.rand(values.shape, generator=generator, dtype=torch.float32)
                values.copy_(bound * (2 * uniform - 1))
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            # One pass sets the statistics to those of its images.
            module.momentum = 1.0
    weight = drawn.patch_embedding.weight
    # Batch norms in training take two images at least.
    inputs = images.repeat(2, 1, 1, 1) if len(images) == 1 else images
    y = drawn.train().embed(inputs.to(weight.device, weight.dtype))
    for block in drawn.blocks:
        y = block(y)
    return drawn.eval()
