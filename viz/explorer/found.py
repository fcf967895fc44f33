"""Any view of the catalogue as a page: its finding, its figures, its numbers."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.catalogue import view
from viz.explorer.cache import cached
from viz.explorer.checkpoints import opened
from viz.explorer.images import images_chosen
from viz.explorer.methods import show_method
from viz.explorer.settings import MAX_IMAGES
from viz.explorer.take_home import command, file_stem, python, take_home
from viz.explorer.text import plain
from viz.explorer.working import work

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.catalogue import Given, View
    from viz.catalogue.base import Shown
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["show_figures", "show_view"]

_SCREEN_DPI = 200
_OPTIONS = {"patch-filters": {"order": "kind"}, "depthwise": {"order": "label"}}
"""What a command needs to draw the main figure of its view instead of bare weights."""


def _row(name: str) -> Shown:
    return view(name)


def _measure(checkpoint: Checkpoint, given: Given, *, view_name: str) -> Result:
    return view(view_name).measure(checkpoint, given)


def _png(result: Result, *, row_name: str, number: int) -> bytes:
    buffer = io.BytesIO()
    figure: Figure = _row(row_name).figures[number].make(result)
    figure.savefig(buffer, format="png", dpi=_SCREEN_DPI)
    return buffer.getvalue()


def _home(row: View, found: Opened, result: Result, images: Images | None) -> None:
    stem = file_stem(found, row.name)
    folder = None if images is None else images.folder
    given = "Given()"
    if folder is not None:
        given = (
            f"Given(images=lambda: open_images({folder!r}, checkpoint.preprocessing, "
            f"checkpoint.config.in_channels, limit={MAX_IMAGES}))"
        )
    options: dict[str, Any] = dict(_OPTIONS.get(row.name, {}))
    if folder is not None:
        options["limit"] = MAX_IMAGES
    take_home(
        stem,
        result,
        {
            each.name: lambda each=each: each.make(result)  # type: ignore[misc]
            for each in row.figures
        },
        shell=command(found, row.name, stem, images=folder, **options),
        note="The lines take the uploaded images from a folder called images, which is for you to "
        "make."
        if images is not None and images.uploads
        else "",
        script=python(
            found,
            f"""
from viz.catalogue import Given, view
{"from viz.image_sets import open_images" if folder is not None else ""}
row = view({row.name!r})
result = row.measure(checkpoint, {given})
figure = row.figures[0].make(result)
""",
            stem,
            table=hasattr(result, "to_frame"),
        ),
    )


def show_figures(found: Opened, result: Result, row: Shown) -> None:
    """Show the finding and every figure of a row of the catalogue, each as it is drawn.

    Parameters
    ----------
    found : Opened
        Private where anything in the result comes from an upload.
    result : Result
        Of the row's measure.
    row : Shown
        View or comparison.
    """
    if row.sentence is not None:
        st.markdown(plain(row.sentence(result)))
    for number, each in enumerate(row.figures):
        picture = cached(found, _png, result, row_name=row.name, number=number)
        st.image(picture, alt=each.caption, width="stretch")
        st.caption(plain(each.caption))


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
    show_method(name)
    images = images_chosen() if row.needs_images else None
    try:
        made = work(
            found,
            _measure,
            images=images,
            name=name,
            what=f"Measuring {row.title[0].lower()}{row.title[1:]}",
            slow=row.slow,
            view_name=name,
        )
    except ValueError as error:
        st.error(plain(error))
        return
    if made is None:
        return
    if made.note:
        st.warning(plain(made.note))
    private = found.private or (images is not None and images.private)
    show_figures(replace(found, private=private), made.value, row)
    _home(row, found, made.value, images)
    if hasattr(made.value, "to_frame"):
        with st.expander("In numbers"):
            st.dataframe(made.value.to_frame(), hide_index=True)
