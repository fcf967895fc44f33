"""Descriptions made by hand: whatever names and fits a test needs, nothing fitted."""

from dataclasses import replace

import numpy as np
from described import described as of_kernels

from viz.core.network import Source
from viz.views.kernels.result import DESCRIPTORS
from viz.views.patch_filters.result import PARAMETERS, PatchFilterDescription


def kernels_of(checkpoint):
    """All depthwise kernels, (depth * dim, k, k)."""
    depth = checkpoint.config.depth
    parts = [checkpoint.model.depthwise_kernels(b).detach().numpy() for b in range(depth)]
    return np.concatenate(parts)


def described(checkpoint, *, fitted=None, by_shapes=None, names=None, counts=None):
    """A description of all kernels of a network; exact by default."""
    kernels, config = kernels_of(checkpoint), checkpoint.config
    n = len(kernels)
    fitted = kernels if fitted is None else fitted
    by_shapes = np.stack([fitted] * 2) if by_shapes is None else by_shapes
    most = len(by_shapes)
    counts = np.tile(4 * np.arange(1, most + 1) + 1, (n, 1)) if counts is None else counts
    named = np.full(n, "edge") if names is None else np.array(names)
    nan = np.full(n, np.nan)
    return of_kernels(
        kernels, np.repeat(np.arange(config.depth), config.dim), named, r2=nan, shapes=most,
        statements=[nan] * 3, guess=named, second=named, probability=nan, margin=nan,
        n_shapes=np.full(n, most), fitted_by_shapes=by_shapes.astype(np.float32),
        coefficients_by_shapes=counts, init_names=np.array([], dtype=np.str_),
        **dict.fromkeys(DESCRIPTORS, nan),
    )  # fmt: skip


def of_filters(filters, **changes):
    """A description of patch filters, grey stripes unless told; ``changes`` are fields."""
    n, c, p, _ = filters.shape
    numbers = dict.fromkeys(("share", "chroma", "r2_map", "r2"), np.full(n, np.nan))
    settings = {"noise_r2_map": 0.5, "named_energy": 0.55, "tinted": 0.01, "coloured": 0.085}
    fields = {
        "source": Source(name="by hand", sha256="0" * 64, settings=settings),
        "filters": filters.astype(np.float32), "colour": np.full(n, "grey"),
        "structure": np.full(n, "stripes"), "colour_axis": np.full((n, c), c**-0.5),
        "parameters": np.full((n, len(PARAMETERS)), np.nan),
        "fitted_maps": np.zeros((n, p, p), np.float32),
        "null_r2_map": np.zeros(1), "smooth_null_r2_map": np.zeros(0),
        "components": np.zeros((0, c, p, p), np.float32),
        "component_shares": np.zeros(0),
    }  # fmt: skip
    return PatchFilterDescription(**fields | numbers | changes)


def described_patches(checkpoint, *, kinds=None, exact=True):
    """A description of a network's patch filters, as exact as one colour axis can be, or empty."""
    found = of_filters(checkpoint.model.patch_filters.detach().numpy().copy())
    changes = {"fitted_maps": found.maps.astype(np.float32)} if exact else {}
    if kinds is not None:
        changes["structure"] = np.array(kinds)
    return replace(found, **changes)
