"""Choosing and ordering the weights that are shown as pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.network import Source
from viz.core.refusal import NoSuch, Refusal
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.patch_filters.result import COLOURED, OPPONENT_AXES
from viz.views.weights.result import DepthwiseKernels, PatchFilters

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription

_RED_GREEN, _YELLOW_BLUE = OPPONENT_AXES[1:]
_HUES = 12


def _angle(filters: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the angle of the stripes, read off the gradient structure tensor, in radians."""
    finite = np.nan_to_num(filters.astype(np.float64), posinf=0, neginf=0)
    if finite.shape[-1] < 2:
        return np.zeros(len(filters))
    gy, gx = np.gradient(finite, axis=(2, 3))
    jxx, jyy, jxy = ((a * b).sum((1, 2, 3)) for a, b in ((gx, gx), (gy, gy), (gx, gy)))
    angle: NDArray[np.float64] = (0.5 * np.arctan2(-2 * jxy, jxx - jyy) + np.pi / 2) % np.pi
    return angle


def _hue_order(filters: NDArray[np.float32]) -> NDArray[np.int64]:
    """Nearly grey filters first, then by hue; within a hue by the angle of the stripes."""
    n, c = filters.shape[:2]
    if c != 3:
        return _norm_order(filters)
    m = np.nan_to_num(filters.reshape(n, 3, -1).astype(np.float64), posinf=0, neginf=0)
    axis = np.linalg.eigh(m @ m.transpose(0, 2, 1))[1][:, :, -1]
    energy, grey = (m**2).sum((1, 2)), (m.sum(1) ** 2).sum(1) / 3
    # A colour axis has no sign, so opposite hues are one.
    turn = np.arctan2(axis @ _YELLOW_BLUE, axis @ _RED_GREEN) % np.pi
    hue = np.where(energy - grey >= COLOURED * energy, np.floor(turn / np.pi * _HUES), -1)
    return np.lexsort((turn, _angle(filters), hue))


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


_Sort = dict[str, Callable[[NDArray[np.float32]], NDArray[np.int64]]]
_PLAIN: _Sort = {"index": lambda weights: np.arange(len(weights)), "norm": _norm_order}
_KERNELS: _Sort = {**_PLAIN, "similarity": _similarity_order}
_FILTERS: _Sort = {
    **_PLAIN,
    "hue": _hue_order,
    "orientation": lambda filters: np.argsort(_angle(filters), kind="stable"),
}


def _known(order: str, orders: Sequence[str]) -> None:
    if order not in orders:
        raise Refusal(f"order is one of {', '.join(orders)}, not {order!r}.")


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
    _known(order, list(_FILTERS))
    channel = _FILTERS[order](filters)
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
    _known(order, list(_KERNELS))
    config = checkpoint.config
    channels = _some(config.dim, per_block, seed)
    wanted = range(config.depth) if blocks is None else blocks
    kernels, channel = [], []
    for b in wanted:
        chosen = checkpoint.model.depthwise_kernels(b).detach().float().cpu().numpy()[channels]
        position = _KERNELS[order](chosen)
        kernels.append(chosen[position])
        channel.append(channels[position])
    settings = {"blocks": tuple(wanted), "per_block": per_block, "order": order, "seed": seed}
    return DepthwiseKernels(
        source=replace(checkpoint.source, settings=settings),
        kernels=np.concatenate(kernels),
        block=np.repeat(np.array(wanted, dtype=np.int64), len(channels)),
        channel=np.concatenate(channel).astype(np.int64),
        order=order,
    )


def named_rows(
    description: DepthwiseDescription,
    *,
    blocks: Sequence[int] | None = None,
    per_block: int | None = 64,
    order: str = "name",
    name: str | None = None,
    seed: int = 0,
) -> list[NDArray[np.int64]]:
    """Return rows of a description, block by block: ordered by their name, or those of one name."""
    _known(order, [*_KERNELS, "name"])
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
        by_name = order == "name"
        found.append(
            description.order(rows) if by_name else rows[_KERNELS[order](description.kernels[rows])]
        )
    return found


def named_kernels(
    description: DepthwiseDescription, *, order: str = "name", **chosen: Any
) -> DepthwiseKernels:
    """Return depthwise kernels as `named_rows` chooses and orders them."""
    rows = np.concatenate(named_rows(description, order=order, **chosen)).astype(np.int64)
    return DepthwiseKernels(
        source=replace(description.source, settings={"order": order, **chosen}),
        kernels=description.kernels[rows],
        block=description.block[rows],
        channel=description.channel[rows],
        order=order,
    )
