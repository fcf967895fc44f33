"""Depthwise descriptions made by hand: numbers of the taps, names as told, nothing fitted."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from viz.core.network import Source
from viz.views.kernels import descriptors as kernel_descriptors
from viz.views.kernels.result import DepthwiseDescription


def described(
    kernels, block, name=None, *, r2=None, statements=None, source="by hand", shapes=2, **changes
):
    """A description of kernels (n, k, k) in blocks (n,), all unnamed unless told.

    ``statements`` are centre_r2, halves_r2 and ring_r2, each (n,), 0 by default; ``changes`` are
    fields as they stand.
    """
    kernels = np.asarray(kernels, dtype=np.float32)
    block = np.asarray(block, dtype=np.int64)
    n = len(kernels)
    name = np.full(n, "unnamed") if name is None else np.asarray(name)
    r2 = np.linspace(0.2, 0.8, n) if r2 is None else np.asarray(r2, dtype=np.float64)
    statements = np.zeros((3, n)) if statements is None else np.asarray(statements, np.float64)
    named = name != "unnamed"
    names = [each.name for each in fields(DepthwiseDescription)]
    nothing = {each: np.full((n, shapes) if "shape_" in each else n, np.nan) for each in names}
    told = {
        "source": Source(name=source, sha256="0" * 64), "kernels": kernels, "block": block,
        "channel": np.concatenate([np.arange((block == b).sum()) for b in np.unique(block)]),
        "name": name, "guess": np.where(named, name, "edge"), "second": np.full(n, "bar"),
        "probability": np.where(named, 0.9, 0.4), "margin": np.where(named, 0.8, 0.1),
        "n_shapes": np.ones(n, np.int64), "shape_names": np.full((n, shapes), "edge"),
        "shape_picture": np.zeros((n, shapes), np.int64),
        "fitted_by_shapes": np.zeros((shapes, *kernels.shape), np.float32),
        "r2_by_shapes": np.stack([r2] * shapes, 1),
        "coefficients_by_shapes": np.ones((n, shapes), np.int64),
        **dict(zip(("centre_r2", "halves_r2", "ring_r2"), statements, strict=True)),
        "init_names": np.array(["unnamed"] * 40),
        "init_r2_by_shapes": np.full((40, shapes), 0.1),
        "shuffled_r2_by_shapes": np.full((40, shapes), 0.1),
        **kernel_descriptors.descriptors(kernels),
    }  # fmt: skip
    told |= {each: np.asarray(value) for each, value in changes.items()}
    return DepthwiseDescription(**nothing | told)
