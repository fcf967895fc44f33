"""Two sets of logits compared image by image; intervals over images; what chance gives."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.wide import wide
from viz.views.wording import FEW_IMAGES

Floats = NDArray[np.float64]


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


def chance(logits: Tensor) -> tuple[float, ...]:
    """Return the mean scores of one image against another, over all ordered pairs.

    Shapes: ``logits`` (n, n_classes).
    """
    n = len(logits)
    if n < 2:
        return (float("nan"),) * 3
    one, other = (~torch.eye(n, dtype=torch.bool)).nonzero().T
    values = wide(logits).cpu()
    return tuple(np.nanmean(compare(values[one], values[other]), axis=1).tolist())


def intervals(
    scores: NDArray[np.float32], group: NDArray[np.int64], *, n_boot: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Average scores over images, with 95 % percentile intervals of the bootstrap.

    The bootstrap draws photographs, each with all its crops; fewer than five have no interval.

    Shapes: ``scores`` (3, C, I); ``group`` (I,); returns mean, low, high (3, C).
    """
    member = (np.unique(group)[:, None] == group).astype(np.float64)
    finite = np.isfinite(scores)
    sums = np.where(finite, scores, 0) @ member.T
    counts = finite @ member.T

    def means(weights: Floats) -> Floats:
        total = counts @ weights
        found: Floats = sums @ weights / np.where(total > 0, total, np.nan)
        return found

    n = len(member)
    mean = means(np.ones((n, 1)))[..., 0]
    low, high = np.full((2, *mean.shape), np.nan)
    if n >= FEW_IMAGES:
        drawn = means(rng.multinomial(n, np.full(n, 1 / n), n_boot).T.astype(np.float64))
        known = np.isfinite(mean)
        low[known], high[known] = np.nanquantile(drawn[known], [0.025, 0.975], axis=-1)
    return mean, low, high
