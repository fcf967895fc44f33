"""Maps of one batch to small numbers: what is done with single values is done on the device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["binned", "largest", "off", "peaks", "positive", "sums"]

Numbers = NDArray[np.float64]


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
    flat = _flat(maps)
    # A product with ones is a sum over images and positions: twice as fast as sum() over both.
    ones = torch.ones(1, len(flat), device=flat.device)
    mean = (ones @ flat)[0] / len(flat)
    apart = flat - mean
    # What rounding left of the mean is taken out again.
    rest = (ones @ apart)[0] / len(flat)
    m2 = (ones @ apart.square_())[0]
    mean64, rest64 = _host(mean), _host(rest)
    return len(flat), mean64 + rest64, np.maximum(_host(m2) - len(flat) * rest64**2, 0.0)


@torch.inference_mode()
def largest(maps: Tensor) -> NDArray[np.float32]:
    """Return the largest value of every image and channel, (n, dim)."""
    found: NDArray[np.float32] = maps.amax((2, 3)).float().cpu().numpy()
    return found


@torch.inference_mode()
def peaks(maps: Tensor, image: NDArray[np.int64], channel: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of the largest value, the first one in reading order, of some maps.

    Parameters
    ----------
    maps : torch.Tensor, (n, dim, h, w)
        Of one batch.
    image, channel : ndarray of int64, (m,)
        Which maps.

    Returns
    -------
    ndarray of int64, (m,)
        row w + column.
    """
    device = maps.device
    some = maps[torch.from_numpy(image).to(device), torch.from_numpy(channel).to(device)].flatten(1)
    # argmax does not promise the first one of several.
    places = torch.arange(some.shape[1], device=device)
    first = torch.where(some == some.amax(1, keepdim=True), places, some.shape[1]).amin(1)
    found: NDArray[np.int64] = first.cpu().numpy()
    return found


@torch.inference_mode()
def off(maps: Tensor) -> NDArray[np.int64]:
    """Return how many values of every channel are at most 0, (dim,)."""
    found: NDArray[np.int64] = (_flat(maps) <= 0).sum(0).cpu().numpy()
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
