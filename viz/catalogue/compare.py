"""Two networks side by side."""

from __future__ import annotations

from viz.catalogue.base import Comparison

__all__ = ["COMPARISONS"]

COMPARISONS: tuple[Comparison, ...] = ()
