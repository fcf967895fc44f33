"""One depthwise kernel's or one patch filter's own page: all there is to know about it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.close_up import close_up, say_what, show_numbers, show_response, show_tile, steps
from viz.explorer.images import images_chosen
from viz.explorer.kernels import at_hand, bank, choose_kernels, described, needs_names
from viz.explorer.methods import method_text
from viz.explorer.on_images import link_top_patches, show_maps, show_removal
from viz.explorer.one_filter import show_answers, show_filter_fit
from viz.explorer.one_kernel import show_partners, show_shapes
from viz.explorer.sections import folded, piece
from viz.explorer.words import FILTER_ORDER_WORDS
from viz.views.kernels.result import DepthwiseDescription
from viz.views.patch_filters.result import PatchFilterDescription
from viz.views.weights.measure import patch_filters

_WALK = "Order of the walk"
_WALK_HELP = "In which order Previous and Next (or the arrow keys) go through the {}."


def _chosen(found: Opened) -> tuple[int | None, int, np.ndarray]:
    """Show the choice; return block and channel, and the channels of the walk in their order."""
    config, page = found.checkpoint.config, state.page()
    if page == "patch_filter":
        channel = state.number("channel", page, "Patch filter", config.dim)
        order = state.choice(
            "order", page, _WALK, list(FILTER_ORDER_WORDS), default="hue",
            describe=FILTER_ORDER_WORDS.__getitem__, help=_WALK_HELP.format("filters"),
        )  # fmt: skip
        return None, channel, cached(found, patch_filters, found.checkpoint, order=order).channel
    block = state.number("block", page, "Block", config.depth)
    channel = state.number("channel", page, "Kernel", config.dim)
    order, name = choose_kernels(page, _WALK, _WALK_HELP.format("block"))
    description = described(found) if needs_names(order, name) else at_hand(found)
    kernels = bank(found, description, blocks=[block], per_block=None, order=order, name=name)
    return block, channel, kernels.channel


@piece
def _page(found: Opened) -> None:
    page, heading = state.page(), st.empty()
    what = "filter" if page == "patch_filter" else "kernel"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        block, channel, walk = _chosen(found)
        place = int(np.flatnonzero(walk == channel)[0]) if channel in walk else -1
        steps(page, place, len(walk), what,
              lambda to: state.put("channel", page, walk[to % len(walk)]))  # fmt: skip
    name = f"Patch filter {channel}" if block is None else f"Block {block}, kernel {channel}"
    heading.title(name, anchor=False)
    result = close_up(found, block, channel)
    left, right = st.columns([1, 2], gap="large")
    with left:
        show_tile(result)
    with right:
        named = st.container()
        show_numbers(result)
    images = images_chosen(told=False)
    with named:
        description = say_what(found, result)
    finite = bool(np.isfinite(result.weights).all())
    if isinstance(description, PatchFilterDescription):
        with folded("As a colour times a Gabor", "filter fit") as wanted:
            if wanted:
                show_filter_fit(found, description, channel)
        with folded("What it answers on a photograph", "filter answers") as wanted:
            if wanted:
                show_answers(found, images, channel)
    elif description is not None and block is not None:
        with folded("As a sum of shapes, and among the other kernels", "kernel shapes") as wanted:
            if wanted:
                show_shapes(found, description, block, channel)
    if block is not None:
        known = description if isinstance(description, DepthwiseDescription) else None
        with folded("Partners: what it listens to, and what listens to it", "partners") as wanted:
            if wanted:
                show_partners(found, block, channel, known)
        if finite:
            with folded("What it makes of a photograph", "kernel maps") as wanted:
                if wanted:
                    show_maps(found, images, block, channel)
    link_top_patches(found, block, channel)
    if description is not None:
        with folded("What is answered without it", f"{what} effect") as wanted:
            if wanted:
                show_removal(found, images, block, channel)
    show_response(found, result)
    if block is None:
        st.page_link(
            st.session_state["viz pages"]["kernel"],
            label=f"The kernel of block 0 that looks at this filter's answers: {channel}",
            query_params={"checkpoint": found.key, "block": "0", "channel": str(channel)},
        )
    with st.expander("How this is measured, and what it cannot tell"):
        st.markdown(method_text("one-kernel"))


_page(opened())
