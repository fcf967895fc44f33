"""Does a description explain the network? Its kernels are replaced, its answers compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.counting import Progress
from viz.core.refusal import Refusal
from viz.network.replacing import Replacement, logits_of_all, shared_copy
from viz.views.patch_filters.result import STRUCTURES
from viz.views.substitution import banks as kernel_banks
from viz.views.substitution import scores as substitution_scores
from viz.views.substitution.crops import photograph_crops
from viz.views.substitution.result import AS_DESCRIBED, SCOPES, Substitution

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription

Filters = NDArray[np.float32]
Bools = NDArray[np.bool_]
_GROUPS = ("fit", "principal-components", "dct", "random", "without")
_FEATURES = 16 << 20
"""Numbers in a batch's largest feature map, at most, where the batch size is chosen here."""
_GABOR = 8
"""Numbers of a Gabor fit besides its colour axis."""


@dataclass(frozen=True)
class _Condition:
    scope: str
    method: str
    filters: Filters
    rows: Bools
    bank: Filters | None
    counts: NDArray[np.int64]
    block: int = -1
    name: str = ""
    n_shapes: int = 0


def measure(
    checkpoint: Checkpoint,
    images: ImageSet | None = None,
    *,
    description: DepthwiseDescription | None = None,
    patches: PatchFilterDescription | None = None,
    scopes: Sequence[str] = SCOPES,
    n_crops: int = 64,
    n_boot: int = 1000,
    batch_size: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Substitution:
    """Replace kernels by their descriptions and by controls, and compare the network's answers.

    Batch norms keep the statistics of training. A replaced kernel changes mean and variance of
    what its batch norm receives, and that counts as a difference too: a fit that keeps the shape
    of a kernel but not its size scores lower than its shape alone would. Formulas and what the
    picture can tell: ``viz/views/substitution/method.md``.
    """
    _check(checkpoint, scopes)
    if {"all", "block"} & set(scopes) and description is None:
        from viz.views.kernels.measure import describe_checkpoint

        description = describe_checkpoint(checkpoint, seed=seed, progress=progress)
    if "patch" in scopes and patches is None:
        from viz.views.patch_filters.measure import describe_checkpoint as describe_patches

        patches = describe_patches(checkpoint, seed=seed, progress=progress)
    conditions: list[_Condition] = []
    rng = np.random.default_rng([seed, 1])
    if description is not None:
        _check_description(checkpoint, description)
        conditions += _depthwise(description, scopes, rng)
    if patches is not None and "patch" in scopes:
        _check_patches(checkpoint, patches)
        conditions += _patch(patches, rng)
    groups: tuple[int, ...] | None = None
    note = ""
    if images is None:
        images, groups = photograph_crops(
            checkpoint.preprocessing, checkpoint.config.in_channels, n=n_crops, seed=seed
        )
        note = f"{n_crops} crops of each of scikit-learn's two photographs"
    scored = _run(checkpoint, images, conditions, batch_size, progress)
    n = scored.agreement.shape[1]
    group = np.arange(n) if groups is None else np.array(groups)
    intervals = substitution_scores.intervals(
        np.stack([scored.agreement, scored.kl, scored.correlation]),
        group,
        fit_of=_fit_rows(conditions),
        n_boot=n_boot,
        rng=np.random.default_rng([seed, 2]),
    )
    described = description.kernels.shape[-1] if description is not None else 0
    settings = {
        "seed": seed, "n_boot": n_boot, "scopes": tuple(scopes),
        "n_crops": n_crops if groups else 0,
        "image_size": images.preprocessing.image_size,
        "batch_norm": "statistics as trained", "random_draws": 1,
    }  # fmt: skip
    table = _table(conditions)
    return Substitution(
        source=replace(
            checkpoint.source,
            settings=settings,
            images=images.sha256,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        agreement=scored.agreement,
        kl=scored.kl,
        correlation=scored.correlation,
        group=group,
        chance=scored.chance,
        top_share=scored.top_share,
        n_taps=described**2,
        n_patch_taps=int(patches.filters[0].size) if patches is not None else 0,
        images_note=note or f"{n} {'image' if n == 1 else 'images'}, one centre crop of each",
        **table,
        **intervals,
    )


def _check(checkpoint: Checkpoint, scopes: Sequence[str]) -> None:
    unknown = [s for s in scopes if s not in SCOPES]
    if unknown or not scopes:
        raise Refusal(f"scopes are {', '.join(SCOPES)}; {unknown[:1] or 'none'} found.")
    if checkpoint.config.n_classes < 2:
        raise Refusal(
            f"{checkpoint.source.name}: a network with {checkpoint.config.n_classes} output found, "
            "at least two classes expected: with one there is no prediction to compare."
        )


def _check_description(checkpoint: Checkpoint, description: DepthwiseDescription) -> None:
    config = checkpoint.config
    kernels = [checkpoint.model.depthwise_kernels(b) for b in range(config.depth)]
    if not (
        np.array_equal(description.block, np.repeat(np.arange(config.depth), config.dim))
        and np.array_equal(description.channel, np.tile(np.arange(config.dim), config.depth))
        and _same(description.kernels, torch.cat(kernels))
    ):
        raise Refusal(
            f"the description is of other kernels than the {config.depth * config.dim} of "
            f"{checkpoint.source.name}; expected all of them, by block and channel."
        )


def _same(described: Filters, weights: Tensor) -> bool:
    return np.array_equal(described, weights.detach().float().cpu().numpy(), equal_nan=True)


def _check_patches(checkpoint: Checkpoint, patches: PatchFilterDescription) -> None:
    if not _same(patches.filters, checkpoint.model.patch_filters):
        raise Refusal(
            f"the description is of other patch filters than those of {checkpoint.source.name}."
        )


def _banks(
    fitted: NDArray[Any], filters: Filters, counts: NDArray[np.int64], group: NDArray[np.int64]
) -> dict[str, Filters]:
    """Return the description and the controls with as many coefficients."""
    return {
        "fit": np.array(fitted, dtype=np.float32),  # a copy that torch may share
        "principal-components": kernel_banks.principal_components(filters, counts, group),
        "dct": kernel_banks.dct_largest(filters, counts),
    }


def _depthwise(
    description: DepthwiseDescription, scopes: Sequence[str], rng: np.random.Generator
) -> Iterator[_Condition]:
    """Yield the conditions on depthwise kernels."""
    taps, block = description.kernels[:, None], description.block
    every = np.ones(len(taps), bool)
    kept = description.coefficients
    none, one = np.zeros_like(kept), np.ones_like(kept)
    described = _banks(description.fitted[:, None], taps, kept, block)
    noise = kernel_banks.random_like(taps, rng)
    whole = {"random": (noise, none + 2), "without": (None, none)}
    named: dict[str, tuple[Filters | None, NDArray[np.int64]]]
    named = {m: (bank, kept) for m, bank in described.items()} | whole
    if "all" in scopes:
        flat = kernel_banks.constant(taps)
        yield _Condition("all", "constant", taps, every, flat, one)
        for a in range(description.max_shapes):
            counts = description.coefficients_by_shapes[:, a]
            banks = _banks(description.fitted_by_shapes[a][:, None], taps, counts, block)
            for method, bank in banks.items():
                yield _Condition("all", method, taps, every, bank, counts, n_shapes=a + 1)
        for method in _GROUPS:
            bank_, counts = named[method]
            yield _Condition("all", method, taps, every, bank_, counts, n_shapes=_atoms(method))
    if "block" in scopes:
        for b in np.unique(block):
            for method in _GROUPS:
                bank_, counts = named[method]
                yield _Condition("block", method, taps, block == b, bank_, counts, block=int(b),
                                 n_shapes=_atoms(method))  # fmt: skip


def _atoms(method: str) -> int:
    return 0 if method in ("random", "without", "constant") else AS_DESCRIBED


def _patch(patches: PatchFilterDescription, rng: np.random.Generator) -> Iterator[_Condition]:
    """Yield the conditions on patch filters: all, and each kind."""
    filters = np.nan_to_num(patches.filters)
    n, c = filters.shape[:2]
    counts = np.full(n, _GABOR + c - 1)
    none = np.zeros(n, np.int64)
    one_group = np.zeros(n, np.int64)
    banks: dict[str, tuple[Filters | None, NDArray[np.int64]]]
    made = _banks(patches.fitted, filters, counts, one_group)
    banks = {m: (bank, counts) for m, bank in made.items()}
    banks["constant"] = kernel_banks.constant(filters), none + c
    banks["random"] = kernel_banks.random_like(filters, rng), none + c + 1
    banks["without"] = None, none
    for kind in ("", *STRUCTURES):
        rows = np.ones(n, bool) if not kind else patches.structure == kind
        if not rows.any():
            continue
        for method in banks if not kind else _GROUPS:
            bank, counts_ = banks[method]
            yield _Condition("patch", method, filters, rows, bank, counts_, name=kind,
                             n_shapes=_atoms(method))  # fmt: skip


def _replacement(condition: _Condition, checkpoint: Checkpoint) -> Replacement:
    """Turn a condition into parameters, cut by block."""
    config = checkpoint.config
    rows = torch.from_numpy(condition.rows)
    if condition.scope == "patch":
        if condition.bank is None:
            return Replacement(muted_patch=rows)
        filters = checkpoint.model.patch_filters.detach().cpu()
        new = torch.from_numpy(condition.bank).to(filters.dtype)
        return Replacement(patch_filters=torch.where(rows[:, None, None, None], new, filters))
    by_block = rows.view(config.depth, config.dim)
    touched = {b: by_block[b] for b in range(config.depth) if bool(by_block[b].any())}
    if condition.bank is None:
        return Replacement(muted=touched)
    bank = torch.from_numpy(condition.bank[:, 0]).view(
        config.depth, config.dim, *condition.bank.shape[2:]
    )
    return Replacement(kernels={b: bank[b] for b in touched}, rows=touched)


@dataclass(frozen=True)
class _Scored:
    agreement: NDArray[np.float32]
    kl: NDArray[np.float32]
    correlation: NDArray[np.float32]
    chance: tuple[float, ...]
    top_share: float


def _run(
    checkpoint: Checkpoint,
    images: ImageSet,
    conditions: Sequence[_Condition],
    batch_size: int | None,
    progress: Progress | None,
) -> _Scored:
    """Score every condition on every image, a batch at a time."""
    config, twin = checkpoint.config, shared_copy(checkpoint.model)
    like = twin.patch_filters
    if batch_size is None:
        side = images.preprocessing.image_size // config.patch_size
        batch_size = int(np.clip(_FEATURES // (config.dim * max(side, 1) ** 2), 1, 64))
    replacements = {i: _replacement(c, checkpoint) for i, c in enumerate(conditions)}
    parts: list[NDArray[np.float32]] = []
    keep = substitution_scores.Kept()
    done, steps = 0, len(conditions) + 1
    with torch.no_grad():
        for batch in images.batches(batch_size):
            scores = np.empty((3, len(conditions), len(batch.names)), np.float32)
            before: Tensor = like
            inputs = batch.inputs.to(like)
            for number, logits in logits_of_all(twin, inputs, replacements):
                _check_finite(logits, batch.names, checkpoint.source.name)
                if number < 0:
                    before = logits
                    keep.add(logits)
                else:
                    scores[:, number] = substitution_scores.compare(before, logits)
                done += 1
                if progress is not None:
                    total = -(-len(images) // batch_size) * steps
                    progress(done, max(total, done))
            parts.append(scores)
    whole = np.concatenate(parts, axis=2)
    chance, top_share = keep.chance()
    return _Scored(whole[0], whole[1], whole[2], chance, top_share)


def _check_finite(logits: Tensor, names: tuple[str, ...], name: str) -> None:
    bad = ~torch.isfinite(logits).all(1)
    if bool(bad.any()):
        where = names[int(bad.int().argmax())]
        raise Refusal(
            f"{name}: its output on {where} is not finite; answers that are no numbers cannot be "
            "compared, use another checkpoint."
        )


def _fit_rows(conditions: Sequence[_Condition]) -> NDArray[np.int64]:
    """Return the row of the description that each control stands against; -1 for none."""
    fits = {
        (c.scope, c.block, c.name, c.n_shapes): i
        for i, c in enumerate(conditions)
        if c.method == "fit"
    }
    rows = []
    for c in conditions:
        atoms = c.n_shapes or AS_DESCRIBED
        rows.append(-1 if c.method == "fit" else fits.get((c.scope, c.block, c.name, atoms), -1))
    return np.array(rows, dtype=np.int64)


def _table(conditions: Sequence[_Condition]) -> dict[str, Any]:
    """Return what the conditions are, one array per column."""
    return {
        "scope": np.array([c.scope for c in conditions]),
        "block": np.array([c.block for c in conditions], dtype=np.int64),
        "name": np.array([c.name for c in conditions], dtype=np.str_),
        "method": np.array([c.method for c in conditions]),
        "n_shapes": np.array([c.n_shapes for c in conditions], dtype=np.int64),
        "n_kernels": np.array([int(c.rows.sum()) for c in conditions], dtype=np.int64),
        "coefficients": np.array([float(c.counts[c.rows].mean()) for c in conditions]),
        "r2": np.array([_r2(c) for c in conditions]),
    }


def _r2(condition: _Condition) -> float:
    """Return the median R^2 of the taps replaced; nan where there are none or all are constant."""
    if condition.bank is None:
        return float("nan")
    rows = condition.rows
    each = kernel_banks.r2(
        condition.filters[rows], condition.bank[rows], energy=condition.scope == "patch"
    )
    each = each[np.isfinite(each)]
    return float(np.median(each)) if len(each) else float("nan")
