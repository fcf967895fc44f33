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
from viz.views.described import check_described
from viz.views.patch_filters.result import STRUCTURES
from viz.views.substitution import banks as kernel_banks
from viz.views.substitution import scores as substitution_scores
from viz.views.substitution.crops import photograph_crops
from viz.views.substitution.result import AS_DESCRIBED, Substitution

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription

Filters = NDArray[np.float32]
Counts = NDArray[np.int64]
_FEATURES = 16 << 20
"""Numbers in a batch's largest feature map, at most, where the batch size is chosen here."""
_GABOR = 8
"""Numbers of a Gabor fit besides its colour axis."""
_CHANCE = 256
"""Images whose pairs say what chance gives, at most."""


@dataclass(frozen=True)
class _Condition:
    scope: str
    method: str
    rows: NDArray[np.bool_]
    bank: Filters | None
    counts: Counts
    block: int = -1
    name: str = ""
    n_shapes: int = AS_DESCRIBED


def measure(
    checkpoint: Checkpoint, images: ImageSet | None = None, *,
    description: DepthwiseDescription | None = None, patches: PatchFilterDescription | None = None,
    scopes: Sequence[str] = ("all", "block", "patch"), n_crops: int = 64, n_boot: int = 1000,
    batch_size: int | None = None, seed: int = 0, progress: Progress | None = None,
) -> Substitution:  # fmt: skip
    """Replace kernels by their descriptions and by controls, and compare the network's answers.

    Batch norms keep the statistics of training. A replaced kernel changes mean and variance of
    what its batch norm receives, and that counts as a difference too: a fit that keeps the shape
    of a kernel but not its size scores lower than its shape alone would. Formulas and what the
    picture can tell: ``viz/views/substitution/method.md``.
    """
    if checkpoint.config.n_classes < 2:
        raise Refusal(
            f"{checkpoint.source.name}: a network with {checkpoint.config.n_classes} output found, "
            "at least two classes expected: with one there is no prediction to compare."
        )
    if not all(each.isfinite().all() for each in checkpoint.model.parameters()):
        raise Refusal(f"{checkpoint.source.name}: some weights are not finite numbers.")
    conditions: list[_Condition] = []
    rng = np.random.default_rng([seed, 1])
    if description is not None:
        check_described(checkpoint, description)
        conditions += _depthwise(description, scopes, rng)
    if patches is not None:
        filters = checkpoint.model.patch_filters.detach().float().cpu().numpy()
        if not np.array_equal(patches.filters, filters, equal_nan=True):
            raise Refusal(
                f"the description is of other patch filters than those of {checkpoint.source.name}."
            )
        conditions += _patch(patches, rng)
    group, note = None, ""
    if images is None:
        images, group = photograph_crops(
            checkpoint.preprocessing, checkpoint.config.in_channels, n=n_crops, seed=seed
        )
        note = f"{n_crops} crops of each of scikit-learn's two photographs"
    scores, chance = _run(checkpoint, images, conditions, batch_size, progress)
    n = scores.shape[2]
    group = np.arange(n) if group is None else group
    mean, low, high = substitution_scores.intervals(
        scores, group, n_boot=n_boot, rng=np.random.default_rng([seed, 2])
    )
    return Substitution(
        source=replace(
            checkpoint.source,
            settings={"seed": seed, "n_boot": n_boot, "scopes": tuple(scopes),
                      "image_size": images.preprocessing.image_size,
                      "batch_norm": "statistics as trained"},
            images=images.sha256,
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        scope=np.array([c.scope for c in conditions]),
        block=np.array([c.block for c in conditions], dtype=np.int64),
        name=np.array([c.name for c in conditions], dtype=np.str_),
        method=np.array([c.method for c in conditions]),
        n_shapes=np.array([c.n_shapes for c in conditions], dtype=np.int64),
        n_kernels=np.array([int(c.rows.sum()) for c in conditions], dtype=np.int64),
        coefficients=np.array([float(c.counts[c.rows].mean()) for c in conditions]),
        scores=scores,
        group=group,
        mean=mean,
        low=low,
        high=high,
        chance=chance,
        n_taps=description.kernels.shape[-1] ** 2 if description is not None else 0,
        n_patch_taps=int(patches.filters[0].size) if patches is not None else 0,
        images_note=note or f"{n} {'image' if n == 1 else 'images'}, one centre crop of each",
    )  # fmt: skip


def _banks(fitted: NDArray[Any], filters: Filters, counts: Counts, group: Counts) -> dict[str, Any]:
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
    kept, none = description.coefficients, np.zeros_like(description.coefficients)
    named: dict[str, tuple[Filters | None, Counts, int]] = {
        method: (bank, kept, AS_DESCRIBED)
        for method, bank in _banks(description.fitted[:, None], taps, kept, block).items()
    }
    named["random"] = kernel_banks.random_like(taps, rng), none + 2, 0
    named["without"] = None, none, 0
    if "all" in scopes:
        flat = kernel_banks.constant(taps)
        yield _Condition("all", "constant", every, flat, none + 1, n_shapes=0)
        for a in range(description.max_shapes):
            counts = description.coefficients_by_shapes[:, a]
            banks = _banks(description.fitted_by_shapes[a][:, None], taps, counts, block)
            for method, bank in banks.items():
                yield _Condition("all", method, every, bank, counts, n_shapes=a + 1)
    wholes = [("all", -1, every)] * ("all" in scopes)
    blocks = [("block", int(b), block == b) for b in np.unique(block) if "block" in scopes]
    for scope, b, rows in (*wholes, *blocks):
        for method, (bank, counts, shapes) in named.items():
            yield _Condition(scope, method, rows, bank, counts, block=b, n_shapes=shapes)


def _patch(patches: PatchFilterDescription, rng: np.random.Generator) -> Iterator[_Condition]:
    """Yield the conditions on patch filters: all, and each kind."""
    filters = np.nan_to_num(patches.filters)
    n, c = filters.shape[:2]
    none = np.zeros(n, np.int64)
    counts = none + _GABOR + c - 1
    named: dict[str, tuple[Filters | None, Counts, int]] = {
        method: (bank, counts, AS_DESCRIBED)
        for method, bank in _banks(patches.fitted, filters, counts, none).items()
    }
    named["constant"] = kernel_banks.constant(filters), none + c, 0
    named["random"] = kernel_banks.random_like(filters, rng), none + c + 1, 0
    named["without"] = None, none, 0
    for kind in ("", *STRUCTURES):
        rows = (patches.structure == kind) | (kind == "")
        for method, (bank, held, shapes) in named.items():
            if rows.any() and (method != "constant" or not kind):
                yield _Condition("patch", method, rows, bank, held, name=kind, n_shapes=shapes)


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


def _run(
    checkpoint: Checkpoint,
    images: ImageSet,
    conditions: Sequence[_Condition],
    batch_size: int | None,
    progress: Progress | None,
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Score every condition on every image, (3, C, I), a batch at a time; return chance, too."""
    config, twin = checkpoint.config, shared_copy(checkpoint.model)
    like = twin.patch_filters
    if batch_size is None:
        side = images.preprocessing.image_size // config.patch_size
        batch_size = int(np.clip(_FEATURES // (config.dim * max(side, 1) ** 2), 1, 64))
    replacements = {i: _replacement(c, checkpoint) for i, c in enumerate(conditions)}
    parts: list[NDArray[np.float32]] = []
    first: list[Tensor] = []
    done, steps = 0, len(conditions) + 1
    with torch.no_grad():
        for batch in images.batches(batch_size):
            scores = np.empty((3, len(conditions), len(batch.names)), np.float32)
            before = like
            for number, logits in logits_of_all(twin, batch.inputs.to(like), replacements):
                _check_finite(logits, batch.names, checkpoint.source.name)
                if number < 0:
                    before = logits
                    if sum(map(len, first)) < _CHANCE:
                        first.append(logits)
                else:
                    scores[:, number] = substitution_scores.compare(before, logits)
                done += 1
                if progress is not None:
                    total = -(-len(images) // batch_size) * steps
                    progress(done, max(total, done))
            parts.append(scores)
    return np.concatenate(parts, axis=2), substitution_scores.chance(torch.cat(first)[:_CHANCE])


def _check_finite(logits: Tensor, names: tuple[str, ...], name: str) -> None:
    bad = ~torch.isfinite(logits).all(1)
    if bool(bad.any()):
        where = names[int(bad.int().argmax())]
        raise Refusal(
            f"{name}: its output on {where} is not finite; answers that are no numbers cannot be "
            "compared, use another checkpoint."
        )
