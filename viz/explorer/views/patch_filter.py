"""One patch-embedding filter's own page: all there is to know about it."""

from __future__ import annotations

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.close_up import show_close_up, show_response, steps
from viz.explorer.images import images_chosen
from viz.explorer.kernels import described_filters
from viz.explorer.methods import show_method
from viz.explorer.on_images import show_removal, show_top_patches
from viz.explorer.one_filter import say_kind, show_answers, show_filter_fit
from viz.explorer.sections import folded
from viz.explorer.text import plain
from viz.explorer.words import FILTER_ORDER_WORDS
from viz.views.close_up.measure import filter_close_up
from viz.views.one_filter.measure import filter_fit
from viz.views.weights.measure import patch_filters


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
    told = st.container()
    result = cached(found, filter_close_up, found.checkpoint, channel=channel)
    show_close_up(found, result)
    images = images_chosen(told=False)
    try:
        description = described_filters(found)
    except Refusal as error:
        st.error(plain(error))
        description = None
    if description is not None:
        own = filter_fit(description, channel=channel)
        with told:
            say_kind(own)
        with folded("As a colour times a Gabor", "filter fit") as wanted:
            if wanted:
                show_filter_fit(found, own)
    with folded("What it answers on a photograph", "filter answers") as wanted:
        if wanted:
            show_answers(found, images, channel)
    show_top_patches(found, None, channel)
    if description is not None:
        with folded("What is answered without it", "filter effect") as wanted:
            if wanted:
                show_removal(found, images, None, channel)
    show_response(
        found,
        result,
        f"patch-filter-{channel}",
        f"viz.views.close_up.measure.filter_close_up(checkpoint, channel={channel})",
    )
    st.page_link(
        st.session_state["viz pages"]["kernel"],
        label=f"The kernel of block 0 that looks at this filter's answers: {channel}",
        query_params={"checkpoint": found.key, "block": "0", "channel": str(channel)},
    )
    show_method("one-kernel")


_page(opened())
