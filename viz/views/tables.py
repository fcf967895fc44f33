"""Numbers that may be missing: their means, and tables of them as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


def mean_of_finite(values: NDArray[np.floating], axis: int = -1) -> NDArray[np.float64]:
    """Average over an axis what is finite; nan where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(axis)
    total = np.where(finite, values, 0).sum(axis, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as JSON holds them; what is undefined is None."""
    rows: list[dict[str, Any]]
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return rows
