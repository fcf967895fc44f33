"""The patch embedding at every pixel, and what of its answers the patch grid keeps."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from viz.network.convmixer import ConvMixer

CHUNK_BYTES = 4 << 20
"""Answers held at once while all filters are measured, about: more would leave the cache."""


class Kept(NamedTuple):
    """What the patch grid keeps of every filter's answers, per filter.

    Parameters
    ----------
    energy : torch.Tensor of float64, (dim,)
        Share of the energy at frequencies that the grid can carry; nan where nothing varies.
    peak : torch.Tensor of float64, (dim,)
        Largest absolute answer on the grid over the largest anywhere; nan where all are 0.
    spread : torch.Tensor of float64, (dim,)
        Standard deviation of the answers over pixels.
    """

    energy: Tensor
    peak: Tensor
    spread: Tensor


@torch.inference_mode()
def answers(model: ConvMixer, inputs: Tensor, filters: Tensor | slice) -> Tensor:
    """Return what patch filters answer at every pixel: the embedding's convolution at stride 1.

    Shapes: ``inputs`` (n, in_channels, H, W); returns (n, f, H - p + 1, W - p + 1).
    """
    part = model.patch_embedding
    bias = None if part.bias is None else part.bias[filters]
    return F.conv2d(inputs.to(part.weight.device, part.weight.dtype), part.weight[filters], bias)


@torch.inference_mode()
def kept(model: ConvMixer, inputs: Tensor) -> Kept:
    """Measure what the patch grid keeps of every filter's answers, averaged over images.

    Shapes: ``inputs`` (n, in_channels, H, W).

    Energy: of the answers less their mean, under a Hann window, the share of the discrete Fourier
    transform's energy at frequencies below 1 / (2 p) cycles per pixel along both axes. What lies
    above is not lost but folded: on the grid it cannot be told from lower frequencies (Shannon's
    sampling theorem). A map without structure keeps 1 / p^2. Peak: bias apart, the grid's largest
    absolute answer over the largest anywhere. Filters are taken in groups whose answers fill about
    4 MB.
    """
    config = model.config
    p = config.patch_size
    height, width = (side - p + 1 for side in inputs.shape[2:])
    size = max(1, CHUNK_BYTES // (4 * height * width))
    part = model.patch_embedding
    found = []
    for image in inputs:
        pieces = [
            _kept(answers(model, image[None], slice(i, i + size))[0],
                  None if part.bias is None else part.bias[i : i + size], p)
            for i in range(0, config.dim, size)
        ]  # fmt: skip
        found.append(torch.cat(pieces, dim=1))
    # An image on which a filter's answer does not vary says nothing about it.
    return Kept(*torch.stack(found).nanmean(0))


def _kept(maps: Tensor, bias: Tensor | None, p: int) -> Tensor:
    """Energy, peak and spread of answers (f, h, w), as (3, f) in float64 on the CPU."""
    maps = maps.float().contiguous()
    mean = maps.mean((1, 2), keepdim=True)
    deviation = maps - mean
    spread = deviation.square().mean((1, 2)).sqrt()
    # Rounding alone is no variation.
    flat = spread <= 1e-6 * maps.abs().amax((1, 2))
    down, across = (_window(n, maps) for n in maps.shape[1:])
    seen = deviation * down[:, None] * across
    low = _low(len(down), p, maps) @ seen @ _low(len(across), p, maps).mT
    energy = low.square().sum((1, 2)) / seen.square().sum((1, 2))
    size = (maps if bias is None else maps - bias.float()[:, None, None]).abs()
    peak = size[:, ::p, ::p].amax((1, 2)) / size.amax((1, 2))
    energy = torch.where(flat, math.nan, energy)
    return torch.stack([energy, peak, spread]).cpu().double()


def _window(n: int, like: Tensor) -> Tensor:
    """Hann's, without its zeros at the ends."""
    window: Tensor = torch.hann_window(n + 2, periodic=False, device=like.device)[1:-1]
    return window


def _low(n: int, p: int, like: Tensor) -> Tensor:
    """Orthonormal waves (m, n) of all frequencies below 1 / (2 p): real, so cosines and sines.

    Their span is that of the Fourier transform's low frequencies, and energy is the same in any
    orthonormal basis (Parseval): no transform of the high ones is needed.
    """
    each = torch.arange((n - 1) // (2 * p) + 1, dtype=torch.float64)
    phase = 2 * math.pi * each[:, None] * torch.arange(n) / n
    waves = torch.cat([torch.cos(phase), torch.sin(phase[1:])])
    found: Tensor = (waves / waves.norm(dim=1, keepdim=True)).to(like)
    return found
