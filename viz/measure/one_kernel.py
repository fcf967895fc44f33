"""One depthwise kernel: its sum of shapes, its place among the others, its partners."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import percentileofscore

from viz.measure.atoms import evaluate, tap_grid
from viz.measure.depthwise import fit_alone
from viz.results.depthwise import DESCRIPTORS
from viz.results.one_kernel import AtomFit, Partners, Standing
from viz.results.refusal import NoSuch, Refusal

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.model.convmixer import Block
    from viz.results.depthwise import DepthwiseDescription
    from viz.results.network import Source

__all__ = ["atom_fit", "median", "partners", "percentile", "standing"]

Floats = NDArray[np.float64]
MOST_PARTNERS = 8
"""Partners shown in each direction."""


def _source(checkpoint: Checkpoint, block: int, channel: int) -> Source:
    settings = {"block": block, "channel": channel}
    return replace(checkpoint.source, block=block, settings=settings)


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


def atom_fit(
    checkpoint: Checkpoint,
    *,
    block: int,
    channel: int,
    description: DepthwiseDescription | None = None,
) -> AtomFit:
    """Describe one kernel as a constant plus atoms, as `viz.measure.depthwise` does with all.

    Parameters
    ----------
    checkpoint : Checkpoint
        A loaded network.
    block, channel : int
        0-based.
    description : DepthwiseDescription or None
        Of all its kernels, to take the atoms from; without it this kernel alone is fitted, which
        takes a moment.

    Returns
    -------
    AtomFit
        Fitted alone, a kernel may get another sum where two fit about as well.

    Raises
    ------
    IndexError
        If there is no such kernel.
    ValueError
        If one of its taps is not a finite number, or the description is of another kernel.

    Notes
    -----
    A fit alone does not tell whether its atoms are more than chance finds in any taps: that takes
    the other kernels, shuffled (`standing`).
    """
    _check(checkpoint, block, channel)
    kernel = _kernels(checkpoint, block)[channel].copy()
    if description is None:
        row, fields = 0, fit_alone(kernel)
    else:
        row, fields = _row(description, block, channel), vars(description)
    if not np.array_equal(fields["kernels"][row], kernel) or not len(fields["atom_family"]):
        raise Refusal(
            f"The description is not of kernel {channel} of block {block} of "
            f"{checkpoint.source.name}; describe this network."
        )
    count, k = int(fields["n_shapes"][row]), len(kernel)
    x, y = tap_grid(k)
    family, shape = (torch.tensor(fields[f"atom_{n}"][row, :count]) for n in ("family", "shape"))
    drawn = evaluate(family, shape.float(), x, y).double().numpy()
    atoms = drawn * fields["atom_factor"][row, :count, None]

    def each(name: str) -> Any:
        return np.array(fields[f"atom_{name}"][row, :count])

    source = _source(checkpoint, block, channel)
    how = "alone" if description is None else "with all kernels"
    return AtomFit(
        source=replace(source, settings={**source.settings, "fitted": how}),
        block=block,
        channel=channel,
        kernel=kernel,
        fitted=np.array(fields["fitted"][row]),
        atoms=atoms.reshape(count, k, k).astype(np.float32),
        constant=float(fields["constant"][row]),
        labels=tuple(str(name) for name in each("labels")),
        strength=each("strength"),
        amplitude=each("amplitude"),
        scale=each("scale"),
        orientation=each("orientation"),
        x=each("x"),
        y=each("y"),
        r2=float(fields["r2"][row]) if count else 0.0,
        coefficients=int(fields["coefficients"][row]) if count else 1,
    )


def _row(description: DepthwiseDescription, block: int, channel: int) -> int:
    rows = np.flatnonzero((description.block == block) & (description.channel == channel))
    if not len(rows):
        raise NoSuch(f"There is no kernel {channel} of block {block} in the description.")
    return int(rows[0])


def percentile(values: Floats, value: float) -> float:
    """Return the share of values below one, ties counting half, in percent; nan if undefined."""
    return float(percentileofscore(values, value, kind="mean", nan_policy="omit"))


def median(values: Floats) -> float:
    """Return the median of what is no nan; nan where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def standing(description: DepthwiseDescription, *, block: int, channel: int) -> Standing:
    """Say what a kernel is called, and where its numbers stand among the others'.

    Parameters
    ----------
    description : DepthwiseDescription
        Of all kernels of a network.
    block, channel : int
        0-based.

    Returns
    -------
    Standing
        Its label is the description's.

    Raises
    ------
    IndexError
        If the kernel is not in the description.

    Notes
    -----
    A percentile near 0 or 100 is rare for one number, but here are nine: were they independent, one
    kernel in six would have one beyond the first or the last percent.
    """
    i, mine = _row(description, block, channel), description.block == block
    flat = description.kernels.reshape(len(mine), -1).astype(np.float64)
    numbers = {name: getattr(description, name).astype(np.float64) for name in DESCRIPTORS}
    numbers |= {"norm": np.linalg.norm(flat, axis=1), "r2": description.r2}
    columns = list(numbers.values())
    label = str(description.name[i])
    settings = {**description.source.settings, "block": block, "channel": channel}
    return Standing(
        source=replace(description.source, block=block, settings=settings),
        block=block,
        channel=channel,
        label=label,
        sentence=description.sentence(i),
        label_share_block=description.shares(block)[label],
        label_share_network=description.shares()[label],
        statistic=float(description.null_statistic[i]),
        threshold=float(description.null_threshold[i]),
        names=tuple(numbers),
        values=np.array([c[i] for c in columns]),
        in_block=np.array([percentile(c[mine], c[i]) for c in columns]),
        in_network=np.array([percentile(c, c[i]) for c in columns]),
        median_block=np.array([median(c[mine]) for c in columns]),
        median_network=np.array([median(c) for c in columns]),
    )


def partners(checkpoint: Checkpoint, *, block: int, channel: int) -> Partners:
    """Return the kernels with the strongest links to and from one kernel.

    Parameters
    ----------
    checkpoint : Checkpoint
        A loaded network.
    block, channel : int
        0-based.

    Returns
    -------
    Partners
        Eight in each direction at most.

    Raises
    ------
    IndexError
        If there is no such kernel.

    Notes
    -----
    The same links as in `viz.measure.mixing`. The residual path carries what earlier blocks left
    in a channel besides, and the activation in between is no part of a link.
    """
    _check(checkpoint, block, channel)
    depth, k = checkpoint.config.depth, checkpoint.config.kernel_size
    none = _strongest(np.zeros(0), np.zeros(0), np.zeros((0, k, k), np.float32))
    incoming = outgoing = none
    if block:
        weight, scale = _pointwise(checkpoint, block - 1)
        incoming = _strongest(weight[channel], scale, _kernels(checkpoint, block - 1))
    weight, scale = _pointwise(checkpoint, block)
    last = block == depth - 1
    after = none["kernels"] if last else _kernels(checkpoint, block + 1)
    outgoing = _strongest(weight[:, channel], np.full(len(weight), scale[channel]), after)
    fields = {f"input_{name}": value for name, value in incoming.items() if name != "channels"}
    fields |= {f"output_{name}": value for name, value in outgoing.items() if name != "channels"}
    return Partners(
        source=_source(checkpoint, block, channel),
        block=block,
        channel=channel,
        inputs=incoming["channels"],
        outputs=outgoing["channels"],
        **fields,
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
        "channels": at.astype(np.int64),
        "links": links[at],
        "weights": weights[at],
        "shares": np.abs(links[at]) / (total or 1.0),
        "kernels": kernels[at].copy() if len(kernels) else kernels,
    }
