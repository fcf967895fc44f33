"""The patch embedding at every pixel, and what of its answers the patch grid keeps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from viz.network.convmixer import ConvMixer

_CHUNK_BYTES = 4 << 20
"""Answers held at once while all filters are measured, about: more would leave the cache."""


@torch.inference_mode()
def answers(model: ConvMixer, inputs: Tensor, filters: Tensor | slice) -> Tensor:
    """Return what patch filters answer at every pixel: the embedding's convolution at stride 1.

    Shapes: ``inputs`` (n, in_channels, H, W); returns (n, f, H - p + 1, W - p + 1).
    """
    part = model.patch_embedding
    bias = None if part.bias is None else part.bias[filters]
    return F.conv2d(inputs.to(part.weight.device, part.weight.dtype), part.weight[filters], bias)


@torch.inference_mode()
def kept(model: ConvMixer, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the energy that the patch grid keeps of every filter's answers, and their spread.

    Both (dim,), averaged over images. Energy: of the answers less their mean, under a Hann window,
    the share of the discrete Fourier transform's energy at frequencies below 1 / (2 p) cycles per
    pixel along both axes; nan where nothing varies. What lies above is not lost but folded: on the
    grid it cannot be told from lower frequencies (Shannon's sampling theorem). A map without
    structure keeps 1 / p^2. Spread: the standard deviation over pixels.
    """
    config = model.config
    height, width = (side - config.patch_size + 1 for side in inputs.shape[2:])
    size = max(1, _CHUNK_BYTES // (4 * height * width))
    found = []
    for image in inputs:
        groups = (slice(i, i + size) for i in range(0, config.dim, size))
        pieces = [_kept(answers(model, image[None], each)[0], config.patch_size) for each in groups]
        found.append(torch.cat(pieces, dim=1))
    # An image on which a filter's answer does not vary says nothing about it.
    energy, spread = torch.stack(found).nanmean(0)
    return energy, spread


def _kept(maps: Tensor, p: int) -> Tensor:
    """Energy and spread of answers (f, h, w), as (2, f) in float64 on the CPU."""
    maps = maps.float()
    deviation = maps - maps.mean((1, 2), keepdim=True)
    spread = deviation.square().mean((1, 2)).sqrt()
    # Rounding alone is no variation.
    flat = spread <= 1e-6 * maps.abs().amax((1, 2))
    # Hann's window, without its zeros at the ends.
    down, across = (
        torch.hann_window(n + 2, periodic=False, device=maps.device)[1:-1] for n in maps.shape[1:]
    )
    deviation = deviation * down[:, None] * across
    power = torch.fft.fft2(deviation).abs().square()
    up, along = (torch.fft.fftfreq(n, device=maps.device).abs() for n in maps.shape[1:])
    low = (up < 0.5 / p)[:, None] & (along < 0.5 / p)
    energy = power[:, low].sum(1) / power.sum((1, 2))
    energy = torch.where(flat, math.nan, energy)
    return torch.stack([energy, spread]).cpu().double()
