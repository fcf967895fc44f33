"""Sections of a filter's page: its fit, and what it answers on photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.explorer.one_kernel import show_ranks
from viz.explorer.sections import Drawing, opened_images, show_part
from viz.explorer.take_home import call
from viz.explorer.words import FILTER_NUMBER_WORDS
from viz.explorer.working import heavy, work
from viz.views.feature_maps.draw_patches import draw_patches, patches_figure
from viz.views.feature_maps.measure import feature_maps
from viz.views.one_filter.draw import draw_filter, filter_figure
from viz.views.one_filter.measure import filter_fit

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Given
    from viz.views.feature_maps.result import FeatureMaps
    from viz.views.patch_filters.result import PatchFilterDescription


_IMAGES = 2


def show_filter_fit(found: Opened, description: PatchFilterDescription, channel: int) -> None:
    """Show the filter, its fit and the residual, and its numbers among those of all filters."""
    result = filter_fit(description, channel=channel)
    show_part(
        found, result, f"fit-filter-{channel}",
        "description = viz.patch_filters(checkpoint)\n"
        f"result = {call(filter_fit, 'description', channel=channel)}",
        draw=Drawing(filter_figure, draw_filter),
        alt=f"Filter, fit and residual; R² {result.r2:.2f}, of the map {result.r2_map:.2f}.",
    )  # fmt: skip
    table = result.to_frame()
    table = table[table["number"].isin(list(FILTER_NUMBER_WORDS))]
    table["number"] = [FILTER_NUMBER_WORDS[name] for name in table["number"]]
    show_ranks(table)


def _answers(checkpoint: Checkpoint, given: Given, *, channel: int) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), channels=[channel], filters=[channel], shown=_IMAGES,
        by_depth=False, progress=given.progress,
    )  # fmt: skip


def show_answers(found: Opened, images: Images, channel: int) -> None:
    """Show what the filter answers at every pixel of the chosen images, and on the patch grid."""
    made = work(
        found, _answers, images=images, name="one filter's answers", what="Running the network",
        slow=heavy(found.checkpoint, _IMAGES), channel=channel,
    )  # fmt: skip
    if made is None:
        return
    settings = {"channels": [channel], "filters": [channel], "shown": _IMAGES, "by_depth": False}
    show_part(
        found, made.value, f"answers-filter-{channel}",
        f"{opened_images(images)}\n"
        f"result = {call(feature_maps, 'checkpoint', 'images', **settings)}",
        draw=Drawing(patches_figure, draw_patches), images=images, made_from=made.key,
        alt=f"Answers of patch filter {channel} at every pixel, and on the patch grid.",
    )  # fmt: skip
