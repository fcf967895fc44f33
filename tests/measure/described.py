"""Depthwise descriptions made by hand: descriptors of the taps, labels as told, nothing fitted."""

from __future__ import annotations

import numpy as np

from viz.measure import kernel_descriptors
from viz.results.depthwise import DepthwiseDescription
from viz.results.network import Source


def described(kernels, block, label=None, *, r2=None, init_names=None, name="by hand", atoms=2):
    """A description of kernels (n, k, k) in blocks (n,), all unnamed unless told."""
    kernels = np.asarray(kernels, dtype=np.float32)
    block = np.asarray(block, dtype=np.int64)
    n = len(kernels)
    label = np.full(n, "unnamed") if label is None else np.asarray(label)
    r2 = np.linspace(0.2, 0.8, n) if r2 is None else np.asarray(r2, dtype=np.float64)
    nothing, many = np.full(n, np.nan), np.full((n, atoms), np.nan)
    channel = np.concatenate([np.arange((block == b).sum()) for b in np.unique(block)])
    return DepthwiseDescription(
        source=Source(name=name, sha256="0" * 64),
        kernels=kernels, block=block, channel=channel, label=label,
        scale=nothing, orientation=nothing, direction=nothing, offset_x=nothing, offset_y=nothing,
        constant=nothing, n_shapes=np.ones(n, np.int64), shape_names=np.full((n, atoms), "edge"),
        shape_amplitude=many, atom_strength=many, shape_scale=many, shape_orientation=many,
        shape_direction=many, shape_x=many, shape_y=many,
        fitted=np.zeros_like(kernels), fitted_by_shapes=np.zeros((atoms, *kernels.shape), "f4"),
        r2=r2, r2_by_shapes=np.stack([r2] * atoms, 1),
        coefficients=np.ones(n, np.int64), coefficients_by_shapes=np.ones((n, atoms), np.int64),
        null_statistic=nothing, null_threshold=nothing, earned=label != "unnamed",
        init_names=np.array(["unnamed"] * 40) if init_names is None else init_names,
        init_r2_by_shapes=np.full((40, atoms), 0.1), shuffled_r2_by_shapes=np.full((40, atoms), 0.1),
        **kernel_descriptors.descriptors(kernels),
        **kernel_descriptors.predicates(kernels),
    )  # fmt: skip
