"""One patch-embedding filter's own page."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.close_up import show_close_up, steps
from viz.explorer.words import FILTER_ORDER_WORDS
from viz.measure.close_up import filter_close_up
from viz.measure.weights import patch_filters


def _page(found: Opened) -> None:
    heading = st.empty()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        channel = state.number(
            "channel", "patch_filter", "Patch filter", found.checkpoint.config.dim
        )
        order = state.choice(
            "order",
            "patch_filter",
            "Order of the walk",
            list(FILTER_ORDER_WORDS),
            default="hue",
            describe=FILTER_ORDER_WORDS.__getitem__,
            help="In which order Previous and Next (or the arrow keys) go through the filters.",
        )
        heading.title(f"Patch filter {channel}", anchor=False)
        filters = cached(found, patch_filters, found.checkpoint, order=order)
        steps("patch_filter", channel, filters.channel, "filter")
    result = cached(found, filter_close_up, found.checkpoint, channel=channel)
    show_close_up(
        found,
        result,
        f"patch-filter-{channel}",
        f"measure.close_up.filter_close_up(checkpoint, channel={channel})",
    )


_page(opened())
