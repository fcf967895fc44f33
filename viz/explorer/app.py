"""The explorer's frame: what stands around every page."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from viz.explorer import checkpoints, state
from viz.explorer.adapting import say_assumed
from viz.explorer.images import choose_images
from viz.explorer.kernels import clearest
from viz.explorer.sections import guarded, style
from viz.explorer.settings import unsafe
from viz.explorer.text import plain, shape
from viz.plot.mosaic import enlarge, signed_tiles
from viz.views import VIEWS

_VIEWS = Path(__file__).with_name("views")
_narrow = st.components.v2.component(
    "viz_menu", html="", js=Path(__file__).with_name("menu.js").read_text("utf-8")
)
_LEARNED, _ON_IMAGES = "What was learned", "On images"
_ALSO_ON_IMAGES = ("patch_filter", "kernel", "compare", "report")
_SHARED = {"patch_filter": "kernel"}
"""Pages whose file is another's."""
_NAMED = {"filter_names": "patch-filters", "kernel_names": "kernels"}
"""Pages of what a view found, where its grid has a page of its own."""


def _of_cards(group: str) -> tuple[tuple[str, str, str], ...]:
    """Return the pages that are made from cards, slow ones last."""
    own = _NAMED.values()
    return tuple(
        (row.name.replace("-", "_"), row.menu, row.icon)
        for row in sorted(VIEWS, key=lambda row: row.slow)
        if row.group == group and row.name not in own
    )


PAGES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Network": (("overview", "Overview", ":material/schema:"),),
    "Browse": (
        ("patch_filters", "Patch filters", ":material/grid_view:"),
        ("kernels", "Depthwise kernels", ":material/apps:"),
        ("patch_filter", "One patch filter", ":material/crop_square:"),
        ("kernel", "One kernel", ":material/center_focus_strong:"),
    ),
    _LEARNED: (
        ("filter_names", "Names of patch filters", ":material/palette:"),
        ("kernel_names", "Names of kernels", ":material/label:"),
        *_of_cards(_LEARNED),
    ),
    _ON_IMAGES: (("try_image", "Try my image", ":material/add_a_photo:"), *_of_cards(_ON_IMAGES)),
    "Compare and keep": (
        ("compare", "Compare two networks", ":material/difference:"),
        ("report", "Report", ":material/docs:"),
    ),
}
"""Sections of pages: name (the address has - for _), title, icon. Cards add theirs."""


def shown_view(page: str) -> str:
    """Return the name of the view that a page shows."""
    return _NAMED.get(page, page.replace("_", "-"))


def _icon() -> Image.Image:
    """Draw the tab's icon: Streamlit's own icons would be fetched from another site."""
    kernel = np.array([[-0.4, -0.2, -0.4], [-0.2, 1.0, -0.2], [-0.4, -0.2, -0.4]])
    tile = signed_tiles(kernel[None], np.ones(1))[0]
    return Image.fromarray(enlarge(tile, 16))


def _navigation() -> st.Page:
    rows = [row for rows in PAGES.values() for row in rows]
    pages = {}
    for number, (name, title, icon) in enumerate(rows):
        own = _VIEWS / f"{_SHARED.get(name, name)}.py"
        pages[name] = st.Page(
            own if own.exists() else _VIEWS / "view.py",
            title=title,
            icon=icon,
            url_path=name.replace("_", "-"),
            default=number == 0,
        )
    st.session_state["viz pages"] = pages
    return st.navigation(list(pages.values()), position="hidden")


def _menu(page: str, opened: checkpoints.Opened) -> None:
    """List the pages; each link holds all settings, so that one step back leaves the page."""
    pages = st.session_state["viz pages"]
    with st.container(gap="xxsmall"):
        for section, rows in PAGES.items():
            st.caption(section)
            for name, *_ in rows:
                names = (
                    ("images", "input")
                    if section == _ON_IMAGES or name in _ALSO_ON_IMAGES
                    else ("input",)
                )
                address = state.link(name, *names)
                if name == "compare":
                    address.setdefault("with", checkpoints.default_other())
                if name == "kernel":
                    address = {**clearest(opened), **address}
                st.page_link(pages[name], width="stretch", query_params=address)
    _narrow(key="viz menu", data={"page": page})


def _about(opened: checkpoints.Opened) -> None:
    """Keep in view what is being looked at."""
    config, source = opened.checkpoint.config, opened.checkpoint.source
    st.caption(
        plain(
            f"{shape(config)}; {config.activation.upper()}; {config.n_parameters:,} parameters; "
            f"sha256 {source.sha256[:12]}…"
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
    style()
    name = page.url_path.replace("-", "_") or "overview"
    state.begin(name)
    with guarded():
        opened, messages = checkpoints.choose()
        if opened is None:
            st.title("ConvMixer explorer", anchor=False)
            st.write("See what a trained ConvMixer has learned: choose a checkpoint on the left.")
        for show in messages:
            show()
        if opened is None:
            # A link to weights that are not here yet offers their download, too.
            state.finish()
            return
        with st.sidebar:
            _about(opened)
            menu = st.container()
        drop = None
        if name == "try_image":
            st.title(state.title(), anchor=False)
            drop = st.container()
        for show in choose_images(drop):
            show()
        if any(name == each for each, *_ in PAGES[_ON_IMAGES]):
            say_assumed(opened)
        # After the choice of images, which stands below it: the links hold what was just chosen.
        with menu:
            _menu(name, opened)
        page.run()
    state.finish()
    _freeze(name)


@st.cache_resource(show_spinner=False)
def _freeze(page: str) -> None:
    """Have Streamlit's search for garbage pass over what is loaded by now, once a page.

    It searches after every run, which takes twice as long as a step to the next kernel.
    """
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    main()
