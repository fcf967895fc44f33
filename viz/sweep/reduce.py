"""Maps of one batch to small numbers: what is done with single values is done on the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["binned", "largest", "off", "peaks", "positive", "sums"]

Numbers = NDArray[np.float64]
_EXACT = 1 << 24
"""Ones that float32 can count."""


def _flat(maps: Tensor) -> Tensor:
    """Return (values of a channel, channels); a view where channels come last in memory."""
    return maps.float().permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _host(values: Tensor) -> Numbers:
    found: Numbers = values.cpu().double().numpy()
    return found


@torch.inference_mode()
def sums(maps: Tensor) -> tuple[int, Numbers, Numbers]:
    """Return the number of values per channel, their means and squared deviations from these.

    Parameters
    ----------
    maps : torch.Tensor, (n, dim, h, w)
        Of one batch.

    Returns
    -------
    count : int
        n h w.
    mean, m2 : ndarray, (dim,)
        Two passes, so that a large mean does not drown a small variance.
    """
    count = maps.shape[0] * maps.shape[2] * maps.shape[3]
    if maps.device.type == "cpu" and maps.dtype in (torch.float32, torch.float64):
        # What a batch norm in training does; torch.var_mean takes 20 times as long on a CPU.
        mean, variance = torch.batch_norm_update_stats(maps, None, None, 0.1)
        return count, _host(mean), _host(variance) * count
    variance, mean = torch.var_mean(maps.float(), (0, 2, 3), correction=0)
    return count, _host(mean), _host(variance) * count


@torch.inference_mode()
def largest(maps: Tensor) -> tuple[Tensor, NDArray[np.float32]]:
    """Return the largest value of every row of a map, (n, h, dim), and of every map, (n, dim)."""
    # In two steps, so that a peak is looked for in one row only; channels stand last in memory.
    lines = maps.permute(0, 2, 3, 1).amax(2)
    found: NDArray[np.float32] = lines.amax(1).float().cpu().numpy()
    return lines, found


@torch.inference_mode()
def peaks(
    maps: Tensor, lines: Tensor, image: NDArray[np.int64], channel: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the position of the largest value, the first one in reading order, of some maps.

    Parameters
    ----------
    maps : torch.Tensor, (n, dim, h, w)
        Of one batch.
    lines : torch.Tensor, (n, h, dim)
        Of `largest`.
    image, channel : ndarray of int64, (m,)
        Which maps.

    Returns
    -------
    ndarray of int64, (m,)
        row w + column.
    """
    i, c = (torch.from_numpy(values).to(maps.device) for values in (image, channel))
    # argmax gives the first one of several.
    row = lines[i, :, c].argmax(1)
    column = maps[i, c, row].argmax(1)
    found: NDArray[np.int64] = (row * maps.shape[3] + column).cpu().numpy()
    return found


@torch.inference_mode()
def off(maps: Tensor) -> NDArray[np.int64]:
    """Return how many values of every channel are at most 0, (dim,)."""
    flat = _flat(maps)
    # Compared into numbers and summed by a product with ones: half the time of a sum of bools.
    on = torch.gt(flat, 0, out=torch.empty_like(flat))
    ones = torch.ones(1, min(len(on), _EXACT), device=on.device)
    counted = sum((ones[:, : len(part)] @ part)[0].long() for part in torch.split(on, _EXACT))
    assert isinstance(counted, Tensor)
    found: NDArray[np.int64] = (len(flat) - counted).cpu().numpy()
    return found


@torch.inference_mode()
def positive(maps: Tensor) -> Numbers:
    """Return the mean over positions of the positive part, of every image and channel, (n, dim)."""
    return _host(maps.float().clamp(min=0).mean((2, 3)))


@torch.inference_mode()
def binned(maps: Tensor, low: Tensor, high: Tensor, bins: int) -> NDArray[np.int64]:
    """Count values in equal bins of each channel.

    Parameters
    ----------
    maps : torch.Tensor, (n, dim, h, w)
        Of one batch.
    low, high : torch.Tensor of float32, (dim,)
        Where the first bin begins and the last one ends.
    bins : int
        Between these.

    Returns
    -------
    ndarray of int64, (dim, bins + 2)
        The first bin holds what is below ``low``, the last one what is not below ``high``.
    """
    flat = _flat(maps)
    scale = bins / (high - low)
    place = ((flat - low) * scale).floor_().clamp_(-1, bins).add_(1).to(torch.int64)
    place += torch.arange(flat.shape[1], device=flat.device) * (bins + 2)
    counts = torch.bincount(place.flatten(), minlength=flat.shape[1] * (bins + 2))
    found: NDArray[np.int64] = counts.view(-1, bins + 2).cpu().numpy()
    return found
