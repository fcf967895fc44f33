"""Every patch-embedding filter as one mosaic."""

from __future__ import annotations

import streamlit as st
from matplotlib.figure import Figure

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.mosaic import show_mosaic
from viz.explorer.take_home import command, file_stem, python, take_home
from viz.explorer.words import FILTER_ORDER_WORDS, SCALE_WORDS, sorted_by
from viz.views.weights.draw import draw_mosaic, mosaic_figure, patch_filter_mosaic
from viz.views.weights.measure import patch_filters

_MISLEADS = {
    "tile": "Each filter has its own colour scale: one that is nearly zero looks as strong as the "
    "rest.",
    "figure": "One scale serves all filters: weak ones look empty, though the batch norm behind "
    "them may make up for their size.",
}
_COLOURS = (
    " Colours are those of the normalised input: a filter that likes red is drawn red, and so is "
    "one that dislikes cyan."
)


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    st.title(state.title(), anchor=False)
    with st.container(horizontal=True):
        order = state.choice(
            "order",
            "patch_filters",
            "Order",
            list(FILTER_ORDER_WORDS),
            default="hue",
            describe=FILTER_ORDER_WORDS.__getitem__,
        )
        scale = state.choice(
            "scale",
            "patch_filters",
            "Colour scale",
            list(_MISLEADS),
            default="tile",
            describe=SCALE_WORDS.__getitem__,
        )
    colour = config.in_channels == 3
    st.caption(_MISLEADS[scale] + (_COLOURS if colour else ""))
    result = cached(found, patch_filters, found.checkpoint, order=order)
    mosaic, picked = show_mosaic(
        found,
        result,
        patch_filter_mosaic,
        key="viz patch filters",
        alt=f"{config.dim} patch-embedding filters of {config.patch_size} × {config.patch_size} "
        f"pixels, ordered by {sorted_by(order)}.",
        scale=scale,
    )
    if picked is not None:
        state.go("patch_filter", channel=result.channel[picked], order=order)

    def figure() -> Figure:
        made = mosaic_figure(mosaic)
        draw_mosaic(mosaic, made)
        return made

    stem = file_stem(found, "patch-filters")
    take_home(
        stem,
        result,
        {"Figure": figure},
        shell=command(found, "patch-filters", stem, order=order, scale=scale),
        script=python(
            found,
            f"""
result = viz.patch_filters(checkpoint)
figure = result.plot(order={order!r}, scale={scale!r})
""",
            stem,
        ),
    )
    with st.expander("The filters in numbers"):
        st.dataframe(result.to_frame(), hide_index=True)


_page(opened())
