"""What has been said about ConvMixers' kernels, as how much of each kernel one picture explains."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from viz.views.kernels.chance import random_init
from viz.views.kernels.matching import Match, match, unit_rows
from viz.views.kernels.pictures import KINDS, bank
from viz.views.kernels.result import STATEMENT_R2, STATEMENTS, DepthwiseDescription

Floats = NDArray[np.float64]
THRESHOLDS: Final = (0.3, 0.4, STATEMENT_R2, 0.6, 0.7)
"""Shares of a kernel's energy from which a statement is tried as true of it."""


def explained(found: Match, rows: Floats, k: int) -> dict[str, Any]:
    """Return how much of each kernel the best picture of a stated kind explains, each (n,).

    Shapes: ``rows`` (n, k^2).

    A squared cosine is the share of the energy, mean included, that the picture times its best
    factor explains. Another kind may explain more: what a kernel is called, its name says.
    """
    square = found.likeness**2

    def best(*kinds: str) -> Floats:
        answer: Floats = square[:, [KINDS.index(kind) for kind in kinds]].max(1)
        return answer

    line = np.abs(np.arange(k) - (k - 1) / 2)
    middle = np.maximum(line[:, None], line).ravel() <= 0.5
    centre, tap = KINDS.index("centre"), KINDS.index("identity")
    bump = bank(k).pictures.numpy()[found.picture[:, centre]] * found.sign[:, centre, None] > 0
    positive = np.zeros(len(rows))
    for kind, inside in ((centre, bump & (found.sign[:, centre, None] > 0)), (tap, middle)):
        there = ((rows * inside).sum(1) > 0) & ((rows * ~inside).sum(1) < 0)
        positive = np.maximum(positive, np.where(there, square[:, kind], 0))
    return {
        "halves_r2": best("half", "pair"),
        "centre_r2": positive,
        "ring_r2": best("ring"),
    }


def energies(description: DepthwiseDescription) -> Floats:
    """Return what each statement's picture explains of each kernel, (n, 4), as in `STATEMENTS`."""
    return np.stack([getattr(description, name) for name in STATEMENTS], 1)


def fresh_energies(count: int, k: int, seed: int) -> Floats:
    """Return the same of randomly initialised kernels, (count, 4)."""
    rows = unit_rows(random_init(count, k, seed).reshape(count, -1).astype(np.float64))
    told = explained(match(rows, bank(k)), rows, k)
    told["late_r2"] = np.maximum(told["halves_r2"], told["ring_r2"])
    return np.stack([told[name] for name in STATEMENTS], 1)


def stated(energy: Floats) -> NDArray[np.bool_]:
    """Return whether each statement is true of each kernel at each threshold, (t, n, 4)."""
    true: NDArray[np.bool_] = energy[None] >= np.array(THRESHOLDS)[:, None, None]
    return true


def above_chance(group: NDArray[np.bool_], fresh: NDArray[np.bool_]) -> Floats:
    """Return Fisher's exact p that a statement is true of more of a group than of fresh kernels.

    Shapes: ``group, fresh`` (t, n, 4); returns (t, 4).
    """
    n, m = group.shape[1], fresh.shape[1]
    true, false_alarms = group.sum(1), fresh.sum(1)
    p: Floats = hypergeom.sf(true - 1, n + m, true + false_alarms, n)
    return p
