"""Sections of a patch filter's page: its kind and fit, its numbers, its answers to an image."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer.cache import cached
from viz.explorer.on_images import heavy
from viz.explorer.sections import at_home, opened_images, png, show_figure, uploaded
from viz.explorer.text import percent, plain
from viz.explorer.words import FILTER_NUMBER_WORDS
from viz.explorer.working import work
from viz.views.feature_maps.draw_patches import draw_patches, patches_figure
from viz.views.feature_maps.measure import feature_maps
from viz.views.one_filter.draw import draw_filter, filter_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Given
    from viz.views.feature_maps.result import FeatureMaps
    from viz.views.one_filter.result import FilterFit


_IMAGES = 2


def _fit(result: FilterFit) -> Figure:
    figure = filter_figure(result)
    draw_filter(result, figure)
    return figure


def _answers(result: FeatureMaps) -> Figure:
    figure = patches_figure(result)
    draw_patches(result, figure)
    return figure


def say_kind(result: FilterFit) -> None:
    """Say what kind of filter it is, why, and how common that is."""
    st.markdown(f"Looks like: **{plain(result.filter_kind)}**")
    beats = "more" if result.r2_map > result.threshold else "no more"
    st.caption(
        plain(
            f"{percent(result.kind_share)} of the filters are of this kind. A Gabor explains "
            f"{percent(result.r2_map)} of the energy of its map, {beats} than what white noise "
            f"rarely exceeds ({percent(result.threshold)}); times its colour axis, "
            f"{percent(result.r2)} of the filter. Where it is no stripes, edge or bar, the stripes "
            "are a formula's, not the filter's."
        )
    )


def show_filter_fit(found: Opened, result: FilterFit) -> None:
    """Show the filter, its fit and the residual, and its numbers among those of all filters."""
    show_figure(
        cached(found, png, result, draw=_fit),
        alt=f"Filter, fit and residual; R² {result.r2:.2f}, of the map {result.r2_map:.2f}.",
        key="fit",
    )
    table = result.to_frame()
    table = table[table["number"].isin(list(FILTER_NUMBER_WORDS))]
    table["number"] = [FILTER_NUMBER_WORDS[name] for name in table["number"]]
    columns = st.column_config
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "value": columns.NumberColumn(format="%.3g"),
            "percentile": columns.ProgressColumn(
                "percentile", help="Share that is smaller; equal ones count half; none for angles.",
                min_value=0, max_value=100, format="%.0f %%",
            ),
            "median": columns.NumberColumn("median of all", format="%.3g"),
        },
    )  # fmt: skip
    at_home(
        found, result, {"Fit": partial(_fit, result)}, "the fit", f"fit-filter-{result.channel}",
        f"""
description = viz.patch_filters(checkpoint)
result = viz.views.one_filter.measure.filter_fit(description, channel={result.channel})
figure = viz.views.one_filter.draw.filter_figure(result)
viz.views.one_filter.draw.draw_filter(result, figure)
""",
    )  # fmt: skip


def _measured_answers(checkpoint: Checkpoint, given: Given, *, channel: int) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), channels=[channel], filters=[channel], shown=_IMAGES,
        by_depth=False, progress=given.progress,
    )  # fmt: skip


def show_answers(found: Opened, images: Images, channel: int) -> None:
    """Show what the filter answers at every pixel of the chosen images, and on the patch grid."""
    config, size = found.checkpoint.config, found.checkpoint.preprocessing.image_size
    try:
        made = work(
            found, _measured_answers, images=images, name="one filter's answers",
            what="Running the network", slow=heavy(config, size, _IMAGES), channel=channel,
        )  # fmt: skip
    except Refusal as error:
        st.error(plain(error))
        return
    if made is None:
        return
    kept = replace(found, private=found.private or images.private)
    show_figure(
        cached(kept, png, made.value, draw=_answers),
        alt=f"Answers of patch filter {channel} at every pixel, and on the patch grid.",
        key="answers",
    )
    at_home(
        found, made.value, {"Answers": partial(_answers, made.value)}, "the answers",
        f"answers-filter-{channel}",
        f"""
{opened_images(images)}
result = viz.views.feature_maps.measure.feature_maps(
    checkpoint, images, channels=[{channel}], filters=[{channel}], shown={_IMAGES}, by_depth=False,
)
figure = viz.views.feature_maps.draw_patches.patches_figure(result)
viz.views.feature_maps.draw_patches.draw_patches(result, figure)
""",
        uploaded(images),
    )  # fmt: skip
