"""What the pointwise weights do between kernels: links by name, spectrum, partners."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.refusal import Refusal
from viz.views.described import check_described
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.mixing.result import Mixing

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.network.convmixer import Block
    from viz.views.kernels.result import DepthwiseDescription

Floats = NDArray[np.float64]
PARTNERS = 3
"""Partners kept for each channel."""
SHOWN = 192
"""Pixels a side of a matrix as shown, at most."""


def measure(
    checkpoint: Checkpoint,
    description: DepthwiseDescription,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Mixing:
    """Measure how the pointwise weights of every block connect its kernels with the next ones.

    A link says what a kernel's branch adds to an output's pre-activation, not what the network
    makes of it. Formulas, and what the picture can tell: ``viz/views/mixing/method.md``.
    """
    check_described(checkpoint, description)
    config, model = checkpoint.config, checkpoint.model
    names = description.name.reshape(config.depth, config.dim)
    rank = np.array([[KERNEL_NAMES.index(name) for name in row] for row in names.tolist()])
    null = null_singular_values(config.dim, seed=seed)
    stream = _array(model.patch_norm.weight)
    found: dict[str, list[Any]] = {}
    for b in range(config.depth):
        block = cast("Block", model.blocks[b])
        weight = _array(block.pointwise.weight)[:, :, 0, 0]
        branch = _array(block.depthwise_norm.weight)
        if not all(np.isfinite(each).all() for each in (weight, branch, stream)):
            raise Refusal(
                f"{checkpoint.source.name}: pointwise weights or batch norms that are not finite "
                "found, finite numbers expected; links cannot be measured."
            )
        after = rank[b + 1] if b + 1 < config.depth else np.zeros(config.dim, np.int64)
        for name, value in _of_block(weight, branch, stream, rank[b], after).items():
            found.setdefault(name, []).append(value)
        stream = _array(block.pointwise_norm.weight)
        if progress is not None:
            progress(b + 1, config.depth)
    arrays: dict[str, Any] = {name: np.stack(values) for name, values in found.items()}
    return Mixing(
        source=replace(
            checkpoint.source,
            settings={"seed": seed, "null_draws": len(null)},
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        names=names,
        null_singular_values=null,
        **arrays,
    )


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().cpu().double().numpy()


@lru_cache(maxsize=16)
def null_singular_values(dim: int, seed: int = 0) -> Floats:
    """Draw pointwise weights as torch draws new ones, and return their singular values.

    Shapes: returns (draws, dim).
    """
    draws = 10 if dim <= 256 else 1
    bound = dim**-0.5  # kaiming_uniform with a = sqrt(5), as nn.Conv2d has it
    drawn = np.random.default_rng([seed, dim]).uniform(-bound, bound, (draws, dim, dim))
    found: Floats = np.linalg.svd(drawn, compute_uv=False).astype(np.float64)
    found.flags.writeable = False
    return found


def _of_block(
    weight: Floats,
    branch: Floats,
    stream: Floats,
    names: NDArray[np.int64],
    after: NDArray[np.int64],
) -> dict[str, Any]:
    """Return a block's orders, matrix, spectrum and partners."""
    link = weight * branch
    size = np.abs(link)
    in_order, out_order = np.lexsort((-size.sum(0), names)), np.lexsort((-size.sum(1), after))
    energy, residual = (weight**2 @ branch**2).sum(), (weight**2 @ stream**2).sum()
    inputs, input_shares = _partners(size)
    outputs, output_shares = _partners(size.T)
    return {
        "in_order": in_order,
        "out_order": out_order,
        "matrix": _pooled(link[out_order][:, in_order], -(-len(link) // SHOWN)),
        "singular_values": np.linalg.svd(weight, compute_uv=False),
        "branch_share": energy / (energy + residual) if energy + residual > 0 else np.nan,
        "inputs": inputs,
        "input_shares": input_shares,
        "outputs": outputs,
        "output_shares": output_shares,
    }


def _pooled(matrix: Floats, factor: int) -> NDArray[np.float32]:
    """Return the strongest of every factor x factor values, with its sign."""
    padded = np.pad(matrix, (0, -len(matrix) % factor))
    m = len(padded) // factor
    cells = padded.reshape(m, factor, m, factor).swapaxes(1, 2).reshape(m, m, -1)
    at = np.abs(cells).argmax(-1)
    strongest: NDArray[np.float64] = np.take_along_axis(cells, at[..., None], -1)[..., 0]
    return strongest.astype(np.float32)


def _partners(size: Floats) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the largest entries of each row: their columns, and shares of the row's total."""
    at = np.argsort(-size, axis=1, kind="stable")[:, :PARTNERS]
    total = size.sum(1, keepdims=True)
    share = np.take_along_axis(size, at, 1) / np.where(total > 0, total, 1)
    return at.astype(np.int64), share.astype(np.float32)
