"""How steep the activations are on average, on images or from batch-norm statistics.

The mean slope makes a block linear: near its usual input an activation passes changes on times its
slope there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erf, expit
from torch import Tensor

from viz.core.counting import Progress
from viz.core.refusal import Refusal
from viz.core.wide import wide
from viz.network.convmixer import activation_layer

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.convmixer import Block, ConvMixer

Floats = NDArray[np.float64]
_NODES, _FEW, _HALVINGS = 241, 61, 30
_FEATURES = 16 << 20


def _slope(activation: str, x: Tensor) -> Tensor:
    """Return the derivative of an activation."""
    if activation == "gelu":
        return 0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * torch.exp(-x * x / 2) / math.sqrt(
            2 * math.pi
        )
    if activation == "relu":
        return (x > 0).to(x.dtype)
    if activation == "silu":
        s = torch.sigmoid(x)
        return s * (1 + x * (1 - s))
    if activation == "identity":
        return torch.ones_like(x)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(activation_layer(activation)(x).sum(), x)
    return slope


def slopes_on_images(
    model: ConvMixer,
    images: ImageSet,
    *,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> tuple[Floats, Floats]:
    """Average the activations' slopes over images and positions.

    Shapes: returns (depth, dim).
    """
    config = model.config
    if batch_size is None:
        side = max(images.preprocessing.image_size // config.patch_size, 1)
        batch_size = int(np.clip(_FEATURES // (config.dim * side**2), 1, 64))
    sums = np.zeros((2, config.depth, config.dim))
    count, done = 0, 0

    def total(x: Tensor) -> Floats:
        slope = wide(_slope(config.activation, x)).sum((0, 2, 3))
        return cast(Floats, slope.cpu().numpy())

    with torch.no_grad():
        for batch in images.batches(batch_size):
            x = model.embed(batch.inputs.to(model.patch_filters))
            count += x.shape[0] * x.shape[2] * x.shape[3]
            for b, block in enumerate(model.blocks):
                part = cast("Block", block)
                before = part.depthwise(x)
                sums[0, b] += total(before)
                x = x + part.depthwise_norm(part.activation(before))
                before = part.pointwise(x)
                sums[1, b] += total(before)
                x = part.pointwise_norm(part.activation(before))
            _check_finite(sums, batch.names)
            done += len(batch.names)
            if progress is not None:
                progress(done, max(len(images), done))
    means = sums / count
    return means[0], means[1]


def _check_finite(sums: Floats, names: Sequence[str]) -> None:
    broken = np.flatnonzero(~np.isfinite(sums).all((0, 2)))
    if len(broken):
        where = names[0] if len(names) == 1 else f"one of {names[0]} to {names[-1]}"
        raise Refusal(
            f"{where}: the maps of block {broken[0]} are not finite, expected finite numbers; "
            "check the checkpoint's weights and batch-norm statistics."
        )


def _value_and_slope(activation: str, x: Floats) -> tuple[Floats, Floats]:
    if activation == "gelu":
        below = 0.5 * (1 + erf(x / np.sqrt(2)))
        return x * below, below + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    if activation == "relu":
        return np.maximum(x, 0), (x > 0) + 0.5 * (x == 0)
    if activation == "silu":
        s = expit(x)
        return x * s, s * (1 + x * (1 - s))
    if activation == "identity":
        return x, np.ones_like(x)
    given = torch.from_numpy(x)
    value = activation_layer(activation)(given)
    return value.numpy(), _slope(activation, given).numpy()


def _moments(activation: str, mean: Floats, sd: Floats, nodes: int) -> tuple[Floats, Floats]:
    """Return the variance of the activation of Gaussian input (n,), and its mean slope."""
    z = np.linspace(-6, 6, nodes)
    weights = np.exp(-z * z / 2)
    weights /= weights.sum()
    value, slope = _value_and_slope(activation, mean[:, None] + sd[:, None] * z)
    first = value @ weights
    return (value - first[:, None]) ** 2 @ weights, slope @ weights


def gaussian_slope(activation: str, mean: Floats, variance: Floats) -> Floats:
    """Return the mean slope of an activation from the mean before it and the variance after it.

    Shapes: ``mean`` (n,); ``variance`` (n,); returns (n,).

    Mean and variance after the activation would not do: GELU and SiLU fall before they rise, and
    Gaussians with quite different slopes share both. The standard deviation before the activation
    is found by bisection between 1e-4 and 1e3.
    """
    mean, variance = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
    if activation == "identity":
        return np.ones_like(mean)
    low, high = np.full(mean.shape, np.log(1e-4)), np.full(mean.shape, np.log(1e3))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wide = _moments(activation, mean, np.exp(middle), _FEW)[0] > variance
        low, high = np.where(wide, low, middle), np.where(wide, middle, high)
    slope = _moments(activation, mean, np.exp((low + high) / 2), _NODES)[1]
    return np.where(np.isfinite(mean) & np.isfinite(variance), slope, np.nan)


def _input_means(model: ConvMixer, side: int) -> tuple[Floats, Floats]:
    """Return the mean of each activation's input, from the batch norms' shifts before it.

    A batch norm's output has its shift as mean. Over positions of a side x side map, tap (dy, dx)
    of a depthwise kernel meets the padding at all but (side - |dy|)(side - |dx|) of them.
    """
    k = model.config.kernel_size
    reach = np.abs(np.arange(k) - (k - 1) // 2)
    inside = (side - reach).clip(0) / side
    depthwise, pointwise = [], []
    shift = _array(model.patch_norm.bias)
    for each in model.blocks:
        block = cast("Block", each)
        kernels = _array(block.depthwise.weight)[:, 0]
        total = np.einsum("cyx,y,x->c", kernels, inside, inside)
        depthwise.append(_array(block.depthwise.bias) + total * shift)
        shift = shift + _array(block.depthwise_norm.bias)
        weight = _array(block.pointwise.weight)[:, :, 0, 0]
        pointwise.append(_array(block.pointwise.bias) + weight @ shift)
        shift = _array(block.pointwise_norm.bias)
    return np.stack(depthwise), np.stack(pointwise)


def _array(tensor: Tensor | None) -> Floats:
    assert tensor is not None
    return cast(Floats, wide(tensor.detach()).cpu().numpy())


def slopes_from_statistics(model: ConvMixer, side: int) -> tuple[Floats, Floats]:
    """Take the mean slopes from the batch norms, without any image.

    Shapes: returns (depth, dim).
    """
    made = []
    for means, name in zip(
        _input_means(model, side), ("depthwise_norm", "pointwise_norm"), strict=True
    ):
        norms = [getattr(block, name) for block in model.blocks]
        rows = [
            gaussian_slope(model.config.activation, mean, _array(norm.running_var))
            for mean, norm in zip(means, norms, strict=True)
        ]
        made.append(np.stack(rows))
    return made[0], made[1]
