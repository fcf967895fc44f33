"""One row per view: its title, how it is measured, how it is drawn, how it can mislead."""

from __future__ import annotations

from viz.catalogue import (
    attribution,
    clusters,
    compare,
    depthwise,
    early_late,
    feature_maps,
    mixing,
    patch_filters,
    receptive_field,
    substitution,
    sweep,
)
from viz.catalogue.base import Comparison, FigureRow, Given, Shown, View
from viz.views.decision_by_depth import card as decision_by_depth
from viz.views.evidence import card as evidence

__all__ = [
    "COMPARISONS",
    "VIEWS",
    "Comparison",
    "FigureRow",
    "Given",
    "Shown",
    "View",
    "comparison",
    "view",
]

VIEWS: tuple[View, ...] = (
    *patch_filters.VIEWS,
    *depthwise.VIEWS,
    *clusters.VIEWS,
    *early_late.VIEWS,
    *mixing.VIEWS,
    *substitution.VIEWS,
    *receptive_field.VIEWS,
    *feature_maps.VIEWS,
    *evidence.VIEWS,
    *decision_by_depth.VIEWS,
    *attribution.VIEWS,
    *sweep.VIEWS,
)
"""Every view, in the order of a report."""
COMPARISONS: tuple[Comparison, ...] = compare.COMPARISONS
"""Every comparison of two networks, in the order of a report."""


def view(name: str) -> View:
    """Return a view by its name on the command line."""
    return {row.name: row for row in VIEWS}[name]


def comparison(name: str) -> Comparison:
    """Return a comparison by its name on the command line."""
    return {row.name: row for row in COMPARISONS}[name]
