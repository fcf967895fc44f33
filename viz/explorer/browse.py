"""A grid of kernels or of patch filters, and beside it the one that is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.explorer import state
from viz.explorer.close_up import close_up, say_what, show_numbers, show_tile, steps
from viz.explorer.mosaic import show_mosaic
from viz.explorer.sections import piece

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.views.weights.draw import Mosaic
    from viz.views.weights.result import DepthwiseKernels, PatchFilters

_EVERYTHING = {
    "kernel": "All about this kernel: its partners, what it makes of photographs, what it changes",
    "patch_filter": "All about this filter: its fit, what it answers on photographs",
}


@piece
def browse(
    found: Opened,
    result: PatchFilters | DepthwiseKernels,
    draw: Callable[..., Mosaic],
    page: str,
    **settings: Any,
) -> None:
    """Show a grid and the tile that is open; a click or a step opens another one beside it."""
    block = getattr(result, "block", None)
    channels = result.channel.tolist()
    tiles = [
        str(channel) if block is None else f"{block[i]}.{channel}"
        for i, channel in enumerate(channels)
    ]

    def go(tile: int) -> None:
        state.put("open", page, tiles[tile % len(tiles)])

    at = tiles.index(state.word("open", page, tiles, tiles[0]))
    grid, beside = st.columns([13, 7], gap="medium")
    with grid:
        show_mosaic(found, result, draw, key=f"viz {page}", at=at, pick=go, **settings)
    with beside, st.container(key="viz beside"):
        _beside(found, None if block is None else int(block[at]), channels[at], at, len(tiles), go)


def _beside(
    found: Opened, block: int | None, channel: int, at: int, count: int, go: Callable[[int], None]
) -> None:
    """Show one kernel or filter next to its grid: picture, name, numbers, and where to read on."""
    what, page = ("filter", "patch_filter") if block is None else ("kernel", "kernel")
    name = f"Patch filter {channel}" if block is None else f"Block {block}, kernel {channel}"
    st.subheader(name, anchor=False)
    steps("beside", at, count, what, go)
    result = close_up(found, block, channel)
    show_tile(result)
    named = st.container()
    with st.expander("In numbers"):
        show_numbers(result)
    address = {**state.link(page, "images", "input"), "channel": str(channel)}
    if block is not None:
        address["block"] = str(block)
    st.page_link(st.session_state["viz pages"][page], label=_EVERYTHING[page], query_params=address)
    with named:
        say_what(found, result)
