"""Early beside late: a sentence, two grids of kernels, and the evidence on request."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.found import show_row, take_row
from viz.explorer.kernels import described
from viz.explorer.mosaic import show_sample
from viz.explorer.text import plain
from viz.views import view
from viz.views.early_late.measure import default_groups
from viz.views.first_look.words import at_first_sight
from viz.views.wording import blocks_words

_SHOWN = 64
"""Kernels of each group, about."""


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    told = st.empty()
    early, late = default_groups(range(found.checkpoint.config.depth))
    groups = (("Early", early), ("Late", late))
    for column, (name, blocks) in zip(st.columns(2, gap="medium"), groups, strict=True):
        each = max(8, _SHOWN // len(blocks) // 8 * 8)
        with column:
            show_sample(
                found, f"{name}: {blocks_words(blocks)}", each, blocks=list(blocks), columns=8
            )
    st.caption(
        "The same channels on both sides, those alike side by side. Red is positive, blue "
        "negative, each kernel up to its own largest weight. Click one to open it."
    )
    with told.container():
        description = described(found)
        if description is None:
            return
        st.markdown(f"**{plain(at_first_sight(description))}**")
    asked = state.switch("evidence", "early_late", "Show the evidence")
    (show_row if asked else take_row)(view("early-late"), found)


_page(opened())
