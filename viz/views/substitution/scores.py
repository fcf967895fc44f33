"""Two sets of logits compared image by image; intervals over images; what chance gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.wide import wide
from viz.views.wording import FEW_IMAGES

Floats = NDArray[np.float64]
_KEPT = 256
_CHUNK = 4_000_000


def _unit(logits: Tensor) -> Tensor:
    """Centre rows and scale them to unit norm; nan where all entries are equal."""
    centred = logits - logits.mean(1, keepdim=True)
    norm = centred.norm(dim=1, keepdim=True)
    floor = 1e-12 * (1 + logits.abs().amax(1, keepdim=True))
    return centred / torch.where(norm > floor, norm, torch.nan)


def compare(before: Tensor, after: Tensor) -> NDArray[np.float32]:
    """Score each row of one set of logits against another.

    Shapes: ``before, after`` (n, n_classes); returns (3, n).
    """
    old, new = wide(before), wide(after)
    same = (old.argmax(1) == new.argmax(1)).double()
    log_old, log_new = old.log_softmax(1), new.log_softmax(1)
    kl = (log_old.exp() * (log_old - log_new)).sum(1).clamp_min(0)
    correlation = (_unit(old) * _unit(new)).sum(1).clamp(-1, 1)
    made: NDArray[np.float32] = torch.stack([same, kl, correlation]).float().cpu().numpy()
    return made


class Kept:
    """Logits of the unchanged network: the first 256 images, and all predicted classes."""

    def __init__(self) -> None:
        self.logits: list[Tensor] = []
        self.counts: NDArray[np.int64] | None = None
        self.n = 0

    def add(self, logits: Tensor) -> None:
        """Take in one batch.

        Shapes: ``logits`` (n, n_classes).
        """
        room = max(_KEPT - self.n, 0)
        if room:
            self.logits.append(wide(logits[:room]).cpu())
        found = np.bincount(logits.argmax(1).cpu().numpy(), minlength=logits.shape[1])
        self.counts = found if self.counts is None else self.counts + found
        self.n += len(logits)

    def chance(self) -> tuple[tuple[float, ...], float]:
        """Return the mean scores of one image against another, and the commonest class's share."""
        logits = torch.cat(self.logits)
        assert self.counts is not None
        share = float(self.counts.max() / self.counts.sum())
        n = len(logits)
        if n < 2:
            return (float("nan"),) * 3, share
        apart = ~torch.eye(n, dtype=torch.bool)
        top, log = logits.argmax(1), logits.log_softmax(1)
        same = (top[:, None] == top[None]).double()
        p = log.exp()
        kl = (p * log).sum(1)[:, None] - p @ log.T
        unit = _unit(logits)
        correlation = unit @ unit.T
        scores = tuple(float(m[apart].nanmean()) for m in (same, kl.clamp_min(0), correlation))
        return scores, share


def _means(sums: Floats, counts: Floats, weights: Floats) -> Floats:
    """Return weighted means of each draw, (draws, m), nan where nothing was drawn."""
    total = weights @ counts
    return (weights @ sums) / np.where(total > 0, total, np.nan)


def _by_group(values: Floats, group: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return sums and numbers of finite values by group, (groups, m), of values (m, images)."""
    names, at = np.unique(group, return_inverse=True)
    finite = np.isfinite(values)
    sums = np.zeros((len(names), len(values)))
    counts = np.zeros_like(sums)
    np.add.at(sums, at, np.where(finite, values, 0).T)
    np.add.at(counts, at, finite.T.astype(np.float64))
    return sums, counts


def intervals(
    scores: NDArray[np.float32],
    group: NDArray[np.int64],
    *,
    fit_of: NDArray[np.int64],
    n_boot: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Average scores over images, with 95 % percentile intervals of the bootstrap.

    The bootstrap draws photographs, each with all its crops; fewer than five have no interval.

    Shapes: ``scores`` (3, C, I); ``group`` (I,); ``fit_of`` (C,).
    """
    n_scores, n_conditions, n = scores.shape
    values = scores.astype(np.float64)
    gap = values[:, fit_of] - values
    gap[:, fit_of < 0] = np.nan
    flat = np.concatenate([values, gap]).reshape(-1, n)
    sums, counts = _by_group(flat, group)
    groups = len(sums)
    mean = _means(sums, counts, np.ones((1, groups)))[0]
    step = max(1, _CHUNK // max(groups, flat.shape[0]))
    parts = []
    for start in range(0, n_boot if groups >= FEW_IMAGES else 0, step):
        draws = min(step, n_boot - start)
        weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws)
        parts.append(_means(sums, counts, weights.astype(np.float64)))
    low, high = np.full((2, len(flat)), np.nan)
    known = np.isfinite(mean)
    if parts and known.any():
        low[known], high[known] = np.nanquantile(
            np.concatenate(parts)[:, known], [0.025, 0.975], axis=0
        )
    shape = (2, n_scores, n_conditions)
    mean, low, high = mean.reshape(shape), low.reshape(shape), high.reshape(shape)
    return {
        "mean": mean[0], "low": low[0], "high": high[0],
        "versus_fit": mean[1], "versus_fit_low": low[1], "versus_fit_high": high[1],
        "resampled": "images" if groups >= FEW_IMAGES else "nothing",
    }  # fmt: skip
