"""Patch filters of two networks matched one to one, and what chance would match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from viz.core.counting import Progress
from viz.core.refusal import Refusal
from viz.views.compare.channels import PERMUTATIONS, cosines, matched, permuted_means
from viz.views.compare.measure import two_networks
from viz.views.compare_patch_filters.result import PatchFilterMatch
from viz.views.patch_filters.measure import pixel_space

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Numbers = NDArray[np.float64]
_RNG = np.random.Generator
DRAWS = 20
"""Draws of each null."""


def refused(a: Checkpoint, b: Checkpoint) -> str:
    """Return why two networks' patch filters cannot be matched; empty if they can."""
    first, second = a.config.in_channels, b.config.in_channels
    if first == second:
        return ""
    return (
        f"patch filters over {first} and {second} input channels cannot be matched; compare "
        "networks that take the same channels."
    )


def on_grid(filters: Numbers, q: int) -> tuple[Numbers, Numbers]:
    """Return filters averaged over the cells of a coarser grid, and the energy that this keeps.

    Shapes: ``filters`` (n, c, p, p); returns (n, c, q, q).
    """
    p = filters.shape[-1]
    if p == q:
        energy = (filters**2).sum((1, 2, 3))
        return filters, np.where(energy > 0, 1.0, np.nan)
    edges, ends = np.arange(p + 1) / p, np.arange(q + 1) / q
    low = np.maximum(edges[None, :-1], ends[:-1, None])
    high = np.minimum(edges[None, 1:], ends[1:, None])
    overlap = np.clip(high - low, 0, None) * q
    cells = np.einsum("ui,ncij,vj->ncuv", overlap, filters, overlap)
    energy = (filters**2).mean((1, 2, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = np.where(energy > 0, (cells**2).mean((1, 2, 3)) / energy, np.nan)
    return cells, kept


def shuffled_taps(filters: Numbers, rng: _RNG) -> Numbers:
    """Return filters whose taps changed places, each filter's in its own way, colours kept.

    Shapes: ``filters`` (n, c, q, q); returns (n, c, q, q).
    """
    n, c, q, _ = filters.shape
    order = rng.random((n, 1, q * q)).argsort(-1)
    moved = np.take_along_axis(filters.reshape(n, c, -1), np.broadcast_to(order, (n, c, q * q)), -1)
    return moved.reshape(filters.shape)


def mixtures(filters: Numbers, rng: _RNG) -> Numbers:
    """Return random mixtures of filters, as many as there are, with the same second moments.

    Shapes: ``filters`` (n, c, q, q); returns (n, c, q, q).

    Q is two rounds of a random order, random signs and a cosine transform over filters.
    """
    flat = filters.reshape(len(filters), -1)
    alive = np.linalg.norm(flat, axis=1) > 0
    rows = _even_sizes(flat[alive])
    for _ in range(2):
        signs = rng.choice([-1.0, 1.0], (len(rows), 1))
        rows = dct(rng.permutation(rows) * signs, norm="ortho", axis=0) if len(rows) else rows
    out = np.zeros_like(flat)
    out[alive] = rows
    return out.reshape(filters.shape)


def _even_sizes(rows: Numbers) -> Numbers:
    """Divide each row by its size relative to the cloud's spread in its direction.

    Tyler's fixed point (Annals of Statistics 15, 1987), three steps, within the leading n / 4
    principal axes: a few large filters do not rule the mixtures, and rows of one Gaussian cloud
    stay nearly as they are, which unit norms would not leave them.
    """
    unit: Numbers = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    n = len(unit)
    if n < 2:
        return unit
    even: Numbers = unit
    for _ in range(3):
        _, values, axes = np.linalg.svd(even, full_matrices=False)
        keep = (np.arange(len(values)) < max(1, n // 4)) & (values > 1e-9 * values[0])
        spread = values[keep] / np.sqrt(n)
        size = np.sqrt(((unit @ axes[keep].T / spread) ** 2).mean(1, keepdims=True))
        even = unit / np.maximum(size, 1e-3 * np.median(size))
        even /= np.sqrt((even**2).sum(1).mean())
    return even


def match_patch_filters(
    a: Checkpoint,
    b: Checkpoint,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> PatchFilterMatch:
    """Match the patch filters of two networks one to one.

    Similarity is the cosine with its sign: a non-linearity follows, so that a filter and its
    negative are different features. The best of all assignments is similar in any two networks, so
    that the mean similarity says nothing without its nulls. Kuhn's assignment, by Jonker and
    Volgenant's algorithm (`scipy.optimize.linear_sum_assignment`).
    """
    reason = refused(a, b)
    if reason:
        raise Refusal(reason)
    q = min(a.config.patch_size, b.config.patch_size)
    (first, kept_a), (second, kept_b) = (on_grid(_on_pixels(each), q) for each in (a, b))
    similarity = cosines(first, second)
    rows, columns, found = matched(similarity)
    rng = np.random.default_rng([seed, 12])
    nulls = np.empty((2, draws, len(found)))
    for i in range(draws):
        for null, change in enumerate((shuffled_taps, mixtures)):
            nulls[null, i] = matched(cosines(first, change(second, rng)))[2]
        if progress is not None:
            progress(i + 1, draws)
    square = len(first) == len(second)
    return PatchFilterMatch(
        **two_networks(a, b, {"seed": seed, "draws": draws, "permutations": PERMUTATIONS}),
        frame_size=q,
        filters_a=first.astype(np.float32),
        filters_b=second.astype(np.float32),
        kept_a=kept_a,
        kept_b=kept_b,
        channel_a=rows,
        channel_b=columns,
        similarity=found,
        null_mean=nulls.mean(-1),
        null_by_rank=nulls.mean(1),
        index_similarity=float(np.trace(similarity)) / len(first) if square else float("nan"),
        index_permuted=permuted_means([similarity], PERMUTATIONS, seed) if square else np.empty(0),
    )


def _on_pixels(checkpoint: Checkpoint) -> Numbers:
    filters = checkpoint.model.patch_filters.detach().float().cpu().numpy()
    found = pixel_space(filters, checkpoint.preprocessing.std).astype(np.float64)
    return np.where(np.isfinite(found).all((1, 2, 3), keepdims=True), found, 0)
