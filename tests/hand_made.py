"""Descriptions made by hand: whatever names and fits a test needs, nothing fitted."""

import numpy as np

from viz.core.network import Source
from viz.views.kernels.result import DESCRIPTORS, DepthwiseDescription
from viz.views.patch_filters.result import PARAMETERS, PatchFilterDescription


def kernels_of(checkpoint):
    """All depthwise kernels, (depth * dim, k, k)."""
    depth = checkpoint.config.depth
    parts = [checkpoint.model.depthwise_kernels(b).detach().numpy() for b in range(depth)]
    return np.concatenate(parts)


def described(checkpoint, *, fitted=None, by_shapes=None, names=None, counts=None):
    """A description of all kernels of a network; exact by default."""
    config = checkpoint.config
    kernels = kernels_of(checkpoint)
    n = len(kernels)
    fitted = kernels if fitted is None else fitted
    by_shapes = np.stack([fitted] * 2) if by_shapes is None else by_shapes
    most = len(by_shapes)
    counts = np.tile(4 * np.arange(1, most + 1) + 1, (n, 1)) if counts is None else counts
    nan, nans = np.full(n, np.nan), np.full((n, most), np.nan)
    columns = "scale orientation direction offset_x offset_y r2 probability margin likeness"
    columns += " shape_likeness null_likeness halves_r2 centre_r2 ring_r2"
    named = np.full(n, "edge") if names is None else np.array(names)
    shapes = ("amplitude", "scale", "orientation", "direction", "x", "y", "factor")
    return DepthwiseDescription(
        source=Source(name="by hand", sha256="0" * 64),
        kernels=kernels,
        block=np.repeat(np.arange(config.depth), config.dim),
        channel=np.tile(np.arange(config.dim), config.depth),
        name=named,
        guess=named,
        second=named,
        n_shapes=np.full(n, most),
        shape_names=np.full((n, most), "edge"),
        shape_picture=np.zeros((n, most), np.int64),
        fitted=fitted.astype(np.float32),
        fitted_by_shapes=by_shapes.astype(np.float32),
        r2_by_shapes=nans,
        coefficients=counts[:, -1],
        coefficients_by_shapes=counts,
        init_names=np.array([], dtype=np.str_),
        init_r2_by_shapes=np.zeros((0, most)),
        shuffled_r2_by_shapes=np.zeros((0, most)),
        **dict.fromkeys(columns.split(), nan),
        **{f"shape_{name}": nans for name in shapes},
        **dict.fromkeys(DESCRIPTORS, nan),
    )


def described_patches(checkpoint, *, kinds=None, exact=True):
    """A description of the patch filters, each made rank one on the way so that it can be exact."""
    filters = checkpoint.model.patch_filters.detach().numpy().copy()
    n, c, p, _ = filters.shape
    axis = np.full((n, c), c**-0.5)
    maps = np.einsum("ncij,nc->nij", filters, axis)
    if not exact:
        maps = 0 * maps
    nan = np.full(n, np.nan)
    return PatchFilterDescription(
        source=Source(name="by hand", sha256="0" * 64, settings={"noise_r2_map": 0.5}),
        filters=filters,
        colour=np.full(n, "grey"),
        structure=np.full(n, "stripes") if kinds is None else np.array(kinds),
        colour_axis=axis,
        share=nan,
        chroma=nan,
        parameters=np.full((n, len(PARAMETERS)), np.nan),
        fitted_maps=maps.astype(np.float32),
        r2_map=nan,
        r2=nan,
        minor_lobe=nan,
        null_r2_map=np.zeros(1),
        smooth_null_r2_map=np.zeros(0),
        components=np.zeros((0, c, p, p), np.float32),
        component_shares=np.zeros(0),
    )
