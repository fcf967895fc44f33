"""What the pointwise weights do between kernels: links by name, spectrum, partners.

A block maps its input x to ``y = x + N_d(f(D x))`` and then to ``z = N_p(f(P y))``, D the depthwise
convolution, P the pointwise one, f the activation and N the batch norms. With the activations
replaced by their mean slopes, the change of z with x is ``W_ij(u) = b_i P_ij [delta(u) + a_j
K_j(u)]``: both batch norms of a block stand inside it, behind its activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr
from torch import Tensor, nn

from viz.core.counting import Progress
from viz.core.refusal import Refusal
from viz.core.wide import wide
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.mixing.mean_slopes import slopes_from_statistics, slopes_on_images
from viz.views.mixing.result import Mixing

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.network.convmixer import Block, ConvMixer
    from viz.views.kernels.result import DepthwiseDescription

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARTNERS = 8
"""Partners kept for each channel."""
SHOWN = 192
"""Pixels a side of a matrix as shown, at most."""
_GAUSSIAN = "running statistics, Gaussian assumption"


def measure(
    checkpoint: Checkpoint,
    images: ImageSet | None = None,
    *,
    description: DepthwiseDescription | None = None,
    names: ArrayLike | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Mixing:
    """Measure how the pointwise weights of every block connect its kernels with the next ones.

    A link says what a kernel's branch adds to an output's pre-activation, not what the network
    makes of it: the activation and all later blocks follow. Formulas, and what the picture can
    tell: ``viz/views/mixing/method.md``.
    """
    config, model = checkpoint.config, checkpoint.model
    if names is None:
        if description is None:
            from viz.views.kernels.measure import describe_checkpoint

            description = describe_checkpoint(checkpoint, seed=seed, progress=progress)
        elif not np.array_equal(description.kernels, np.concatenate(_kernels(model))):
            raise Refusal(f"the description is of other kernels than {checkpoint.source.name}'s.")
        names = description.name
    named = _names(names, config.depth, config.dim)
    weights = [_array(_part(model, b).pointwise.weight)[:, :, 0, 0] for b in range(config.depth)]
    branch = np.stack([_array(_part(model, b).depthwise_norm.weight) for b in range(config.depth)])
    norms = [model.patch_norm, *(_part(model, b).pointwise_norm for b in range(config.depth - 1))]
    stream = np.stack([_array(norm.weight) for norm in norms])
    gains = [
        np.stack([_gain(getattr(_part(model, b), name)) for b in range(config.depth)])
        for name in ("depthwise_norm", "pointwise_norm")
    ]
    _check_finite(checkpoint.source.name, [*weights, *branch, *stream, *gains[0], *gains[1]])
    if images is None:
        side = max(checkpoint.preprocessing.image_size // config.patch_size, 1)
        slopes = slopes_from_statistics(model, side)
    else:
        slopes = slopes_on_images(model, images, progress=progress)
    null = null_singular_values(config.dim, seed=seed)
    settings = {
        "seed": seed, "partners": PARTNERS, "null_draws": len(null),
        "slopes_from": "images" if images is not None else _GAUSSIAN,
    }  # fmt: skip
    per_block = _by_block(weights, branch, stream, named, progress)
    return Mixing(
        source=replace(
            checkpoint.source,
            settings=settings,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images=images.sha256 if images is not None else {},
        ),
        names=named,
        names_used=tuple(name for name in KERNEL_NAMES if (named == name).any()),
        branch_scale=branch,
        stream_scale=stream,
        null_singular_values=null.mean(0),
        null_effective_rank=float(effective_rank(null).mean()),
        null_effective_rank_sd=float(effective_rank(null).std(ddof=1)) if len(null) > 1 else np.nan,
        depthwise_slope=slopes[0],
        pointwise_slope=slopes[1],
        slopes_from=str(settings["slopes_from"]),
        input_gain=gains[0] * slopes[0],
        output_gain=gains[1] * slopes[1],
        **per_block,
    )


def _check_finite(name: str, arrays: Sequence[Floats]) -> None:
    if not all(np.isfinite(each).all() for each in arrays):
        raise Refusal(
            f"{name}: pointwise weights or batch norms that are not finite found, finite numbers "
            "expected; links cannot be measured."
        )


def _kernels(model: ConvMixer) -> list[NDArray[np.float32]]:
    depth = model.config.depth
    return [model.depthwise_kernels(b).detach().float().cpu().numpy() for b in range(depth)]


def _part(model: ConvMixer, block: int) -> Block:
    return cast("Block", model.blocks[block])


def _array(tensor: Tensor) -> Floats:
    return cast(Floats, wide(tensor.detach()).cpu().numpy())


def _gain(norm: nn.BatchNorm2d) -> Floats:
    """Return gamma / sqrt(running variance + eps)."""
    variance = _array(cast(Tensor, norm.running_var))
    return _array(norm.weight) / np.sqrt(variance + norm.eps)


def _names(names: ArrayLike, depth: int, dim: int) -> NDArray[np.str_]:
    named = np.array(names, dtype=np.str_)
    if named.size != depth * dim:
        raise Refusal(f"{named.size} names found, expected {depth} x {dim}: one per kernel.")
    unknown = sorted(set(named.ravel().tolist()) - set(KERNEL_NAMES))
    if unknown:
        raise Refusal(f"names are {', '.join(KERNEL_NAMES)}; {unknown[0]!r} is not one.")
    return named.reshape(depth, dim)


def effective_links(
    model: ConvMixer,
    block: int,
    *,
    outputs: Sequence[int] | None = None,
    inputs: Sequence[int] | None = None,
    slopes: tuple[ArrayLike, ArrayLike] = (1.0, 1.0),
) -> Floats:
    """Return what a block does to its input to first order, channel by channel.

    ``W_ij(u) = b_i P_ij [delta(u) + a_j K_j(u)]`` with a and b the batch norms' gamma / sqrt(var +
    eps) times the mean slope of the activation before them; delta is the residual path.

    Shapes: returns (outputs, inputs, k, k).

    Exact for the identity activation at every position, borders included: zero padding leaves
    terms out of the sum, it changes none. Over two blocks and more, links convolve with each
    other only away from the borders, and the batch norms' shifts, which are no part of a
    derivative, cannot be folded through the padding.
    """
    part = _part(model, block)
    rows = slice(None) if outputs is None else list(outputs)
    columns = slice(None) if inputs is None else list(inputs)
    depthwise, pointwise = (np.asarray(s, dtype=np.float64) for s in slopes)
    a = (_gain(part.depthwise_norm) * depthwise)[columns]
    b = (_gain(part.pointwise_norm) * pointwise)[rows]
    kernels = _array(part.depthwise.weight)[:, 0][columns]
    k = kernels.shape[-1]
    link = a[:, None, None] * kernels
    link[:, (k - 1) // 2, (k - 1) // 2] += 1
    weights = _array(part.pointwise.weight)[:, :, 0, 0][rows][:, columns]
    found: Floats = (b[:, None] * weights)[:, :, None, None] * link[None]
    return found


def effective_rank(singular_values: Floats) -> Floats:
    """Return exp(-sum p ln p) of the shares p of the squared singular values, last axis."""
    squares = singular_values**2
    total = squares.sum(-1, keepdims=True)
    entropy = entr(squares / np.where(total > 0, total, 1)).sum(-1)
    return np.where(total[..., 0] > 0, np.exp(entropy), 0.0)


@lru_cache(maxsize=16)
def null_singular_values(dim: int, seed: int = 0) -> Floats:
    """Draw pointwise weights as torch draws new ones, and return their singular values.

    Shapes: returns (draws, dim).
    """
    draws = 10 if dim <= 256 else 1
    bound = dim**-0.5  # kaiming_uniform with a = sqrt(5), as nn.Conv2d has it
    streams = np.random.default_rng([seed, dim]).spawn(draws)
    found = np.stack([_singular_values(s.uniform(-bound, bound, (dim, dim))) for s in streams])
    found.flags.writeable = False
    return found


def _singular_values(weights: Floats) -> Floats:
    return cast(Floats, np.linalg.svd(weights, compute_uv=False))


def _by_block(
    weights: Sequence[Floats],
    branch: Floats,
    stream: Floats,
    names: NDArray[np.str_],
    progress: Progress | None,
) -> dict[str, Any]:
    """Return orders, matrices, spectra, partners: everything that is made block by block."""
    depth, dim = branch.shape
    rank = np.array([[KERNEL_NAMES.index(str(name)) for name in row] for row in names])
    factor = -(-dim // SHOWN)
    kept: dict[str, list[Any]] = {}
    for b, weight in enumerate(weights):
        link = weight * branch[b]
        size = np.abs(link)
        after = rank[b + 1] if b + 1 < depth else np.zeros(dim, np.int64)
        in_order = np.lexsort((-size.sum(0), rank[b]))
        out_order = np.lexsort((-size.sum(1), after))
        energy = (weight**2 @ branch[b] ** 2).sum(), (weight**2 @ stream[b] ** 2).sum()
        values = _singular_values(weight)
        found = {
            "in_order": in_order,
            "out_order": out_order,
            "matrix": _pooled(link[out_order][:, in_order], factor),
            "singular_values": values,
            "effective_rank": float(effective_rank(values)),
            "branch_share": energy[0] / sum(energy) if sum(energy) > 0 else np.nan,
            **_partners(weight, size, ("inputs", "input_weights", "input_shares")),
            **_partners(weight.T, size.T, ("outputs", "output_weights", "output_shares")),
        }
        for name, value in found.items():
            kept.setdefault(name, []).append(value)
        if progress is not None:
            progress(b + 1, depth)
    stacked: dict[str, Any] = {name: np.stack(values) for name, values in kept.items()}
    top = float(np.quantile(np.abs(stacked["matrix"]), 0.995))
    return stacked | {"pooled": factor, "limit": top or 1.0}


def _pooled(matrix: Floats, factor: int) -> NDArray[np.float32]:
    """Return the strongest of every factor x factor values, with its sign."""
    if factor == 1:
        return matrix.astype(np.float32)
    pad = -len(matrix) % factor
    padded = np.pad(matrix, ((0, pad), (0, pad)))
    m = len(padded) // factor
    cells = padded.reshape(m, factor, m, factor).swapaxes(1, 2).reshape(m, m, -1)
    at = np.abs(cells).argmax(-1)
    strongest = np.take_along_axis(cells, at[..., None], -1)[..., 0]
    return cast(NDArray[np.float32], strongest.astype(np.float32))


def _partners(weight: Floats, size: Floats, names: tuple[str, str, str]) -> dict[str, Any]:
    """Return the strongest entries of each row: columns, weights, shares of the row's total."""
    most = min(PARTNERS, size.shape[1])
    at = np.argsort(-size, axis=1, kind="stable")[:, :most]
    total = size.sum(1, keepdims=True)
    shares = np.take_along_axis(size, at, 1) / np.where(total > 0, total, 1)
    return {
        names[0]: at.astype(np.int64),
        names[1]: np.take_along_axis(weight, at, 1).astype(np.float32),
        names[2]: shares.astype(np.float32),
    }
