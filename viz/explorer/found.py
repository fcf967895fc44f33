"""Any view of the catalogue as a page: its finding, its figures, its numbers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import streamlit as st

from viz.catalogue import Given, view
from viz.explorer.cache import cached
from viz.explorer.checkpoints import opened
from viz.explorer.settings import Start
from viz.explorer.take_home import command, file_stem, python, take_home
from viz.explorer.text import plain
from viz.image_sets import open_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.catalogue import View
    from viz.explorer.checkpoints import Opened
    from viz.image_sets import ImageSet
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["show_view"]

_SCREEN_DPI = 200
_MOST_IMAGES = 8
_OPTIONS = {"patch-filters": {"order": "kind"}, "depthwise": {"order": "label"}}
"""What a command needs to draw the main figure of its view instead of bare weights."""


def _measured(checkpoint: Checkpoint, *, name: str, images: str | None) -> Result:
    def chosen() -> ImageSet:
        return open_images(
            images, checkpoint.preprocessing, checkpoint.config.in_channels, limit=_MOST_IMAGES
        )

    return view(name).measure(checkpoint, Given(images=chosen if images else None))


def _png(result: Result, *, name: str, images: str | None, number: int) -> bytes:
    buffer = io.BytesIO()
    figure: Figure = view(name).figures[number].make(result)
    figure.savefig(buffer, format="png", dpi=_SCREEN_DPI)
    return buffer.getvalue()


def _wanted(row: View, found: Opened) -> bool:
    """Ask before what takes long; the answer holds for this checkpoint and session."""
    if not row.slow:
        return True
    slot = f"viz measure {row.name} {found.key}"
    if not st.session_state.get(slot):
        asked = st.button(
            "Measure", help="On a large network this takes minutes; the result is kept.",
            key=f"viz button {row.name}",
        )  # fmt: skip
        if not asked:
            st.info("This takes longer than a moment: press Measure to start.")
            return False
        st.session_state[slot] = True
    return True


def _home(row: View, found: Opened, result: Result, images: str | None) -> None:
    stem = file_stem(found, row.name)
    given = "Given()"
    if images:
        given = (
            f"Given(images=lambda: open_images({images!r}, checkpoint.preprocessing, "
            f"checkpoint.config.in_channels, limit={_MOST_IMAGES}))"
        )
    take_home(
        stem,
        result,
        {
            each.name: lambda each=each: each.make(result)  # type: ignore[misc]
            for each in row.figures
        },
        shell=None if images else command(found, row.name, stem, **_OPTIONS.get(row.name, {})),
        script=python(
            found,
            f"""
from viz.catalogue import Given, view
{"from viz.image_sets import open_images" if images else ""}
row = view({row.name!r})
result = row.measure(checkpoint, {given})
figure = row.figures[0].make(result)
""",
            stem,
            table=hasattr(result, "to_frame"),
        ),
    )


def show_view(name: str) -> None:
    """Show one view of the catalogue.

    Parameters
    ----------
    name : str
        As on the command line.
    """
    found, row = opened(), view(name)
    st.title(row.title, anchor=False)
    st.caption(row.misleads)
    images = Start.read().images if row.needs_images else None
    if row.needs_images:
        st.caption(
            f"Images: up to {_MOST_IMAGES} of the folder given at the start."
            if images
            else "Images: scikit-learn's two photographs; viz explore --images FOLDER takes others."
        )
    if not _wanted(row, found):
        return
    try:
        result = cached(found, _measured, found.checkpoint, name=name, images=images)
    except ValueError as error:
        st.error(plain(error))
        return
    if row.sentence is not None:
        st.markdown(plain(row.sentence(result)))
    for number, each in enumerate(row.figures):
        picture = cached(found, _png, result, name=name, images=images, number=number)
        st.image(picture, alt=each.caption, width="stretch")
        st.caption(plain(each.caption))
    _home(row, found, result, images)
    if hasattr(result, "to_frame"):
        with st.expander("In numbers"):
            st.dataframe(result.to_frame(), hide_index=True)
