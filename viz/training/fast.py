"""The network's training pass as matrix products, and the quickest way to compute on a machine.

Activations are laid out as (channels, batch, positions). A depthwise convolution is then one matrix
product per channel with the Toeplitz matrix of its kernel: more operations than the convolution
itself, but of a kind that processors have units for, in bfloat16 above all.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz.core.network import counted
from viz.network.convmixer import Block, ConvMixer, activation_layer

ARITHMETICS = {
    "float32-matrices": (True, torch.float32),
    "bfloat16-matrices": (True, torch.bfloat16),
    "float32": (False, torch.float32),
}
"""Name: whether depthwise convolutions are matrix products, and their number format."""
_MATRIX_BYTES = 2**30
"""Of Toeplitz matrices in one step; above it only convolutions are tried."""
_FEW = 64
"""Images of a step that tells ways apart."""
_LONG = 600.0
"""Seconds of training from which on compiling is worth a try."""

_layer = cache(activation_layer)


class Way(NamedTuple):
    """How training steps are computed; the results differ by rounding only."""

    arithmetic: str
    threads: int
    compiled: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say it as the command line prints it."""
        return f"{self.arithmetic}{', compiled' * self.compiled}, {counted(self.threads, 'thread')}"


@cache
def _taps(side: int, k: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Which tap (one-hot, k k) leads from each input to each output position of a square grid."""
    position = torch.arange(side)
    offset = position[:, None] - position[None, :] + (k - 1) // 2
    inside = (offset >= 0) & (offset < k)
    tap = offset[:, None, :, None] * k + offset[None, :, None, :]
    tap = torch.where(inside[:, None, :, None] & inside[None, :, None, :], tap, k * k)
    return F.one_hot(tap.flatten(), k * k + 1)[:, : k * k].to(device, dtype).contiguous()


class _DepthwiseProduct(torch.autograd.Function):
    """Depthwise "same" convolution of (c, n, positions) with kernels (c, k, k)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, side: int) -> Tensor:
        c, k = kernels.shape[:2]
        taps = _taps(side, k, x.dtype, x.device)
        toeplitz = (kernels.reshape(c, -1).to(x.dtype) @ taps.t()).view(c, side**2, side**2)
        ctx.save_for_backward(x, toeplitz, taps)
        ctx.shape = kernels.shape
        return torch.bmm(x, toeplitz)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        x, toeplitz, taps = ctx.saved_tensors
        grad = grad_outputs[0].contiguous()
        grad_x = torch.bmm(grad, toeplitz.transpose(1, 2))
        grad_toeplitz = torch.bmm(x.transpose(1, 2), grad)
        return grad_x, (grad_toeplitz.flatten(1) @ taps).float().view(ctx.shape), None


_Normed = Callable[..., tuple[Tensor, Tensor, Tensor]]


def _act_norm(
    x: Tensor, bias: Tensor, act: nn.Module, gamma: Tensor, beta: Tensor, eps: float,
    residual: Tensor | None, dtype: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Add the bias, apply activation and batch norm, add the residual; in float32 throughout."""
    x = act(x.float() + bias[:, None, None])
    var, mean = torch.var_mean(x, (1, 2), correction=0)
    scale = gamma * torch.rsqrt(var + eps)
    y = x * scale[:, None, None] + (beta - mean * scale)[:, None, None]
    if residual is not None:
        y = y + residual.float()
    return y.to(dtype), mean.detach(), var.detach()


_compiled_act_norm = cache(lambda: cast(_Normed, torch.compile(_act_norm, dynamic=False)))


def matrix_logits(
    model: ConvMixer, x: Tensor, dtype: torch.dtype, compiled: bool = False
) -> Tensor:
    """Compute what ``model(x)`` does in training mode with square images, statistics included.

    What is multiplied, and kept between layers, has this number format; norms and the head are
    in float32. ``compiled`` lets torch compile what lies between the products.
    """
    act_norm: _Normed = _compiled_act_norm() if compiled else _act_norm
    (n, c), p = x.shape[:2], model.config.patch_size
    side, dim = x.shape[-1] // p, model.config.dim
    act = _layer(model.config.activation)
    statistics = []

    def normed(h: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d, add: Tensor | None) -> Tensor:
        y, mean, var = act_norm(
            h.view(dim, n, -1), conv.bias, act, norm.weight, norm.bias, norm.eps, add, dtype
        )
        statistics.append((norm, mean, var))
        return y

    whole = x[..., : side * p, : side * p].reshape(n, c, side, p, side, p)
    patches = whole.permute(1, 3, 5, 0, 2, 4).reshape(c * p * p, -1).to(dtype)
    h = model.patch_embedding.weight.flatten(1).to(dtype) @ patches
    h = normed(h, model.patch_embedding, model.patch_norm, None)
    for block in cast("list[Block]", model.blocks):
        kernels = block.depthwise.weight[:, 0]
        mixed = cast(Tensor, _DepthwiseProduct.apply(h, kernels, side))  # type: ignore[no-untyped-call]
        h = normed(mixed, block.depthwise, block.depthwise_norm, h)
        h = block.pointwise.weight.flatten(1).to(dtype) @ h.reshape(dim, -1)
        h = normed(h, block.pointwise, block.pointwise_norm, None)
    m = n * side**2
    with torch.no_grad():
        for norm, mean, var in statistics:
            share = cast(float, norm.momentum)
            cast(Tensor, norm.running_mean).lerp_(mean, share)
            cast(Tensor, norm.running_var).lerp_(var * m / (m - 1), share)
    out: Tensor = model.head(h.float().mean(2).t())
    return out


def logits(model: ConvMixer, x: Tensor, way: Way) -> Tensor:
    """Compute a training pass in this way."""
    matrices, dtype = ARITHMETICS[way.arithmetic]
    if matrices:
        return matrix_logits(model, x, dtype, way.compiled)
    out: Tensor = model(x.contiguous(memory_format=torch.channels_last))
    return out


def _seconds(model: ConvMixer, x: Tensor, way: Way, best: float) -> float:
    """Time the quicker of two passes, forward and back, after a first one to warm up."""
    torch.set_num_threads(way.threads)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        logits(model, x, way).square().mean().backward()  # type: ignore[no-untyped-call]
        if x.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
        if times[0] > 2 * best and not way.compiled:
            return times[0]
    return min(times[1:])


def pick_way(
    model: ConvMixer, batch: tuple[int, int], steps: int, *,
    arithmetic: str | None = None, threads: int | None = None,
) -> Way:  # fmt: skip
    """Measure a few steps in every way and return the quickest; set its number of threads.

    ``batch`` is images in a step and their side in pixels. ``arithmetic`` (of `ARITHMETICS`) and
    ``threads`` measure only that; by default 1 thread and as many as torch has are tried.
    Compiling is tried where the ``steps`` to come are long enough to repay it.
    """
    config, (n, size) = model.config, batch
    model = copy.deepcopy(model).train()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, config.in_channels, size, size, generator=generator)
    x = x.to(model.patch_filters.device)
    heavy = 4 * config.dim * config.depth * (size // config.patch_size) ** 4 > _MATRIX_BYTES
    names = [arithmetic] if arithmetic else ["float32"] if heavy else list(ARITHMETICS)
    counts = [threads] if threads else sorted({1, torch.get_num_threads()}, reverse=True)
    timed: dict[Way, float] = {}
    for way in (Way(name, count) for count in counts for name in names):
        shortest = min(timed.values(), default=math.inf)
        timed[way] = _seconds(model, x[:_FEW], way, shortest)
    best = min(timed, key=lambda way: timed[way])
    best = best._replace(seconds=_seconds(model, x, best, math.inf))
    if not heavy and best.seconds * steps > _LONG:
        # Compiled, matrices may overtake convolutions.
        matrices = {way: s for way, s in timed.items() if ARITHMETICS[way.arithmetic][0]}
        try:
            way = min(matrices, key=lambda way: matrices[way])._replace(compiled=True)
            if (seconds := _seconds(model, x, way, best.seconds)) < best.seconds:
                best = way._replace(seconds=seconds)
        except Exception:  # No matrices, no compiler, or one that fails: it is not needed.
            pass
    torch.set_num_threads(best.threads)
    return best
