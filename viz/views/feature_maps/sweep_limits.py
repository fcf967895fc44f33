"""Colour scales of maps from a sweep: the same for every image of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.views.feature_maps.result import MAPS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep

Numbers = NDArray[np.float64]


def limits_of_sweep(
    checkpoint: Checkpoint, sweep: Sweep, block: int, channels: Sequence[int]
) -> Numbers:
    """Return how far the values of some channels reach: |mean| + 3 standard deviations.

    Shapes: returns (8,).
    """
    part = checkpoint.model.blocks[block]
    before = (
        (sweep.row(-1, "patch embedding"), checkpoint.model.patch_norm)
        if block == 0
        else (sweep.row(block - 1, "pointwise"), checkpoint.model.blocks[block - 1].pointwise_norm)
    )
    rows = {
        "input": before,
        "depthwise_activation": (sweep.row(block, "depthwise"), None),
        "depthwise_norm": (sweep.row(block, "depthwise"), part.depthwise_norm),
        "residual": (sweep.row(block, "residual"), None),
        "pointwise_activation": (sweep.row(block, "pointwise"), None),
        "output": (sweep.row(block, "pointwise"), part.pointwise_norm),
    }
    at = np.array(channels, dtype=np.int64)
    found = np.full(len(MAPS), np.nan)
    for name, (row, norm) in rows.items():
        mean, spread = sweep.mean[row, at], np.sqrt(sweep.variance[row, at])
        if norm is not None:
            scale, shift = (each[at] for each in _affine(norm))
            mean, spread = mean * scale + shift, spread * np.abs(scale)
        found[MAPS.index(name)] = (np.abs(mean) + 3 * spread).max()
    return found


def _affine(norm: nn.Module | Tensor) -> tuple[Numbers, Numbers]:
    """Return what a batch norm in evaluation mode multiplies with and adds."""
    mean, variance, weight, bias = (
        getattr(norm, name).detach().cpu().double().numpy()
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    scale = weight / np.sqrt(variance + float(getattr(norm, "eps")))  # noqa: B009
    return scale, bias - mean * scale
