"""One depthwise kernel: its sum of shapes, its place among the others, its partners."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from viz.core.refusal import NoSuch
from viz.views.kernels.pictures import bank
from viz.views.kernels.result import DESCRIPTORS
from viz.views.one_kernel.result import Partners, ShapeFit, Standing

if TYPE_CHECKING:
    import pandas as pd

    from viz.network.checkpoint import Checkpoint
    from viz.network.convmixer import Block
    from viz.views.kernels.result import DepthwiseDescription

Floats = NDArray[np.float64]
MOST_PARTNERS = 8
"""Partners shown in each direction."""


def _kernels(checkpoint: Checkpoint, block: int) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (
        checkpoint.model.depthwise_kernels(block).detach().float().cpu().numpy()
    )
    return found


def _check(checkpoint: Checkpoint, block: int, channel: int) -> None:
    config = checkpoint.config
    if not (0 <= block < config.depth and 0 <= channel < config.dim):
        raise NoSuch(
            f"There is no kernel {channel} of block {block}: blocks are 0 to {config.depth - 1}, "
            f"kernels 0 to {config.dim - 1}."
        )


def shape_fit(description: DepthwiseDescription, *, block: int, channel: int) -> ShapeFit:
    """Return one kernel as the sum of its shapes, each drawn on its own."""
    row = _row(description, block, channel)
    count, k = int(description.n_shapes[row]), description.kernels.shape[-1]
    pictures = bank(k).pictures.numpy()[description.shape_picture[row, :count]]
    shapes = pictures * description.shape_factor[row, :count, None]

    def each(name: str) -> NDArray[np.float64]:
        return np.array(getattr(description, f"shape_{name}")[row, :count])

    settings = {**description.source.settings, "block": block, "channel": channel}
    return ShapeFit(
        source=replace(description.source, block=block, settings=settings),
        block=block,
        channel=channel,
        kernel=np.array(description.kernels[row]),
        fitted=np.array(description.fitted[row]),
        shapes=shapes.reshape(count, k, k).astype(np.float32),
        names=tuple(str(name) for name in description.shape_names[row, :count]),
        amplitude=each("amplitude"),
        scale=each("scale"),
        orientation=each("orientation"),
        x=each("x"),
        y=each("y"),
        r2_by_shapes=np.array(description.r2_by_shapes[row, :count]),
        coefficients=int(description.coefficients[row]) if count else 0,
    )


def _row(description: DepthwiseDescription, block: int, channel: int) -> int:
    rows = np.flatnonzero((description.block == block) & (description.channel == channel))
    if not len(rows):
        raise NoSuch(f"There is no kernel {channel} of block {block} in the description.")
    return int(rows[0])


def among(table: pd.DataFrame, row: int) -> tuple[Floats, Floats]:
    """Return where a row's numbers stand among those of all, in percent, and the medians of all.

    The share of the rows that have less, ties counting half; nan where a number is undefined.
    """
    every, own = table.to_numpy(), table.loc[row].to_numpy()
    less, as_much = (every < own).sum(0), (every == own).sum(0)
    there = np.where(np.isnan(own), np.nan, (~np.isnan(every)).sum(0))
    return 100 * (less + as_much / 2) / there, table.median().to_numpy()


def standing(description: DepthwiseDescription, *, block: int, channel: int) -> Standing:
    """Say what a kernel is called, and where its numbers stand among the others'.

    A percentile near 0 or 100 is rare for one number, but here are nine: were they independent, one
    kernel in six would have one beyond the first or the last percent.
    """
    import pandas as pd

    i, mine = _row(description, block, channel), description.block == block
    flat = description.kernels.reshape(len(mine), -1).astype(np.float64)
    numbers = {name: getattr(description, name) for name in DESCRIPTORS}
    numbers |= {"norm": np.linalg.norm(flat, axis=1), "r2": description.r2}
    table = pd.DataFrame(numbers).astype(np.float64)
    in_block, median_block = among(table[mine], i)
    in_network, median_network = among(table, i)
    name = str(description.name[i])
    settings = {**description.source.settings, "block": block, "channel": channel}
    return Standing(
        source=replace(description.source, block=block, settings=settings),
        block=block,
        channel=channel,
        name=name,
        guess=str(description.guess[i]),
        probability=float(description.probability[i]),
        sentence=description.sentence(i),
        share_block=description.shares(block)[name],
        share_network=description.shares()[name],
        names=tuple(numbers),
        values=table.loc[i].to_numpy(),
        in_block=in_block,
        in_network=in_network,
        median_block=median_block,
        median_network=median_network,
    )


def partners(checkpoint: Checkpoint, *, block: int, channel: int) -> Partners:
    """Return the kernels with the strongest links to and from one kernel.

    The same links as in `mixing.measure`. The residual path carries what earlier blocks left
    in a channel besides, and the activation in between is no part of a link.
    """
    _check(checkpoint, block, channel)
    depth, k = checkpoint.config.depth, checkpoint.config.kernel_size
    none = _strongest(np.zeros(0), np.zeros(0), np.zeros((0, k, k), np.float32))
    incoming = none
    if block:
        weight, scale = _pointwise(checkpoint, block - 1)
        incoming = _strongest(weight[channel], scale, _kernels(checkpoint, block - 1))
    weight, scale = _pointwise(checkpoint, block)
    last = block == depth - 1
    after = none["_kernels"] if last else _kernels(checkpoint, block + 1)
    outgoing = _strongest(weight[:, channel], np.full(len(weight), scale[channel]), after)
    settings = {"block": block, "channel": channel}
    return Partners(
        source=replace(checkpoint.source, block=block, settings=settings),
        block=block,
        channel=channel,
        **{f"input{name}": value for name, value in incoming.items()},
        **{f"output{name}": value for name, value in outgoing.items()},
    )


def _pointwise(checkpoint: Checkpoint, block: int) -> tuple[Floats, Floats]:
    """Pointwise weights of a block, (to, from), and gamma of the branches that they read."""
    part = cast("Block", checkpoint.model.blocks[block])
    tensors: tuple[torch.Tensor, ...] = (part.pointwise.weight, part.depthwise_norm.weight)
    weight, scale = (t.detach().cpu().double().numpy() for t in tensors)
    return weight[:, :, 0, 0], scale


def _strongest(weights: Floats, scales: Floats, kernels: NDArray[np.float32]) -> dict[str, Any]:
    links = weights * scales
    at = np.argsort(-np.abs(links), kind="stable")[:MOST_PARTNERS]
    total = float(np.abs(links).sum())
    return {
        "s": at.astype(np.int64),
        "_links": links[at],
        "_shares": np.abs(links[at]) / (total or 1.0),
        "_kernels": kernels[at].copy() if len(kernels) else kernels,
    }
