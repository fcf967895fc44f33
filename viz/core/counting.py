"""Counting: steps of long work, and rows within their groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all); it may raise to stop the work."""


class Steps:
    """Counts steps of long work, and tells how far it is after every one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self) -> None:
        """Count one step."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def rank_within(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each row's number among the rows of its group.

    Shapes: ``group`` (n,); returns (n,).
    """
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    rank = np.empty_like(group)
    rank[order] = np.arange(len(group)) - np.searchsorted(ordered, ordered)
    return rank
