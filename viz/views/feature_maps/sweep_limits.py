"""Colour scales of maps from a sweep: the same for every image of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.sweep.opening import OtherSweepError
from viz.views.feature_maps.result import MAPS, SHARE

if TYPE_CHECKING:
    from torch import Tensor, nn

    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep

Numbers = NDArray[np.float64]


def limits_of_sweep(
    checkpoint: Checkpoint, sweep: Sweep, block: int, channels: Sequence[int]
) -> Numbers:
    """Return how large the values of some channels are over a sweep's images.

    Shapes: returns (8,).
    """
    if not len(sweep.histogram):
        raise OtherSweepError("the sweep has no histograms; sweep again with the part histogram.")
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
        found[MAPS.index(name)] = _largest(sweep, row, at, norm)
    return found


def _largest(
    sweep: Sweep, row: int, channels: NDArray[np.int64], norm: nn.Module | Tensor | None
) -> float:
    counts = sweep.histogram[row, channels]
    low, high = sweep.histogram_range[row, channels].astype(np.float64).T[..., None]
    bins = counts.shape[1] - 2
    values = low + (high - low) * np.clip((np.arange(-1, bins + 1) + 0.5) / bins, 0, 1)
    if norm is not None:
        scale, shift = _affine(norm)
        values = values * scale[channels, None] + shift[channels, None]
    size = np.abs(values)
    order = np.argsort(size, axis=1)
    below = np.cumsum(np.take_along_axis(counts, order, 1), axis=1)
    place = (below < SHARE * below[:, -1:]).sum(1, keepdims=True)
    return float(np.take_along_axis(np.take_along_axis(size, order, 1), place, 1).max())


def _affine(norm: nn.Module | Tensor) -> tuple[Numbers, Numbers]:
    """Return what a batch norm in evaluation mode multiplies with and adds."""
    mean, variance, weight, bias = (
        getattr(norm, name).detach().cpu().double().numpy()
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    scale = weight / np.sqrt(variance + float(getattr(norm, "eps")))  # noqa: B009
    return scale, bias - mean * scale
