"""The one list of views, in the order of a report; each is a folder beside this file."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from viz.views.attribution.card import VIEW as ATTRIBUTION
from viz.views.base import Comparison, FigureRow, Given, Option, Shown, View
from viz.views.clusters.card import VIEW as CLUSTERS
from viz.views.compare.card import VIEW as COMPARE
from viz.views.compare_kernels.card import VIEW as COMPARE_KERNELS
from viz.views.compare_patch_filters.card import VIEW as COMPARE_PATCH_FILTERS
from viz.views.decision_by_depth.card import VIEW as DECISION_BY_DEPTH
from viz.views.early_late.card import VIEW as EARLY_LATE
from viz.views.evidence.card import VIEW as EVIDENCE
from viz.views.feature_maps.card import VIEW as FEATURE_MAPS
from viz.views.kernels.card import VIEW as KERNELS
from viz.views.mixing.card import VIEW as MIXING
from viz.views.patch_filters.card import VIEW as PATCH_FILTERS
from viz.views.preferred_inputs.card import VIEW as PREFERRED_INPUTS
from viz.views.receptive_field.card import VIEW as RECEPTIVE_FIELD
from viz.views.selectivity.card import VIEW as SELECTIVITY
from viz.views.substitution.card import VIEW as SUBSTITUTION
from viz.views.top_patches.card import VIEW as TOP_PATCHES

if TYPE_CHECKING:
    from viz.core.result import Result

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
    "card_of",
    "comparison",
    "view",
]

VIEWS: tuple[View, ...] = (
    PATCH_FILTERS,
    KERNELS,
    CLUSTERS,
    EARLY_LATE,
    MIXING,
    SUBSTITUTION,
    EVIDENCE,
    DECISION_BY_DEPTH,
    RECEPTIVE_FIELD,
    FEATURE_MAPS,
    ATTRIBUTION,
    TOP_PATCHES,
    PREFERRED_INPUTS,
    SELECTIVITY,
)
"""Every view of one network."""
COMPARISONS: tuple[Comparison, ...] = (COMPARE, COMPARE_PATCH_FILTERS, COMPARE_KERNELS)
"""Every comparison of two networks."""
OF_SWEEPS = (TOP_PATCHES, PREFERRED_INPUTS, SELECTIVITY)
"""Views that a sweep over a folder of images serves."""


def view(name: str) -> View:
    """Return a view by its name on the command line."""
    return {row.name: row for row in VIEWS}[name]


def comparison(name: str) -> Comparison:
    """Return a comparison by its name on the command line."""
    return {row.name: row for row in COMPARISONS}[name]


def card_of(result: Result) -> Shown | None:
    """Return the card of the view that made a result."""
    kind = f"{type(result).__module__}:{type(result).__name__}"
    return next((row for row in (*VIEWS, *COMPARISONS) if row.result == kind), None)


def class_of_kind(kind: str) -> type[Result]:
    """Return the class of the results that files call so."""
    from viz.core.result import Result

    views = (path.parent.name for path in Path(__file__).parent.glob("[a-z]*/result.py"))
    homes = map(import_module, ["viz.sweep.result", *(f"viz.views.{v}.result" for v in views)])
    known = {c for home in homes for c in vars(home).values()
             if isinstance(c, type) and issubclass(c, Result) and c is not Result}  # fmt: skip
    return {each.kind: each for each in known}[kind]
