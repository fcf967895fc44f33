"""Small networks, and changes of them that are known."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer


def network(seed, *shape, **more):
    """A randomly initialised network, loaded; 16 channels, 3 blocks, 5 x 5 kernels by default."""
    torch.manual_seed(seed)
    return load(ConvMixer(*(shape or (16, 3, 5, 4, 4)), **more).eval())


def plant(checkpoint, block, channel, taps):
    """Give one kernel these taps."""
    with torch.no_grad():
        checkpoint.model.depthwise_kernels(block)[channel] = torch.as_tensor(taps).float()


def changed(checkpoint, change, name="changed"):
    """A copy of a checkpoint after ``change(model)``."""
    model = copy.deepcopy(checkpoint.model)
    with torch.no_grad():
        change(model)
    return replace(
        checkpoint, model=model, source=replace(checkpoint.source, name=name, sha256="1" * 64)
    )


def permuted(checkpoint, order):
    """The same network with channel i where channel order[i] was."""

    def change(model):
        dim = len(order)
        for key, tensor in model.state_dict().items():
            if tensor.ndim and tensor.shape[0] == dim and not key.startswith("head"):
                tensor.copy_(tensor[order].clone())
            if tensor.ndim > 1 and tensor.shape[1] == dim:
                tensor.copy_(tensor[:, order].clone())

    return changed(checkpoint, change, "permuted")
