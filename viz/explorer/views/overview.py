"""The network at first sight: its kernels by depth, its filters, a sentence, three doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from viz.core.network import counted
from viz.explorer import state
from viz.explorer.adapting import UNSAID
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.kernels import described
from viz.explorer.mosaic import show_mosaic, show_sample
from viz.explorer.sections import Drawing, folded, show_part
from viz.explorer.take_home import call
from viz.explorer.text import facts, plain, said_here
from viz.views.close_up.draw_network import draw_network, network_figure
from viz.views.close_up.measure import parts
from viz.views.close_up.result import Parts
from viz.views.first_look.words import accuracy, at_first_sight
from viz.views.weights.draw import patch_filter_mosaic
from viz.views.weights.measure import patch_filters

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_PER_BLOCK = 16
_DOORS = (
    ("kernels", "Browse the kernels", ":material/apps:", "Every block, every kernel, by name."),
    ("try_image", "Try my image", ":material/add_a_photo:",
     "What it answers on a photograph, and why."),
    ("early_late", "Compare early with late", ":material/compare_arrows:",
     "What changes with depth."),
)  # fmt: skip


def _details(found: Opened) -> None:
    config, classes = found.checkpoint.config, found.checkpoint.classes
    source, preprocessing = found.checkpoint.source, found.checkpoint.preprocessing
    left, right = st.columns(2)
    with left:
        st.subheader("Where it comes from", anchor=False)
        st.markdown(
            facts(
                {
                    "file": source.name,
                    "sha256": source.sha256,
                    "key layout": source.layout,
                    "found inside": source.wrapper,
                    "prefix removed": source.prefix,
                    "keys left out": ", ".join(source.dropped),
                    "stored as": source.dtype,
                    "parameters": f"{config.n_parameters:,}",
                    "activation": config.activation.upper(),
                    "activation known by": source.activation_source,
                }
            )
        )
    with right:
        st.subheader("What goes in and out", anchor=False)
        st.markdown(
            facts(
                {
                    "input channels": config.in_channels,
                    "image size": f"{preprocessing.image_size} pixels",
                    "centre crop": f"{preprocessing.crop:.3g} of the resized image",
                    "mean": ", ".join(f"{v:.3f}" for v in preprocessing.mean),
                    "standard deviation": ", ".join(f"{v:.3f}" for v in preprocessing.std),
                    "interpolation": preprocessing.interpolation,
                    "preprocessing known by": preprocessing.known,
                    "classes": config.n_classes,
                    "class names": f"{len(classes)} in the file" if classes else "none in the file",
                }
            )
        )
        if classes:
            with st.expander(f"All {len(classes)} class names"):
                st.dataframe({"class": range(len(classes)), "name": classes}, hide_index=True)


def _to_scale(found: Opened, rows: Parts) -> None:
    st.subheader("To scale", anchor=False)
    show_part(
        found, rows, "network", f"result = {call(parts, 'checkpoint')}",
        draw=Drawing(network_figure, draw_network),
        alt="The image with its patches and receptive fields; parameters and shapes of each part.",
    )  # fmt: skip


def _filters(found: Opened) -> None:
    config = found.checkpoint.config
    filters = cached(found, patch_filters, found.checkpoint, order="hue")
    st.markdown("**Its patch filters**")
    show_mosaic(
        found, filters, patch_filter_mosaic, key="viz overview filters", small=True, columns=10,
        alt=f"All {config.dim} patch-embedding filters, nearly grey ones first, then by hue.",
    )  # fmt: skip
    st.caption(
        f"The image is cut into patches of {config.patch_size} × {config.patch_size} pixels; each "
        f"of these {config.dim} filters gives every patch one number. Each has its own scale."
    )


def _doors() -> None:
    """Link to what to do next."""
    for column, (page, label, icon, about) in zip(st.columns(3), _DOORS, strict=True):
        with column.container(border=True):
            st.page_link(
                st.session_state["viz pages"][page], label=f"**{label}**", icon=icon,
                query_params=state.link(page, "images"),
            )  # fmt: skip
            st.caption(about)


def _first_look(found: Opened, told: DeltaGenerator) -> None:
    """Say what the kernels look like and how well the network answers."""
    stated = plain(accuracy(found.checkpoint))
    with told.container():
        description = described(found)
        seen = "" if description is None else f"**{plain(at_first_sight(description))}** "
        st.markdown(seen + stated)


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    st.title(plain(found.checkpoint.source.name), anchor=False)
    told = st.empty()
    for sentence in found.checkpoint.source.warnings:
        st.warning(plain(said_here(sentence, UNSAID)))
    left, right = st.columns([7, 3], gap="medium")
    with left:
        show_sample(found, "Its kernels, block by block", _PER_BLOCK, columns=4)
        st.caption(
            f"The same {min(config.dim, _PER_BLOCK)} channels of every block, those alike side by "
            "side. Red is positive, blue negative, each kernel up to its own largest weight. "
            "Click one to open it."
        )
    with right:
        _filters(found)
    _doors()
    with folded("What the network is, in numbers and to scale", "network") as wanted:
        if wanted:
            st.markdown(
                f"Each of {counted(config.depth, 'block')} mixes places with one "
                f"{config.kernel_size} × {config.kernel_size} kernel per channel, then mixes "
                "channels at every place; the average over all places is classified."
            )
            rows = cached(found, parts, found.checkpoint)
            _to_scale(found, rows)
            st.dataframe(rows.to_frame(), hide_index=True)
            st.caption(
                "A receptive field is the side of the square of pixels that one position can "
                "depend on; what it does depend on is far less. A batch norm follows every "
                "kernel: a small norm need not mean a small effect."
            )
    with folded("Where it comes from, what goes in and out", "origin") as wanted:
        if wanted:
            _details(found)
    _first_look(found, told)


_page(opened())
