"""Networks whose attributions are known, and slow forward passes to compare with."""

import dataclasses

import numpy as np
import torch

from viz.core.network import Preprocessing
from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer

GREY = Preprocessing(20, 1.0, mean=(0.5,) * 3, std=(0.25,) * 3, known="the test")


def checkpoint(network, classes=None):
    """Load a network and give it a preprocessing."""
    loaded = load(network, classes=classes)
    return dataclasses.replace(loaded, preprocessing=GREY)


def busy(activation="gelu", dim=6, depth=2, kernel_size=3, patch_size=4, n_classes=3, seed=0):
    """Random weights and batch norms that all matter."""
    torch.manual_seed(seed)
    made = ConvMixer(dim, depth, kernel_size, patch_size, n_classes, activation=activation)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(0.05, 0.4)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.normal_(1, 0.3)
            module.bias.data.normal_(0, 0.3)
    made.head.weight.data.mul_(5)
    return made.eval().requires_grad_(False)


def busy_images(n=1, height=22, width=21, seed=1):
    """Normalised noise; neither side is a multiple of 4."""
    return torch.randn(n, 3, height, width, generator=torch.Generator().manual_seed(seed))


def one_patch(activation="relu"):
    """Answer with class 0 if a certain pattern stands in some patch, else with class 1.

    Channel 0 matches the pattern and is silent below a threshold; everything after passes on.
    """
    made = ConvMixer(2, 2, 3, 4, 2, activation=activation).eval().requires_grad_(False)
    for name, tensor in made.state_dict().items():
        if name.endswith(("running_var", "norm.weight")):
            tensor.fill_(1)
        else:
            tensor.zero_()
    rng = np.random.default_rng(3)
    pattern = torch.tensor(rng.choice([-1.0, 1.0], (3, 4, 4)), dtype=torch.float32)
    pattern -= pattern.mean()  # a grey patch does not answer
    made.patch_filters[0] = pattern / 12
    made.patch_embedding.bias[0] = -4.0
    for block in made.blocks:
        block.pointwise.weight[:, :, 0, 0] = torch.eye(2)
    made.head.weight[0, 0] = 400.0
    made.head.bias[1] = 1.0
    return made, pattern


def image_with(pattern, row, column, side=32):
    """Faint noise, and the pattern, strong, in one patch."""
    x = 0.05 * torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    p = pattern.shape[-1]
    x[:, :, p * row : p * row + p, p * column : p * column + p] = 1.5 * pattern
    return x


def forward(network, x, activation):
    """A forward pass in which ``activation(pre, index)`` stands for every activation in turn."""
    index = iter(range(99))
    x = network.patch_norm(activation(network.patch_embedding(x), next(index)))
    for block in network.blocks:
        x = x + block.depthwise_norm(activation(block.depthwise(x), next(index)))
        x = block.pointwise_norm(activation(block.pointwise(x), next(index)))
    return network.head(x.mean((2, 3)))


def slopes(network, x, target):
    """Weights of an affine network by its answers to one input value at a time."""
    zero = torch.zeros_like(x[:1])
    basis = torch.eye(zero.numel()).reshape(-1, *zero.shape[1:])
    with torch.no_grad():
        return (network(basis) - network(zero))[:, target].reshape(zero.shape[1:]).double().numpy()


def state(model):
    """What must not change: weights, mode, hooks, gradients wanted."""
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    hooks = [
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    ]
    modes = [m.training for m in model.modules()]
    kinds = [type(m) for m in model.modules()]
    return weights, hooks, modes, kinds, [p.requires_grad for p in model.parameters()]


def same_state(one, other):
    """Whether nothing changed."""
    same = all(torch.equal(one[0][name], other[0][name]) for name in one[0])
    return same and one[1:] == other[1:] and not any(other[1])


def grid_part(x, p=4):
    """The whole patches of images."""
    return x[..., : x.shape[-2] // p * p, : x.shape[-1] // p * p]
