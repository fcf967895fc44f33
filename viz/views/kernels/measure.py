"""Depthwise kernels, each called what it looks like, with the shapes that it is the sum of."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from viz.core.counting import Progress, Steps, rank_within
from viz.core.network import Source
from viz.core.refusal import Refusal
from viz.views.kernels import chance as kernel_chance
from viz.views.kernels import descriptors as kernel_descriptors
from viz.views.kernels import names as kernel_names
from viz.views.kernels import readout as kernel_readout
from viz.views.kernels.matching import Match, match, measures, unit_rows
from viz.views.kernels.names import Guesses
from viz.views.kernels.pictures import KINDS, Bank, bank, name_of
from viz.views.kernels.result import UNNAMED, DepthwiseDescription
from viz.views.kernels.shapes import COEFFICIENTS, Shapes, earned, pursue
from viz.views.kernels.statements import explained

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Floats = NDArray[np.float64]
MOST_SHAPES: Final = 4
FLAT: Final = 0.97
"""Likeness to a constant from which a kernel is flat."""
_BUMPS: Final = ("identity", "shift", "on-centre", "off-centre")
_LINES: Final = ("half", "pair", "stripe", "stroke", "cross", "grating")


def describe(
    kernels: ArrayLike,
    *,
    seed: int = 0,
    blocks: ArrayLike | None = None,
    among: ArrayLike | None = None,
    n_init: int | None = None,
    source: Source | None = None,
    progress: Progress | None = None,
) -> DepthwiseDescription:
    """Name depthwise kernels by what they look like, and split them into shapes.

    Shapes: ``kernels`` (n, k, k); ``blocks`` (n,); ``among`` (m, k, k), the kernels whose taps are
    shuffled for the null: those of the whole network, by default the ones described.

    Kernels with taps that are not finite numbers are ``"unnamed"``, with nan for every number.

    A kernel is compared with some 10,000 named pictures (`viz.views.kernels.pictures`). Its
    likeness to each kind of picture and a few plain measures go through a linear readout fitted on
    blind readings of kernels; the likeliest name is the ``guess``, and the ``name`` where its
    probability stands clear of every other and shuffled taps look less like their best picture.
    Many kernels look like nothing in particular, or like two things: they stay ``"unnamed"``.
    Formulas and agreement with the readings: ``viz/views/kernels/method.md``.
    """
    given, block = _checked(kernels, blocks)
    finite, taps = _finite(given)
    n, k = len(taps), taps.shape[-1]
    report = Steps(progress, 5)
    flat = taps.reshape(n, -1).astype(np.float64)
    rows, pictures = unit_rows(flat), bank(k)
    network = rows
    if among is not None:
        network = unit_rows(_finite(_checked(among, None)[0])[1].reshape(-1, k * k).astype(float))
    report()
    found = match(rows, pictures)
    report()
    null = kernel_chance.shape_null(network, pictures, seed)
    guessed, name = _named(rows, found, null, block, k)
    report()
    n_init = min(max(len(network), 250), 1000) if n_init is None else n_init
    every = np.arange(n)
    shapes = pursue(rows, pictures, MOST_SHAPES, found.picture[every, guessed.kind])
    report()
    kept = earned(shapes, network, pictures, np.random.default_rng(seed))
    mixed = kernel_chance.shuffled(network[network.any(1)], 500, seed)
    old, fresh = len(mixed), kernel_chance.random_init(n_init, k, seed).reshape(n_init, k * k)
    chance = unit_rows(np.concatenate([mixed, fresh.astype(float)]))
    by_chance = match(chance, pictures)
    luck, luck_name = _named(chance, by_chance, null, 1 * (np.arange(len(chance)) < old), k)
    some = np.arange(min(old + 250, len(chance)))
    r2 = pursue(chance[some], pictures, MOST_SHAPES, by_chance.picture[some, luck.kind[some]]).r2
    report()
    fields: dict[str, Any] = {
        "probability": guessed.probability,
        "margin": guessed.margin,
        "likeness": found.likeness[every, guessed.kind],
        **_shape_fields(flat, rows, shapes, kept, pictures),
        **explained(found, rows, k),
        **kernel_descriptors.descriptors(taps),
    }
    return DepthwiseDescription(
        source=_source(given, source, {"seed": seed, "margin": kernel_names.MARGIN}),
        kernels=given,
        block=block,
        channel=rank_within(block),
        name=np.where(rows.any(1), name, UNNAMED),
        guess=np.where(finite, guessed.guess, UNNAMED),
        second=np.where(finite, guessed.second, UNNAMED),
        init_names=luck_name[old:],
        init_r2_by_shapes=r2[old:],
        shuffled_r2_by_shapes=r2[:old],
        **{
            name: _unknown(values, finite, name == "fitted_by_shapes")
            for name, values in fields.items()
        },
    )


def _finite(kernels: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which kernels hold finite numbers alone, (n,), and all with the others as zeros."""
    finite: NDArray[np.bool_] = np.all(np.isfinite(kernels), axis=(1, 2))
    return finite, np.where(finite[:, None, None], kernels, np.float32(0))


def _unknown(values: NDArray[Any], finite: NDArray[np.bool_], by_shapes: bool) -> NDArray[Any]:
    """Return a field with nan for the kernels that are not finite, where it holds real numbers."""
    if finite.all() or values.dtype.kind != "f":
        return values
    by_kernel = values.swapaxes(0, 1) if by_shapes else values
    by_kernel[~finite] = np.nan
    return values


def _named(
    rows: Floats, found: Match, null: kernel_chance.Null, block: NDArray[np.int64], k: int
) -> tuple[Guesses, NDArray[np.str_]]:
    """Return guesses, and names where margin and chance allow them."""
    values = kernel_readout.columns(found.likeness, measures(rows, k))
    guessed = kernel_names.guesses(found, kernel_readout.shipped().probabilities(values))
    clear = guessed.margin >= kernel_names.MARGIN
    alike = found.shape[np.arange(len(rows)), guessed.kind]
    by_chance = null.threshold(kernel_chance.largest_tap(rows))
    shaped = (alike > by_chance) & ~np.isin(guessed.guess, ["identity", "shift"])
    placed = kernel_chance.well_placed(rows, block, k) & np.isin(guessed.guess, _BUMPS)
    flat = (guessed.guess == "flat") & (found.likeness[:, KINDS.index("flat")] > FLAT)
    named = clear & (shaped | placed | flat)
    return guessed, np.where(named, guessed.guess, UNNAMED)


def describe_checkpoint(
    checkpoint: Checkpoint,
    *,
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    n_init: int | None = None,
    progress: Progress | None = None,
) -> DepthwiseDescription:
    """Name the depthwise kernels of a loaded network, block by block."""
    model, k = checkpoint.model, checkpoint.config.kernel_size
    if not 3 <= k <= 31:
        raise Refusal(
            f"{checkpoint.source.name}: kernels of {k} x {k} found, 3 x 3 to 31 x 31 expected; "
            "others cannot be named."
        )
    every = range(model.config.depth)
    chosen = list(every) if blocks is None else list(blocks)

    def taps(of: Sequence[int]) -> Floats:
        return np.concatenate([model.depthwise_kernels(b).detach().float().cpu() for b in of])

    return describe(
        taps(chosen),
        seed=seed,
        blocks=np.repeat(chosen, model.config.dim),
        among=taps(every),
        n_init=n_init,
        source=checkpoint.source,
        progress=progress,
    )


def _checked(
    kernels: ArrayLike, blocks: ArrayLike | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    taps = np.array(kernels, dtype=np.float32, order="C")
    if taps.ndim != 3 or taps.shape[1] != taps.shape[2] or not 3 <= taps.shape[1] <= 31:
        raise Refusal(f"kernels are (n, k, k) with k from 3 to 31, not {taps.shape}.")
    if not len(taps):
        raise Refusal("there are no kernels to name.")
    block = np.zeros(len(taps), np.int64) if blocks is None else np.array(blocks, dtype=np.int64)
    if block.shape != (len(taps),):
        raise Refusal(f"blocks needs one number per kernel, {len(taps)}, not {block.shape}.")
    return taps, block


def _shape_fields(
    flat: Floats, rows: Floats, shapes: Shapes, kept: NDArray[np.int64], pictures: Bank
) -> dict[str, Any]:
    """Return the description's fields on shapes, in the weights' own unit."""
    n, steps = shapes.picture.shape
    k = math.isqrt(rows.shape[1])
    norm = np.linalg.norm(flat, axis=1)
    n_shapes = np.where(norm > 0, kept, 0)
    used = np.arange(steps) < n_shapes[:, None]
    factor = shapes.amplitude[np.maximum(n_shapes, 1) - 1, np.arange(n)] * norm[:, None]
    kind = pictures.kind[shapes.picture]
    upside = factor >= 0
    names = np.array([[name_of(kind_, False), name_of(kind_, True)] for kind_ in KINDS])
    angle = pictures.angle[shapes.picture]
    towards = np.where(upside, angle + 90, angle + 270) % 360
    lines, edges = (
        np.isin(kind, [KINDS.index(name) for name in some]) for some in (_LINES, _LINES[:2])
    )
    of_each: dict[str, NDArray[Any]] = {
        "amplitude": factor * pictures.pictures.abs().amax(1).numpy()[shapes.picture],
        "scale": pictures.scale[shapes.picture],
        "x": pictures.x[shapes.picture],
        "y": pictures.y[shapes.picture],
        "orientation": np.where(lines, angle % 180, np.nan),
        "direction": np.where(edges, towards, np.nan),
    }
    by_shapes = shapes.rendered(pictures) * norm[:, None]
    return {
        "n_shapes": n_shapes,
        "shape_names": np.where(used, names[kind, upside.astype(int)], ""),
        "shape_picture": np.where(used, shapes.picture, -1),
        "shape_factor": np.where(used, factor, 0.0),
        **{f"shape_{name}": np.where(used, values, np.nan) for name, values in of_each.items()},
        "fitted_by_shapes": by_shapes.astype(np.float32).reshape(-1, n, k, k),
        "r2_by_shapes": np.where(norm[:, None] > 0, shapes.r2, np.nan),
        "coefficients_by_shapes": np.array(COEFFICIENTS)[kind].cumsum(1),
    }


def _source(taps: NDArray[np.float32], source: Source | None, settings: dict[str, Any]) -> Source:
    if source is None:
        source = Source(name="in memory", sha256=hashlib.sha256(taps.tobytes()).hexdigest())
    versions = {"torch": str(torch.__version__), "numpy": np.__version__}
    return replace(source, settings=settings, versions=versions)
