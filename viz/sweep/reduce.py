"""Maps of one batch to small numbers: what is done with single values is done on the device.

Maps that autograd follows are not taken: call inside `torch.inference_mode`.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Numbers = NDArray[np.float64]


def host(values: Tensor) -> Numbers:
    """Return numbers in double precision, wherever they were."""
    found: Numbers = values.cpu().double().numpy()
    return found


def sums(maps: Tensor) -> tuple[int, Tensor, Tensor]:
    """Return the number of values per channel, their means and variances."""
    count = maps.shape[0] * maps.shape[2] * maps.shape[3]
    if maps.device.type == "cpu" and maps.dtype in (torch.float32, torch.float64):
        # What a batch norm in training does; torch.var_mean takes 20 times as long on a CPU.
        mean, variance = torch.batch_norm_update_stats(maps, None, None, 0.1)
    else:
        variance, mean = torch.var_mean(maps.float(), (0, 2, 3), correction=0)
    return count, mean, variance


def largest(maps: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the largest value of every map and where it is."""
    # One window as large as the map: half the time of amax alone where channels come last.
    value, position = F.max_pool2d(maps, maps.shape[2:], return_indices=True)
    found: NDArray[np.float32] = value.float().cpu().numpy()[..., 0, 0]
    place: NDArray[np.int32] = position.int().cpu().numpy()[..., 0, 0]
    return found, place


def off(maps: Tensor) -> NDArray[np.int64]:
    """Return how many values of every channel are at most 0, (dim,)."""
    flat = maps.float().permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
    # Compared into numbers and summed by a product with ones: half the time of a sum of bools.
    on = torch.gt(flat, 0, out=torch.empty_like(flat))
    counted = (torch.ones(1, len(on), device=on.device) @ on)[0].long()
    found: NDArray[np.int64] = (len(flat) - counted).cpu().numpy()
    return found


def positive(maps: Tensor) -> Numbers:
    """Return the mean over positions of the positive part, of every image and channel, (n, dim)."""
    return host(maps.float().clamp(min=0).mean((2, 3)))
