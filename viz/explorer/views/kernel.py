"""One depthwise kernel's own page."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.close_up import show_close_up, steps
from viz.explorer.words import KERNEL_ORDER_WORDS
from viz.measure.close_up import kernel_close_up
from viz.measure.weights import depthwise_kernels


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    heading = st.empty()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        block = state.number("block", "kernel", "Block", config.depth)
        channel = state.number("channel", "kernel", "Kernel", config.dim)
        order = state.choice(
            "order",
            "kernel",
            "Order of the walk",
            list(KERNEL_ORDER_WORDS),
            default="similarity",
            describe=KERNEL_ORDER_WORDS.__getitem__,
            help="In which order Previous and Next (or the arrow keys) go through the block.",
        )
        heading.title(f"Block {block}, kernel {channel}", anchor=False)
        kernels = cached(
            found, depthwise_kernels, found.checkpoint, blocks=[block], per_block=None, order=order
        )
        steps("kernel", channel, kernels.channel, "kernel")
    result = cached(found, kernel_close_up, found.checkpoint, block=block, channel=channel)
    show_close_up(
        found,
        result,
        f"block-{block}-kernel-{channel}",
        f"measure.close_up.kernel_close_up(checkpoint, block={block}, channel={channel})",
    )


_page(opened())
