"""One filter or kernel from close up, and the network's parts from afar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from viz.core.refusal import NoSuch
from viz.views.close_up.result import CloseUp, Parts
from viz.views.receptive_field.theoretical import theoretical_size

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

_POINTS = 65


def _response(weights: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain at 65 x 65 frequencies; energies of several input channels add."""
    spectrum = np.fft.fft2(weights.astype(np.float64), s=(_POINTS, _POINTS))
    gain = np.sqrt((np.abs(spectrum) ** 2).sum(0))
    return np.fft.fftshift(gain), np.fft.fftshift(np.fft.fftfreq(_POINTS))


def _close_up(
    checkpoint: Checkpoint,
    weights: NDArray[np.float32],
    block: int | None,
    channel: int,
    norms: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> CloseUp:
    response, frequency = _response(weights)
    energy = float((weights.astype(np.float64) ** 2).sum())
    sums = weights.astype(np.float64).sum((1, 2))
    row, column = np.unravel_index(int(response.argmax()), response.shape)
    # Rows of an image run downwards, so the first row holds the largest frequency upwards.
    fy, fx = (frequency[::-1][row], frequency[column]) if energy else (0.0, 0.0)
    # Less than half a cycle on the kernel cannot be told from none.
    flat = np.hypot(fy, fx) * weights.shape[-1] < 0.5
    return CloseUp(
        source=replace(
            checkpoint.source, block=block, settings={"block": block, "channel": channel}
        ),
        weights=weights,
        channel=channel,
        response=response,
        frequency=frequency,
        dc_share=float((sums**2).sum() / (weights[0].size * energy)) if energy else 0.0,
        peak_frequency=float(np.hypot(fy, fx)),
        # Stripes run at right angles to their wave vector.
        stripes=None if flat else float(np.degrees(np.arctan2(fy, fx)) + 90) % 180,
        norm_rank=float((norms[0] < norms[0][channel]).mean()),
        norm_rank_network=float((norms[1] < norms[0][channel]).mean()),
    )


def _norms(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    norms: NDArray[np.float64] = np.linalg.norm(flat, axis=1)
    return norms


def _kernels(checkpoint: Checkpoint, block: int) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (
        checkpoint.model.depthwise_kernels(block).detach().float().cpu().numpy()
    )
    return found


def _check(channel: int, dim: int, what: str) -> None:
    if not 0 <= channel < dim:
        raise NoSuch(f"There is no {what} {channel}: they are 0 to {dim - 1}.")


def filter_close_up(checkpoint: Checkpoint, *, channel: int) -> CloseUp:
    """Return one patch-embedding filter with its numbers and its frequency response.

    The gain is the discrete-time Fourier transform's magnitude, \\|sum_u w(u) exp(-2 pi i f u)\\|,
    at 65 x 65 frequencies (Oppenheim and Schafer, *Discrete-Time Signal Processing*, chapter 2);
    over input channels the energies add. The filter moves in steps of its own size, so what it
    lets through is aliased afterwards: a gain says what a filter answers to, not what later
    blocks can tell apart. Norms of filters cannot be compared across channels' batch norms.
    """
    filters = checkpoint.model.patch_filters.detach().float().cpu().numpy()
    _check(channel, len(filters), "patch filter")
    norms = _norms(filters)
    return _close_up(checkpoint, filters[channel].copy(), None, channel, (norms, norms))


def kernel_close_up(checkpoint: Checkpoint, *, block: int, channel: int) -> CloseUp:
    """Return one depthwise kernel with its numbers and its frequency response.

    The gain is as for `filter_close_up`. The kernel's output passes an activation and is added to
    its input, so a channel still carries the frequencies at which its kernel's gain is zero.
    """
    kernels = _kernels(checkpoint, block)
    _check(channel, len(kernels), "kernel")
    depth = checkpoint.config.depth
    norms = _norms(kernels)
    network = np.concatenate([_norms(_kernels(checkpoint, b)) for b in range(depth)])
    return _close_up(checkpoint, kernels[channel][None].copy(), block, channel, (norms, network))


def parts(checkpoint: Checkpoint) -> Parts:
    """Return the network's parts with their parameters and receptive fields.

    A receptive field is the theoretical one: what a position does depend on is far less.
    """
    c = checkpoint.config
    each = c.dim * (c.kernel_size**2 + c.dim + 6)
    embedding = c.dim * (c.in_channels * c.patch_size**2 + 3)
    side = checkpoint.preprocessing.image_size // c.patch_size
    fields = theoretical_size(c, range(-1, c.depth))
    patches, kernels = c.dim * c.in_channels * c.patch_size**2, c.dim * c.kernel_size**2
    blocks = np.ones(c.depth, dtype=np.int64)
    return Parts(
        source=checkpoint.source,
        part=("patch embedding", *(f"block {b}" for b in range(c.depth)), "head"),
        parameters=np.array([embedding, *each * blocks, c.n_classes * (c.dim + 1)]),
        receptive_field=np.append(fields, -1).astype(np.int64),
        filter_parameters=np.array([patches, *kernels * blocks, 0]),
        pointwise_parameters=np.array([0, *c.dim**2 * blocks, c.n_classes * c.dim]),
        shape=np.array([*[(c.dim, side, side)] * (c.depth + 1), (c.n_classes, 1, 1)]),
        image_size=checkpoint.preprocessing.image_size,
        patch_size=c.patch_size,
    )
