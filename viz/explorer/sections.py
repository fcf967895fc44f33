"""What the sections of pages share: pieces that run alone, pictures, downloads, lines."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from PIL import Image

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.take_home import call, file_stem, python, take_home
from viz.explorer.text import plain
from viz.plot.style import dark_style, darken, own_style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure
    from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images


_SCREEN_DPI, _NOTE = 200, "Description"
_ONE_COLUMN = 4
"""Inches: a wider figure is one of two columns."""
_SLIM = 680
"""Pixels of the screen for one of one column."""


@contextmanager
def guarded() -> Iterator[None]:
    """Keep the rest of the program usable, whatever happens inside; the log has the details."""
    try:
        yield
    except Exception as error:
        logging.getLogger("viz.explorer").exception("A page failed")
        st.error(
            f"This page could not be shown ({plain(type(error).__name__)}: {plain(error)}). "
            "Choose other settings, another page or another checkpoint."
        )


def piece(function: Callable[..., None]) -> Callable[..., None]:
    """Make a part of a page that runs alone when something in it is used; the address follows."""

    @wraps(function)
    def run(*given: Any, **settings: Any) -> None:
        with guarded():
            function(*given, **settings)
        state.finish()

    return st.fragment(run)


@dataclass(frozen=True)
class Drawing:
    """What makes a figure and what draws on it, and the Python lines that say the same."""

    canvas: Callable[..., Figure]
    draw: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, result: Any) -> Figure:
        """Return the finished figure."""
        figure = self.canvas(result)
        self.draw(result, figure, **self.options)
        return figure

    def __str__(self) -> str:
        return "\n".join(
            (
                f"figure = {call(self.canvas, 'result')}",
                call(self.draw, "result", "figure", **self.options),
            )
        )


def png(result: Any, draw: Callable[[Any], Figure], *, dark: bool = False) -> bytes:
    """Return a result drawn, as a PNG for the screen."""
    buffer = io.BytesIO()
    with own_style(), dark_style() if dark else nullcontext():
        figure = draw(result)
        note = {_NOTE: str(figure.get_label())}
        if dark:
            darken(figure)
        figure.savefig(buffer, format="png", dpi=_SCREEN_DPI, metadata=note)
    return buffer.getvalue()


def dark() -> bool:
    """Tell whether the page's theme is dark."""
    return st.context.theme.type == "dark"


def picture(
    found: Opened, result: Any, draw: Callable[[Any], Figure], *, name: str = "", **about: Any
) -> bytes:
    """Return a result drawn in the page's theme, once; what it is about tells drawings apart."""
    night = dark()

    def drawn(result: Any, **about: Any) -> bytes:
        return png(result, draw, dark=night)

    return cached(found, drawn, result, name=name or str(draw), dark=night, **about)


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


def show_part(
    found: Opened, result: Any, name: str, lines: str, *, draw: Drawing | None = None,
    alt: str = "", caption: str = "", images: Images | None = None, made_from: str = "",
) -> None:  # fmt: skip
    """Show one section of a page: its picture, how to read it, and its downloads."""
    part = name.partition("-")[0]
    if draw is not None:
        kept = replace(found, private=found.private or (images is not None and images.private))
        shown = picture(kept, result, draw, made_from=made_from)
        show_figure(shown, alt=alt, key=part, caption=caption)
    stem = file_stem(found, name)
    body = lines if draw is None else f"{lines}\n{draw}"
    take_home(
        stem, result, None if draw is None else partial(draw, result),
        note="" if images is None else uploaded(images), script=python(found, body, stem),
    )  # fmt: skip


def opened_images(images: Images) -> str:
    """Return the Python lines that open the images as the page does."""
    return (
        "from viz.images.sets import open_images\n"
        f"images = open_images({images.paths!r}, checkpoint.preprocessing, "
        "checkpoint.config.in_channels)"
    )


def uploaded(images: Images) -> str:
    """Say what the lines need where images were uploaded."""
    if not images.uploads:
        return ""
    return (
        "The lines take the uploaded images from a folder called images, which is for you to make."
    )
