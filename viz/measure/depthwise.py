"""Depthwise kernels read one by one: a constant plus named atoms, against shuffled taps."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from viz.measure import atom_selection, kernel_descriptors, kernel_labels, kernel_null
from viz.measure.atom_selection import Sums, coefficients, fit_sums
from viz.measure.counting import Progress, rank_within
from viz.measure.kernel_naming import (
    SHUFFLED,
    SURROUND_T,
    NamedKernels,
    name_kernels,
    unit_rows,
)
from viz.measure.threads import one_thread
from viz.results.depthwise import DepthwiseDescription
from viz.results.network import Source
from viz.results.refusal import Refusal

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

__all__ = ["describe", "describe_checkpoint", "fit_alone"]

Taps = NDArray[np.float64]
Bools = NDArray[np.bool_]
_NEW = SHUFFLED - 1


def describe(
    kernels: ArrayLike,
    *,
    seed: int = 0,
    max_atoms: int = 4,
    blocks: ArrayLike | None = None,
    n_init: int | None = None,
    n_shuffled: int | None = None,
    source: Source | None = None,
    progress: Progress | None = None,
) -> DepthwiseDescription:
    """Describe depthwise kernels: label, scale, angles, atoms, quality of fit, descriptors.

    Parameters
    ----------
    kernels : array_like, (n, k, k)
        As torch convolves them, 3 <= k <= 31.
    seed : int
        Of the nulls: the shuffled taps and the new kernels.
    max_atoms : int
        Most atoms per kernel, 1 to 4. Fewer are tried where k^2 taps do not bear them.
    blocks : array_like of int, (n,), or None
        Block of each kernel; all in block 0 by default. Single taps are tested block by block.
    n_init : int or None
        Kernels drawn as a new network draws them, described against the same thresholds; by default
        as many as there are kernels, but 250 at least and 1,000 at most.
    n_shuffled : int or None
        Kernels with shuffled taps that set the threshold; by default 500 to 4,000, by the number of
        kernels. Fewer are quicker, and the threshold is known less well.
    source : Source or None
        Where the kernels come from; by default in memory, with a hash of their bytes.
    progress : callable or None
        Called with (kernels done, kernels in all), shuffled and new ones included.

    Returns
    -------
    DepthwiseDescription
        One row per kernel, in the order given.

    Raises
    ------
    ValueError
        If the shape is wrong, a tap is not finite, or ``max_atoms`` or ``blocks`` do not fit.

    Notes
    -----
    A label says what the strongest atom looks like, not that the kernel is nothing else: read it
    with ``r2`` and the further atoms. Shuffled taps have no smoothness: a kernel that is merely
    smooth beats them too. Formulas: ``docs/methods/depthwise.md``.
    """
    taps, block = _checked(kernels, blocks, max_atoms, source)
    with one_thread():
        return _described(taps, block, seed, max_atoms, n_init, n_shuffled, source, progress)


def _described(
    taps: NDArray[np.float32],
    block: NDArray[np.int64],
    seed: int,
    max_atoms: int,
    n_init: int | None,
    n_shuffled: int | None,
    source: Source | None,
    progress: Progress | None,
) -> DepthwiseDescription:
    n, k = len(taps), taps.shape[-1]
    n_init = min(max(n, 250), 1000) if n_init is None else n_init
    flat = taps.reshape(n, -1).astype(np.float64)
    alive = unit_rows(flat)[1]
    chance = kernel_null.shuffled(unit_rows(flat)[0][alive], seed, n_shuffled)
    init = kernel_null.random_init(n_init, k, seed).reshape(n_init, k * k).astype(np.float64)
    raw = np.concatenate([flat, chance, init])
    mine, shuffles, new = slice(0, n), slice(n, n + len(chance)), slice(n + len(chance), None)
    rows = unit_rows(raw)[0]
    sums = fit_sums(
        torch.from_numpy(rows.astype(np.float32)), k=k, max_atoms=max_atoms, progress=progress
    )
    rendered = np.stack([fit.render(k).numpy() for fit in sums.fits])
    beyond = np.stack([kernel_null.fit_without_peak(rows, each) for each in rendered])
    r2 = np.stack([1 - fit.sse.double().numpy() for fit in sums.fits], 1).clip(0, 1)
    null = kernel_null.Null.of(rows[shuffles], beyond[:, shuffles])
    height = null.statistic(rows, beyond)
    group = np.concatenate([block, np.full(len(chance), SHUFFLED), np.full(n_init, _NEW)])
    named = name_kernels(sums, raw, group, height > null.threshold, k)
    more: dict[str, Any] = kernel_descriptors.descriptors(taps)
    more |= kernel_descriptors.predicates(taps)
    return DepthwiseDescription(
        source=_source(taps, source, _settings(seed, max_atoms, null.threshold)),
        kernels=taps,
        block=block,
        channel=rank_within(block),
        null_statistic=height[mine],
        null_threshold=np.full(n, null.threshold),
        init_labels=named.label[new],
        init_r2_by_atoms=_up_to(r2, max_atoms, 1)[new],
        shuffled_r2_by_atoms=_up_to(r2, max_atoms, 1)[shuffles],
        **_fields(named, sums, rendered, r2, mine),
        **more,
    )


def describe_checkpoint(
    checkpoint: Checkpoint,
    *,
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    max_atoms: int = 4,
    n_init: int | None = None,
    n_shuffled: int | None = None,
    progress: Progress | None = None,
) -> DepthwiseDescription:
    """Describe the depthwise kernels of a loaded network, block by block.

    Parameters
    ----------
    checkpoint : Checkpoint
        From `viz.load`.
    blocks : sequence of int or None
        0-based; all by default.
    seed : int
        Of the nulls.
    max_atoms : int
        Most atoms per kernel.
    n_init, n_shuffled : int or None
        As in `describe`.
    progress : callable or None
        As in `describe`.

    Returns
    -------
    DepthwiseDescription
        Rows by block, then by channel.

    Raises
    ------
    IndexError
        If there is no such block.
    ValueError
        If the kernels are below 3 x 3 or above 31 x 31, or a tap is not finite.
    """
    model, k = checkpoint.model, checkpoint.config.kernel_size
    if not 3 <= k <= 31:
        raise Refusal(
            f"{checkpoint.source.name}: kernels of {k} x {k} found, 3 x 3 to 31 x 31 expected; "
            "others cannot be described."
        )
    chosen = list(range(model.config.depth)) if blocks is None else list(blocks)
    kernels = [model.depthwise_kernels(b).detach().float().cpu().numpy() for b in chosen]
    return describe(
        np.concatenate(kernels),
        seed=seed,
        max_atoms=max_atoms,
        blocks=np.repeat(chosen, [len(part) for part in kernels]),
        n_init=n_init,
        n_shuffled=n_shuffled,
        source=checkpoint.source,
        progress=progress,
    )


def fit_alone(kernel: NDArray[np.float32]) -> dict[str, Any]:
    """Fit one kernel as `describe` fits each of many, without asking whether chance fits as well.

    Parameters
    ----------
    kernel : ndarray of float32, (k, k)
        Finite.

    Returns
    -------
    dict
        Fields of a `DepthwiseDescription` of this kernel; those that need other kernels are
        missing, and ``label`` is as if chance had been beaten.

    Raises
    ------
    ValueError
        If the shape is wrong or a tap is not finite.

    Notes
    -----
    Where two sums fit about as well, rounding decides, and rounding differs with what is fitted
    beside: of the kernels of photos-p7 three in a hundred get another shape than in the whole.
    """
    taps, block = _checked(kernel[None], None, 4, None)
    k = taps.shape[-1]
    raw = taps.reshape(1, -1).astype(np.float64)
    rows = unit_rows(raw)[0]
    with one_thread():
        sums = fit_sums(torch.from_numpy(rows.astype(np.float32)), k=k, max_atoms=4)
        named = name_kernels(sums, raw, block, np.ones(1, dtype=bool), k)
    rendered = np.stack([fit.render(k).numpy() for fit in sums.fits])
    r2 = np.stack([1 - fit.sse.double().numpy() for fit in sums.fits], 1).clip(0, 1)
    return {"kernels": taps, **_fields(named, sums, rendered, r2, slice(None))}


def _checked(
    kernels: ArrayLike, blocks: ArrayLike | None, max_atoms: int, source: Source | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    taps = np.array(kernels, dtype=np.float32, order="C")
    if taps.ndim != 3 or taps.shape[1] != taps.shape[2] or not 3 <= taps.shape[1] <= 31:
        raise Refusal(f"kernels are (n, k, k) with k from 3 to 31, not {taps.shape}.")
    if not len(taps):
        raise Refusal("there are no kernels to describe.")
    if not 1 <= max_atoms <= 4:
        raise Refusal(f"max_atoms is 1 to 4, not {max_atoms}.")
    block = np.zeros(len(taps), np.int64) if blocks is None else np.array(blocks, dtype=np.int64)
    if block.shape != (len(taps),):
        raise Refusal(f"blocks needs one number per kernel, {len(taps)}, not {block.shape}.")
    broken = ~np.isfinite(taps).all((1, 2))
    if broken.any():
        i = int(broken.argmax())
        whose = "" if source is None else f"{source.name}: "
        raise Refusal(
            f"{whose}{int(broken.sum())} of {len(taps)} kernels have taps that are not finite "
            f"numbers, first channel {rank_within(block)[i]} of block {block[i]}; they cannot be "
            "described."
        )
    return taps, block


def _fields(
    named: NamedKernels, sums: Sums, rendered: Taps, r2: Taps, rows: slice
) -> dict[str, Any]:
    """Return the description's fields of some rows, in the weights' own unit."""
    chosen, atoms, label = named.chosen, named.atoms, named.label[rows]
    n_atoms = np.where(named.norm[rows] > 0, sums.n_atoms.numpy()[rows], 0)
    norm, level = named.norm[rows], named.level[rows]
    most = atoms.label.shape[1]
    rendered, r2 = _up_to(rendered, most, 0)[:, rows], _up_to(r2, most, 1)[rows]
    k = math.isqrt(rendered.shape[-1])
    by_atoms = (rendered * norm[:, None] + level[:, None]).astype(np.float32)
    by_atoms = by_atoms.reshape(most, -1, k, k)
    own = np.arange(len(label)), np.maximum(n_atoms, 1) - 1
    known = np.where(label == "unclassified", np.nan, 1.0)
    tapped = np.isin(label, ["identity", "shift"])
    by_number = np.stack([coefficients(f.family).numpy() for f in sums.fits], 1)
    by_number = _up_to(by_number, most, 1)[rows]
    return {
        "label": label,
        "scale": np.where(tapped, np.nan, atoms.scale[rows, 0] * known),
        "orientation": np.where(tapped, np.nan, atoms.orientation[rows, 0] * known),
        "direction": np.where(tapped, np.nan, atoms.direction[rows, 0] * known),
        "offset_x": atoms.x[rows, 0] * known,
        "offset_y": atoms.y[rows, 0] * known,
        "constant": chosen.constant.double().numpy()[rows] * norm + level,
        "n_atoms": n_atoms,
        "atom_labels": atoms.label[rows],
        "atom_amplitude": atoms.amplitude[rows] * norm[:, None],
        "atom_strength": chosen.strength.double().numpy()[rows],
        "atom_scale": atoms.scale[rows],
        "atom_orientation": atoms.orientation[rows],
        "atom_direction": atoms.direction[rows],
        "atom_x": atoms.x[rows],
        "atom_y": atoms.y[rows],
        "atom_family": chosen.family.numpy()[rows],
        "atom_shape": chosen.shape.double().numpy()[rows],
        "atom_factor": chosen.amplitude.double().numpy()[rows] * norm[:, None],
        "fitted": by_atoms[own[1], own[0]],
        "fitted_by_atoms": by_atoms,
        "r2": r2[own],
        "r2_by_atoms": r2,
        "coefficients": by_number[own],
        "coefficients_by_atoms": by_number,
        "earned": named.earned[rows],
    }


def _up_to(values: NDArray[Any], most: int, axis: int) -> NDArray[Any]:
    """Repeat the last fit where the taps bear no further atom."""
    last = np.take(values, [-1] * (most - values.shape[axis]), axis=axis)
    return np.concatenate([values, last], axis=axis)


def _settings(seed: int, max_atoms: int, threshold: float) -> dict[str, Any]:
    return {
        "seed": seed,
        "max_atoms": max_atoms,
        "minor_mass": kernel_labels.MINOR,
        "lobe_mass": kernel_labels.LOBE,
        "tap_share": kernel_labels.TAP_SHARE,
        "tap_sigma": kernel_labels.TAP_SIGMA,
        "surround_t": SURROUND_T,
        "bic_floor": atom_selection.FLOOR,
        "null_share": kernel_null.NULL_SHARE,
        "null_threshold": threshold,
        "spike_share": kernel_null.SPIKE_SHARE,
        "peak_ratio": kernel_null.PEAK_RATIO,
        "place_level": kernel_null.PLACE_LEVEL,
        "negative_rest": kernel_descriptors.NEGATIVE_REST,
        "odd_energy": kernel_descriptors.ODD_ENERGY,
        "inside_radius": kernel_descriptors.INSIDE,
    }


def _source(taps: NDArray[np.float32], source: Source | None, settings: dict[str, Any]) -> Source:
    if source is None:
        source = Source(name="in memory", sha256=hashlib.sha256(taps.tobytes()).hexdigest())
    versions = {"torch": str(torch.__version__), "numpy": np.__version__}
    return replace(source, settings=settings, versions=versions)
