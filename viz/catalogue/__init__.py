"""One row per view: its title, how it is measured, how it is drawn, how it can mislead."""

from __future__ import annotations

from viz.catalogue import (
    attribution,
    clusters,
    depthwise,
    early_late,
    feature_maps,
    mixing,
    patch_filters,
    receptive_field,
    substitution,
    sweep,
)
from viz.catalogue.base import FigureRow, Given, View

__all__ = ["VIEWS", "FigureRow", "Given", "View", "view"]

VIEWS: tuple[View, ...] = (
    *patch_filters.VIEWS,
    *depthwise.VIEWS,
    *clusters.VIEWS,
    *early_late.VIEWS,
    *mixing.VIEWS,
    *substitution.VIEWS,
    *receptive_field.VIEWS,
    *feature_maps.VIEWS,
    *attribution.VIEWS,
    *sweep.VIEWS,
)
"""Every view, in the order of a report."""


def view(name: str) -> View:
    """Return a view by its name on the command line.

    Parameters
    ----------
    name : str
        Such as ``"depthwise"``.

    Returns
    -------
    View
        The row of the catalogue.

    Raises
    ------
    KeyError
        If there is no such view.
    """
    return {row.name: row for row in VIEWS}[name]
