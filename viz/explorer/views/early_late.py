"""Early beside late: a sentence, two grids of kernels, and the evidence on request."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.found import show_row
from viz.explorer.kernels import described
from viz.explorer.mosaic import show_mosaic
from viz.explorer.text import plain
from viz.views import view
from viz.views.early_late.measure import default_groups
from viz.views.first_look.words import at_first_sight, blocks_words
from viz.views.weights.draw import kernel_mosaic
from viz.views.weights.measure import depthwise_kernels

_SHOWN = 64
"""Kernels of each group, about."""


def _grid(found: Opened, name: str, blocks: Sequence[int]) -> None:
    """Show kernels of one group, block by block; a click opens one."""
    kernels = cached(
        found, depthwise_kernels, found.checkpoint, blocks=list(blocks),
        per_block=max(8, _SHOWN // len(blocks) // 8 * 8), order="similarity",
    )  # fmt: skip
    st.markdown(f"**{name}: {blocks_words(blocks)}**")
    show_mosaic(
        found, kernels, kernel_mosaic, key=f"viz {name}", small=True, titled=True, scale="tile",
        columns=8, alt=f"{len(kernels.kernels)} kernels of {blocks_words(blocks)}.",
    )  # fmt: skip


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    told = st.empty()
    early, late = default_groups(range(found.checkpoint.config.depth))
    with st.container():
        left, right = st.columns(2, gap="medium")
        with left:
            _grid(found, "Early", early)
        with right:
            _grid(found, "Late", late)
    st.caption(
        "The same channels on both sides, those alike side by side. Red is positive, blue "
        "negative, each kernel up to its own largest weight. Click one to open it."
    )
    with told.container():
        description = described(found)
        if description is None:
            return
        st.markdown(f"**{plain(at_first_sight(description))}**")
    if state.switch("evidence", "early_late", "Show the evidence"):
        show_row(view("early-late"), found)


_page(opened())
