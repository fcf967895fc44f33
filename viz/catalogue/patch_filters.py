"""Patch-embedding filters described: kinds, orientations, colours, components, fits."""

from __future__ import annotations

from typing import Any

from viz.catalogue.base import FigureRow, View
from viz.catalogue.described import patch_description
from viz.catalogue.figures import both, drawn

__all__ = ["VIEWS"]


def _sentence(result: Any) -> str:
    numbers = result.summary()
    shares = {kind: f"{100 * share:.0f} %" for kind, share in numbers["shares"].items()}
    medians, null = numbers["medians"], numbers["null"]
    noise = 100 * null["share_above_threshold"]
    fit = medians["r2_map"]
    if null["r2_map_threshold"] >= numbers["settings"]["null_ceiling"]:
        return (
            f"Patches of {numbers['patch_size']} x {numbers['patch_size']} pixels are too small "
            f"for names: a Gabor explains {100 * null['r2_map_median']:.0f} % of the median "
            f"spatial map of white noise, so all {numbers['n']} filters are called noise here. "
            "Colours and components can still be read."
        )
    smooth = null["smooth_r2_map_median"]
    random = f"{100 * null['r2_map_median']:.0f} % of white noise"
    if smooth is not None:
        random += f" and {100 * smooth:.0f} % of random filters as smooth as these"
    return (
        f"Of {numbers['n']} filters {shares['grey-gabor']} are grey Gabors, "
        f"{shares['colour-gabor']} coloured Gabors, {shares['grey-blob']} grey blobs, "
        f"{shares['colour-blob']} coloured blobs; {shares['noise']} are fitted no better than "
        f"white noise (of which {noise:.1f} % would be named). The median fit explains "
        + (f"{100 * fit:.0f} %" if fit is not None else "nothing")
        + f" of a filter's spatial map, {random}."
    )


VIEWS: tuple[View, ...] = (
    View(
        "patch-filters",
        "Patch-embedding filters",
        patch_description,
        "viz.results.patch_filters:PatchFilterDescription",
        (
            FigureRow(
                "patch-filters",
                "Every patch-embedding filter, in normalised-input space, ordered and bordered by "
                "its kind. Thresholds and colour scale stand below.",
                *both("patch_filter_kinds", "kinds"),
            ),
            # It fits one column as it is.
            FigureRow(
                "patch-filters-orientation",
                "Orientation of the Gabors' stripes and the frequency they respond to most.",
                drawn("patch_filter_views", "orientation_frequency"),
            ),
            FigureRow(
                "patch-filters-components",
                "Principal components of the bank, with their shares of the variance.",
                *both("patch_filter_views", "components"),
            ),
            FigureRow(
                "patch-filters-fits",
                "Filter, Gabor fit and residual of the best, the median and the worst fits.",
                *both("patch_filter_views", "fits"),
            ),
        ),
        "Each filter has its own colour scale, so a filter that is nearly zero looks as strong as "
        "the rest. Red may mean that a filter likes red or that it dislikes cyan: both are one. A "
        "kind is a set of thresholds; a grey filter may hold up to half of its energy in colour.",
        summary=lambda result: result.summary(),
        sentence=_sentence,
    ),
)
