"""A photograph of one's own: what the network answers, why, and what each kernel makes of it."""

from __future__ import annotations

import streamlit as st

from viz.explorer import state
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.images import images_chosen
from viz.explorer.trying import (
    show_answer,
    show_depth,
    show_evidence,
    show_maps,
    show_methods,
    tried,
)


def _page(found: Opened) -> None:
    images = images_chosen(told=False)
    name = images.names[0]
    if len(images.names) > 1:
        name = state.choice("image", "try_image", "Photograph", images.names, default=name)
    image = images.one(name)
    result = tried(found, image)
    if result is None:
        return
    show_answer(result.evidence)
    st.subheader("Where the evidence lies", anchor=False)
    of = show_evidence(found, result.evidence)
    show_depth(found, image, result.depth)
    show_maps(found, image)
    show_methods(found, image, result, of)


_page(opened())
