"""Two networks side by side: a sentence, their kernels by depth, and the evidence on request."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.checkpoints import Opened, choose_other, opened
from viz.explorer.found import show_row, take_row
from viz.explorer.images import images_chosen
from viz.explorer.kernels import described
from viz.explorer.mosaic import show_sample
from viz.explorer.text import plain, shape
from viz.views import COMPARISONS, comparison
from viz.views.first_look.words import two_at_first_sight

_ON_IMAGES = "compare"
"""The row whose effective receptive fields need images."""
_ACROSS, _SIDE = 8, 34
"""Kernels of each block, and pixels of the screen that a tile is wide."""


def _grid(found: Opened, letter: str) -> None:
    """Show some kernels of every block, one row each; a click opens one."""
    config, source = found.checkpoint.config, found.checkpoint.source
    show_sample(
        found, f"{letter}: {source.name}", _ACROSS, columns=_ACROSS, group_columns=1, side=_SIDE
    )
    st.caption(plain(f"{shape(config)}, {config.activation.upper()}, sha256 {source.sha256[:12]}…"))


def _evidence(found: Opened, other: Opened) -> None:
    """Show one comparison at a time, as measured."""
    name = state.choice(
        "show", "compare", "Show", [row.name for row in COMPARISONS],
        default=COMPARISONS[0].name, describe=lambda name: comparison(name).title,
    )  # fmt: skip
    row = comparison(name)
    st.subheader(row.title, anchor=False)
    images = images_chosen() if name == _ON_IMAGES else None
    show_row(row, found, images=images, other=other)


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    told = st.empty()
    other, messages = choose_other("compare")
    for show in messages:
        show()
    if other is None:
        return
    if found.checkpoint.source.sha256 == other.checkpoint.source.sha256:
        st.info("Both are the same checkpoint: every difference below is zero or chance.")
    for column, each, letter in zip(st.columns(2), (found, other), "AB", strict=True):
        with column:
            _grid(each, letter)
    st.caption(
        "The same channels of every block, first block first, those alike side by side. Red is "
        "positive, blue negative, each kernel up to its own largest weight. Click one to open it."
    )
    with told.container():
        first, second = described(found), described(other)
        if first is None or second is None:
            return
        st.markdown(f"**{plain(two_at_first_sight(first, second))}**")
    if state.switch("evidence", "compare", "Show the evidence"):
        _evidence(found, other)
    else:
        take_row(COMPARISONS[0], found, other)


_page(opened())
