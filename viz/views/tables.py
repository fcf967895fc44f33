"""Means of numbers that may be missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_of_finite(values: NDArray[np.floating], axis: int = -1) -> NDArray[np.float64]:
    """Average over an axis what is finite; nan where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(axis)
    total = np.where(finite, values, 0).sum(axis, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
