"""Choosing and ordering the weights that are shown as pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.core.network import Source
from viz.core.refusal import NoSuch, Refusal
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.weights.result import DepthwiseKernels, PatchFilters

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription

FILTER_ORDERS = ("index", "norm", "hue", "orientation")
KERNEL_ORDERS = ("index", "norm", "similarity")
_RED_GREEN = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
_YELLOW_BLUE = np.array([1.0, 1.0, -2.0]) / np.sqrt(6)


def _hue_order(filters: NDArray[np.float32]) -> NDArray[np.int64]:
    """Grey filters first by norm, then coloured ones around the opponent circle."""
    n, c = filters.shape[:2]
    if c != 3:
        return _norm_order(filters)
    m = np.nan_to_num(filters.reshape(n, 3, -1).astype(np.float64), posinf=0, neginf=0)
    _, vectors = np.linalg.eigh(m @ m.transpose(0, 2, 1))
    axis = vectors[:, :, -1]
    x, y = axis @ _RED_GREEN, axis @ _YELLOW_BLUE
    chroma = x**2 + y**2
    # A colour axis has no sign, so opposite hues are one: the angle is doubled.
    angle = np.arctan2(2 * x * y, x**2 - y**2)
    norm = np.linalg.norm(m.reshape(n, -1), axis=1)
    return np.lexsort((np.where(chroma < 0.25, -norm, angle), chroma >= 0.25))


def _orientation_order(filters: NDArray[np.float32]) -> NDArray[np.int64]:
    """By the angle of the stripes, read off the gradient structure tensor."""
    finite = np.nan_to_num(filters.astype(np.float64), posinf=0, neginf=0)
    gy, gx = np.gradient(finite, axis=(2, 3))
    jxx, jyy, jxy = ((a * b).sum((1, 2, 3)) for a, b in ((gx, gx), (gy, gy), (gx, gy)))
    across = 0.5 * np.arctan2(-2 * jxy, jxx - jyy)
    return np.argsort((across + np.pi / 2) % np.pi, kind="stable")


def _norm_order(weights: NDArray[np.float32]) -> NDArray[np.int64]:
    flat = weights.reshape(len(weights), math.prod(weights.shape[1:]))
    return np.argsort(-np.linalg.norm(flat, axis=1), kind="stable")


def _similarity_order(kernels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Neighbours look alike: leaves of a cluster tree over unit-norm kernels."""
    if len(kernels) < 3:
        return np.arange(len(kernels))
    from scipy.cluster.hierarchy import leaves_list, linkage

    flat = kernels.reshape(len(kernels), -1).astype(np.float64)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    tree = linkage(np.nan_to_num(flat), "average", optimal_ordering=len(flat) <= 300)
    return leaves_list(tree).astype(np.int64)


_SORT: dict[str, Callable[[NDArray[np.float32]], NDArray[np.int64]]] = {
    "index": lambda kernels: np.arange(len(kernels)),
    "norm": _norm_order,
    "similarity": _similarity_order,
}


def _some(dim: int, per_block: int | None, seed: int) -> NDArray[np.int64]:
    """Return the channels shown of every block: all, or a seeded choice."""
    if per_block is not None and per_block < 1:
        raise Refusal(f"per_block must be at least 1, not {per_block}.")
    if per_block is None or per_block >= dim:
        return np.arange(dim)
    return np.sort(np.random.default_rng(seed).choice(dim, per_block, replace=False))


def patch_filters(checkpoint: Checkpoint, *, order: str = "index") -> PatchFilters:
    """Return every patch-embedding filter, ordered."""
    filters = checkpoint.model.patch_filters.detach().float().cpu().numpy().copy()
    return ordered_filters(filters, checkpoint.source, order=order)


def ordered_filters(
    filters: NDArray[np.float32], source: Source, *, order: str = "index"
) -> PatchFilters:
    """Return filters, (n, c, p, p), in one of the orders of `patch_filters`."""
    sort = {
        "index": lambda f: np.arange(len(f)),
        "norm": _norm_order,
        "hue": _hue_order,
        "orientation": _orientation_order,
    }
    if order not in sort:
        raise Refusal(f"order is one of {', '.join(FILTER_ORDERS)}, not {order!r}.")
    channel = sort[order](filters)
    return PatchFilters(
        source=replace(source, settings={"order": order}),
        filters=filters[channel],
        channel=channel.astype(np.int64),
        order=order,
    )


def depthwise_kernels(
    checkpoint: Checkpoint,
    *,
    blocks: Sequence[int] | None = None,
    per_block: int | None = 64,
    order: str = "index",
    seed: int = 0,
) -> DepthwiseKernels:
    """Return depthwise kernels by depth: a seeded choice of each block, or all."""
    if order not in _SORT:
        raise Refusal(f"order is one of {', '.join(KERNEL_ORDERS)}, not {order!r}.")
    depth = checkpoint.config.depth
    channels = _some(checkpoint.config.dim, per_block, seed)
    kernels, channel, wanted = [], [], tuple(range(depth)) if blocks is None else tuple(blocks)
    for b in wanted:
        chosen = checkpoint.model.depthwise_kernels(b).detach().float().cpu().numpy()[channels]
        position = _SORT[order](chosen)
        kernels.append(chosen[position])
        channel.append(channels[position])
    settings = {"blocks": wanted, "per_block": per_block, "order": order, "seed": seed}
    return DepthwiseKernels(
        source=replace(checkpoint.source, settings=settings),
        kernels=np.concatenate(kernels),
        block=np.repeat(np.array(wanted, dtype=np.int64), len(channels)),
        channel=np.concatenate(channel).astype(np.int64),
        order=order,
    )


def named_kernels(
    description: DepthwiseDescription,
    *,
    blocks: Sequence[int] | None = None,
    per_block: int | None = 64,
    order: str = "name",
    name: str | None = None,
    seed: int = 0,
) -> DepthwiseKernels:
    """Return depthwise kernels ordered by their name, or those of one name."""
    if order not in (*_SORT, "name"):
        raise Refusal(f"order is one of {', '.join((*_SORT, 'name'))}, not {order!r}.")
    if name is not None and name not in KERNEL_NAMES:
        raise Refusal(f"{name!r} is not a name of kernels; they are {', '.join(KERNEL_NAMES)}.")
    there = np.unique(description.block)
    wanted = there.tolist() if blocks is None else list(blocks)
    if not np.isin(wanted, there).all():
        raise NoSuch(f"There is no block {max(wanted)}: blocks are 0 to {there[-1]}.")
    shown = np.isin(description.channel, _some(int(description.channel.max()) + 1, per_block, seed))
    if name is not None:
        shown &= description.name == name
    found = []
    for block in wanted:
        rows = np.flatnonzero(shown & (description.block == block))
        rows = rows[np.argsort(description.channel[rows], kind="stable")]
        if order == "name":
            found.append(description.order(rows))
        else:
            found.append(rows[_SORT[order](description.kernels[rows])])
    rows = np.concatenate(found).astype(np.int64)
    settings = {
        "blocks": tuple(wanted), "per_block": per_block, "order": order, "name": name,
        "seed": seed,
    }  # fmt: skip
    return DepthwiseKernels(
        source=replace(description.source, settings=settings),
        kernels=description.kernels[rows],
        block=description.block[rows],
        channel=description.channel[rows],
        order=order,
    )
