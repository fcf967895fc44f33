"""The explorer's frame: what stands around every page."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from viz.draw.mosaic import enlarge, signed_tiles
from viz.explorer import checkpoints, state
from viz.explorer.images import choose_images
from viz.explorer.settings import unsafe
from viz.explorer.text import facts, plain

__all__ = ["PAGES", "main"]

_VIEWS = Path(__file__).with_name("views")
PAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Network": (("overview", "Overview", ":material/schema:"),),
    "All at once": (
        ("patch_filters", "Patch filters", ":material/grid_view:"),
        ("depthwise", "Depthwise kernels", ":material/apps:"),
    ),
    "One by one": (
        ("patch_filter", "One patch filter", ":material/crop_square:"),
        ("kernel", "One kernel", ":material/center_focus_strong:"),
    ),
    "What was learned": (
        ("filter_kinds", "Kinds of filters", ":material/palette:"),
        ("kernel_labels", "Labels of kernels", ":material/label:"),
        ("early_late", "Early and late", ":material/compare_arrows:"),
        ("clusters", "Clusters", ":material/bubble_chart:"),
        ("mixing", "Mixing", ":material/shuffle:"),
    ),
    "On images": (
        ("receptive_fields", "Receptive fields", ":material/filter_center_focus:"),
        ("feature_maps", "Feature maps", ":material/layers:"),
        ("attributions", "Attributions and trust", ":material/fact_check:"),
        ("substitution", "Substitution", ":material/swap_horiz:"),
    ),
}
"""Sections of pages: file in views/ (the address has - for _), title, icon. One row adds a page."""


def _icon() -> Image.Image:
    """Draw the tab's icon: Streamlit's own icons would be fetched from another site."""
    kernel = np.array([[-0.4, -0.2, -0.4], [-0.2, 1.0, -0.2], [-0.4, -0.2, -0.4]])
    tile = signed_tiles(kernel[None], np.ones(1))[0]
    return Image.fromarray(enlarge(tile, 16))


def _navigation() -> st.Page:
    rows = [(section, *row) for section, rows in PAGES.items() for row in rows]
    pages = {
        name: st.Page(
            _VIEWS / f"{name}.py",
            title=title,
            icon=icon,
            url_path=name.replace("_", "-"),
            default=number == 0,
        )
        for number, (_, name, title, icon) in enumerate(rows)
    }
    st.session_state["viz pages"] = pages
    return st.navigation(
        {section: [pages[name] for name, *_ in found] for section, found in PAGES.items()},
        expanded=True,
    )


def _about(opened: checkpoints.Opened) -> None:
    """Keep in view what is being looked at."""
    config, source = opened.checkpoint.config, opened.checkpoint.source
    st.html(
        facts(
            {
                "network": f"ConvMixer-{config.dim}/{config.depth}",
                "kernels": f"{config.kernel_size} × {config.kernel_size}",
                "patches": f"{config.patch_size} × {config.patch_size} pixels",
                "activation": config.activation.upper(),
                "known by": source.activation_source,
                "parameters": f"{config.n_parameters:,}",
                "sha256": f"{source.sha256[:12]}…",
            }
        )
    )


def main() -> None:
    """Show the page that the address asks for, and never a traceback."""
    st.set_page_config(page_title="ConvMixer explorer", page_icon=_icon(), layout="wide")
    danger = unsafe(
        st.get_option("server.address"),
        st.get_option("server.allowedHosts"),
        st.get_option("browser.gatherUsageStats"),
    )
    if danger:
        st.error(danger)
        st.stop()
    page = _navigation()
    state.begin()
    try:
        opened, messages = checkpoints.choose()
        if opened is None:
            st.title("ConvMixer explorer", anchor=False)
            st.write("See what a trained ConvMixer has learned: choose a checkpoint on the left.")
        for show in messages:
            show()
        if opened is None:
            return
        with st.sidebar:
            _about(opened)
        for show in choose_images():
            show()
        page.run()
    except Exception as error:
        # Whatever happens on one page, the others stay usable; the log has the details.
        logging.getLogger("viz.explorer").exception("A page failed")
        st.error(
            f"This page could not be shown ({plain(type(error).__name__)}: {plain(error)}). "
            "Choose other settings, another page or another checkpoint."
        )
    state.finish()


if __name__ == "__main__":
    main()
