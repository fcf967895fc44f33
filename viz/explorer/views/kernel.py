"""One depthwise kernel's own page: all there is to know about it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.close_up import show_close_up, show_response, steps
from viz.explorer.images import images_chosen
from viz.explorer.kernels import at_hand, bank, choose_kernels, described, needs_names
from viz.explorer.methods import show_method
from viz.explorer.on_images import show_maps, show_removal, show_top_patches
from viz.explorer.one_kernel import (
    say_name,
    shapes_home,
    show_partners,
    show_place,
    show_shapes,
)
from viz.explorer.sections import folded
from viz.explorer.text import plain
from viz.views.close_up.measure import kernel_close_up
from viz.views.kernels.result import DepthwiseDescription
from viz.views.one_kernel.measure import shape_fit, standing


def _described(found: Opened) -> tuple[DepthwiseDescription | None, bool]:
    """Return the description, and whether the kernels can be described at all."""
    try:
        return described(found), True
    except Refusal as error:
        st.error(plain(error))
        return None, False


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    heading = st.empty()
    description, able = at_hand(found), True
    with st.container(horizontal=True, vertical_alignment="bottom"):
        block = state.number("block", "kernel", "Block", config.depth)
        channel = state.number("channel", "kernel", "Kernel", config.dim)
        order, name = choose_kernels(
            "kernel",
            "Order of the walk",
            "In which order Previous and Next (or the arrow keys) go through the block.",
        )
        heading.title(f"Block {block}, kernel {channel}", anchor=False)
        walk = st.container(width="content")
    told = st.container()
    tried = description is None and needs_names(order, name)
    if tried:
        with told:
            description, able = _described(found)
    kernels = bank(found, description, blocks=[block], per_block=None, order=order, name=name)
    with walk:
        steps("kernel", channel, kernels.channel, "kernel")
    result = cached(found, kernel_close_up, found.checkpoint, block=block, channel=channel)
    show_close_up(found, result)
    name_said = st.container()
    finite = bool(np.isfinite(result.weights).all())
    images = images_chosen(told=False)
    if not finite:
        name_said.info("Some of its taps are not finite numbers: it cannot be described.")
    elif description is None and able and not tried:
        with name_said:
            description, able = _described(found)
    if finite and description is not None:
        own = standing(description, block=block, channel=channel)
        with name_said:
            say_name(own)
        with folded("As a sum of shapes, and among the other kernels", "kernel shapes") as wanted:
            if wanted:
                fit = shape_fit(description, block=block, channel=channel)
                show_shapes(found, fit)
                shapes_home(found, fit)
                show_place(found, own)
    with folded("Partners: what it listens to, and what listens to it", "partners") as wanted:
        if wanted:
            show_partners(found, block, channel, description)
    if finite:
        with folded("What it makes of a photograph", "kernel maps") as wanted:
            if wanted:
                show_maps(found, images, block, channel)
    show_top_patches(found, block, channel)
    if finite and description is not None:
        with folded("What is answered without it", "kernel effect") as wanted:
            if wanted:
                show_removal(found, images, block, channel)
    show_response(
        found,
        result,
        f"block-{block}-kernel-{channel}",
        f"viz.views.close_up.measure.kernel_close_up(checkpoint, block={block}, channel={channel})",
    )
    show_method("one-kernel")


_page(opened())
