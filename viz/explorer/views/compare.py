"""Two checkpoints side by side."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.checkpoints import Opened, choose_other, opened
from viz.explorer.found import show_row
from viz.explorer.images import images_chosen
from viz.explorer.text import lines
from viz.views import COMPARISONS, comparison

_ON_IMAGES = "compare"
"""The row whose effective receptive fields need images."""


def _names(a: Opened, b: Opened) -> None:
    rows = []
    for letter, found in (("A", a), ("B", b)):
        config, source = found.checkpoint.config, found.checkpoint.source
        rows.append(
            f"{letter}: {source.name}, ConvMixer-{config.dim}/{config.depth}, "
            f"{config.kernel_size} × {config.kernel_size} kernels, patches of {config.patch_size} "
            f"× {config.patch_size} pixels, {config.activation.upper()}, sha256 "
            f"{source.sha256[:12]}…"
        )
    st.html(lines(*rows))


def _page(found: Opened) -> None:
    st.title(state.title(), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = state.choice(
            "show",
            "compare",
            "Show",
            [row.name for row in COMPARISONS],
            default=COMPARISONS[0].name,
            describe=lambda name: comparison(name).title,
        )
        other, messages = choose_other("compare")
    for show in messages:
        show()
    if other is None:
        return
    _names(found, other)
    if found.checkpoint.source.sha256 == other.checkpoint.source.sha256:
        st.info("Both are the same checkpoint: every difference below is zero or chance.")
    row = comparison(name)
    st.subheader(row.title, anchor=False)
    images = images_chosen() if name == _ON_IMAGES else None
    show_row(row, found, images=images, other=other)


_page(opened())
