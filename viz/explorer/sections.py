"""What the sections of pages share: pictures, downloads, lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from PIL import Image

from viz.explorer.settings import MAX_IMAGES
from viz.explorer.take_home import file_stem, python, take_home
from viz.explorer.text import plain
from viz.plot.style import own_style

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images


_SCREEN_DPI, _NOTE = 200, "Description"
_ONE_COLUMN = 4
"""Inches: a wider figure is one of two columns."""
_SLIM = 680
"""Pixels of the screen for one of one column."""
DESCRIBING = "description = viz.kernels(checkpoint)"
"""A line that describes all kernels."""


def png(result: Any, *, draw: Callable[[Any], Figure], made_from: str = "") -> bytes:
    """Return a result drawn, as a PNG for the screen; what it was made from is for the cache."""
    del made_from
    buffer = io.BytesIO()
    with own_style():
        figure = draw(result)
        note = {_NOTE: str(figure.get_label())}
        figure.savefig(buffer, format="png", dpi=_SCREEN_DPI, metadata=note)
    return buffer.getvalue()


def style() -> None:
    """Let figures of two columns scroll sideways where the screen is narrow: see `show_figure`."""
    st.html(Path(__file__).with_name("figures.css"))


def _is_open(part: ExpanderContainer) -> bool:
    return bool(part.open)


@contextmanager
def folded(label: str, key: str) -> Iterator[bool]:
    """Fold a part of the page up; tell whether it is open, so that it is made only then."""
    part = st.expander(label, key=f"viz fold {key}", on_change="rerun")
    with part:
        yield _is_open(part)


def show_figure(picture: bytes, *, alt: str, key: str, caption: str = "") -> None:
    """Show a figure, of two columns as wide as the page, and its caption below.

    On a phone its text stays legible.
    """
    wide = int.from_bytes(picture[16:20], "big") > _ONE_COLUMN * _SCREEN_DPI
    with st.container(key=f"viz {'wide' if wide else 'slim'} {key}"):
        st.image(picture, alt=alt, width="stretch" if wide else _SLIM)
    note = Image.open(io.BytesIO(picture)).info.get(_NOTE, "")
    st.caption(plain(f"{caption} {note}".strip()))


def at_home(
    found: Opened,
    result: Any,
    figures: dict[str, Callable[[], Figure]],
    part: str,
    view: str,
    body: str,
    note: str = "",
    shell: str | None = None,
) -> None:
    """Show the downloads of one section."""
    stem = file_stem(found, view)
    script = python(found, body, stem)
    if "figure =" not in body:
        script = "\n".join(x for x in script.splitlines() if "save_figure" not in x)
    take_home(stem, result, figures, script=script, shell=shell, part=part, note=note)


def opened_images(images: Images) -> str:
    """Return the Python lines that open the images as the page does."""
    return (
        "from viz.images.sets import open_images\n"
        f"images = open_images({images.folder!r}, checkpoint.preprocessing, "
        f"checkpoint.config.in_channels, limit={MAX_IMAGES})"
    )


def uploaded(images: Images) -> str:
    """Say what the lines need where images were uploaded."""
    if not images.uploads:
        return ""
    return (
        "The lines take the uploaded images from a folder called images, which is for you to make."
    )
