"""How energy spreads over directions (Roy and Vetterli, EUSIPCO 2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

Floats = NDArray[np.float64]


def shares(energy: Floats) -> Floats:
    """Return energies over their sum, last axis; zeros where there is none."""
    total = energy.sum(-1, keepdims=True)
    found: Floats = energy / np.where(total > 0, total, 1)
    return found


def effective_rank(energy: Floats) -> Floats:
    """Return exp(-sum p ln p) of the shares p, last axis; 0 where there is no energy."""
    found: Floats = np.where(energy.sum(-1) > 0, np.exp(entr(shares(energy)).sum(-1)), 0.0)
    return found
