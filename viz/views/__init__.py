"""The one list of views, in the order of a report; each is a folder beside this file."""

from __future__ import annotations

from viz.views.attribution.card import VIEW as attribution
from viz.views.base import Comparison, FigureRow, Given, Option, Shown, View
from viz.views.clusters.card import VIEW as clusters
from viz.views.compare.card import VIEW as compare
from viz.views.compare_kernels.card import VIEW as compare_kernels
from viz.views.compare_patch_filters.card import VIEW as compare_patch_filters
from viz.views.early_late.card import VIEW as early_late
from viz.views.feature_maps.card import VIEW as feature_maps
from viz.views.kernels.card import VIEW as kernels
from viz.views.mixing.card import VIEW as mixing
from viz.views.patch_filters.card import VIEW as patch_filters
from viz.views.preferred_inputs.card import VIEW as preferred_inputs
from viz.views.receptive_field.card import VIEW as receptive_field
from viz.views.selectivity.card import VIEW as selectivity
from viz.views.substitution.card import VIEW as substitution
from viz.views.top_patches.card import VIEW as top_patches

__all__ = [
    "COMPARISONS",
    "OF_SWEEPS",
    "VIEWS",
    "Comparison",
    "FigureRow",
    "Given",
    "Option",
    "Shown",
    "View",
    "comparison",
    "view",
]

VIEWS: tuple[View, ...] = (
    patch_filters,
    kernels,
    clusters,
    early_late,
    mixing,
    substitution,
    receptive_field,
    feature_maps,
    attribution,
    top_patches,
    preferred_inputs,
    selectivity,
)
"""Every view of one network."""
COMPARISONS: tuple[Comparison, ...] = (compare, compare_patch_filters, compare_kernels)
"""Every comparison of two networks."""
OF_SWEEPS = (top_patches, preferred_inputs, selectivity)
"""Views that a sweep over a folder of images serves."""


def view(name: str) -> View:
    """Return a view by its name on the command line."""
    return {row.name: row for row in VIEWS}[name]


def comparison(name: str) -> Comparison:
    """Return a comparison by its name on the command line."""
    return {row.name: row for row in COMPARISONS}[name]
