"""Every patch-embedding filter as one mosaic, and beside it the one that is open."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.browse import browse
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.kernels import described_filters
from viz.explorer.take_home import file_stem, python, take_home
from viz.explorer.text import plain
from viz.explorer.words import FILTER_ORDER_WORDS, SCALE_WORDS, sorted_by
from viz.views.weights.draw import drawn_mosaic, patch_filter_mosaic
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
    told = st.empty()
    with st.container(horizontal=True):
        order = state.choice(
            "order", "patch_filters", "Order", list(FILTER_ORDER_WORDS), default="hue",
            describe=FILTER_ORDER_WORDS.__getitem__,
        )  # fmt: skip
        scale = state.choice(
            "scale", "patch_filters", "Colour scale", list(_MISLEADS), default="tile",
            describe=SCALE_WORDS.__getitem__,
        )  # fmt: skip
    result = cached(found, patch_filters, found.checkpoint, order=order)
    browse(
        found, result, patch_filter_mosaic, "patch_filters", scale=scale,
        alt=f"{config.dim} patch-embedding filters of {config.patch_size} × {config.patch_size} "
        f"pixels, ordered by {sorted_by(order)}.",
    )  # fmt: skip
    description = described_filters(found)
    if description is not None:
        first = description.finding.partition(". ")[0].rstrip(".")
        told.markdown(plain(f"{first}."))
    st.caption(_MISLEADS[scale] + (_COLOURS if config.in_channels == 3 else ""))
    stem = file_stem(found, "patch-filters")
    lines = f"""
result = viz.patch_filters(checkpoint)
figure = result.plot(order={order!r}, scale={scale!r})
"""
    take_home(
        stem, result,
        lambda: drawn_mosaic(patch_filter_mosaic(result, scale=scale)),  # type: ignore[arg-type]
        script=python(found, lines, stem),
    )  # fmt: skip
    with st.expander("The filters in numbers"):
        st.dataframe(result.to_frame(), hide_index=True)


_page(opened())
