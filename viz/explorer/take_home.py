"""Taking a figure home: as a picture, as numbers, and as the lines that make it again."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.plot.style import FORMATS, own_style, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.explorer.checkpoints import Opened


_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf"}


def file_stem(opened: Opened, view: str) -> str:
    """Return a file name without suffix, safe everywhere: the checkpoint's name and the view's."""
    name = opened.checkpoint.source.name
    for suffix in (".safetensors", ".pth.tar", ".pth", ".pt", ".bin"):
        name = name.removesuffix(suffix)
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('.-') or 'checkpoint'}-{view}"


def call(function: Callable[..., Any], *given: str, **settings: Any) -> str:
    """Return the Python that calls a function of the project."""
    words = [*given, *(f"{name}={value!r}" for name, value in settings.items())]
    return f"{function.__module__}.{function.__name__}({', '.join(words)})"


def python(opened: Opened, body: str, stem: str, *, table: bool = True) -> str:
    """Return the Python lines that make the same result, figure and files."""
    told = [f"{name}={value!r}" for name, value in opened.told.items()]
    saves = [f"viz.plot.style.save_figure(figure, {stem + '.png'!r})"] if "figure =" in body else []
    used = re.findall(r"viz\.views\.\w+\.\w+|viz\.plot\.\w+", "\n".join([body, *saves]))
    modules = sorted({f"import {each}" for each in used})
    return "\n".join(
        [
            "import viz",
            *modules,
            "",
            f"checkpoint = viz.load({', '.join((repr(opened.spelling), *told))})",
            *(line for line in body.strip().splitlines() if line.strip()),
            *saves,
            f"result.save({stem + '.npz'!r})",
            *([f"result.to_frame().to_csv({stem + '.csv'!r}, index=False)"] if table else []),
        ]
    )


def _written(write: Callable[[Path], Any], suffix: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="viz-") as folder:
        path = Path(folder) / f"file{suffix}"
        write(path)
        return path.read_bytes()


def _pictures(stem: str, make: Callable[[], Figure]) -> None:
    """Show the buttons that download a figure in every format."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Figure", width="content")
        for suffix in FORMATS:

            def picture(suffix: str = suffix) -> bytes:
                with own_style():
                    figure = make()
                return _written(lambda path: save_figure(figure, path), suffix)

            st.download_button(
                suffix[1:].upper(), picture, f"{stem}{suffix}", _TYPES[suffix],
                key=f"viz take {stem}{suffix}", on_click="ignore",
            )  # fmt: skip


def take_figure(stem: str, make: Callable[[], Figure]) -> None:
    """Show the menu of one more figure of a page."""
    with st.popover("Download", icon=":material/download:", key=f"viz menu {stem}"):
        _pictures(stem, make)


def take_home(
    stem: str, result: Any, make: Callable[[], Figure] | None, *, script: str, note: str = ""
) -> None:
    """Show a menu: the figure, if there is one, data, and the lines that make the same thing.

    A result that is not there yet is a function, which is called once something is downloaded.
    """
    table = "to_frame()" in script if callable(result) else hasattr(result, "to_frame")
    there = result if callable(result) else lambda: result
    with st.popover("Download", icon=":material/download:", key=f"viz menu of {stem}"):
        if make is not None:
            _pictures(stem, make)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("Data", width="content")
            st.download_button(
                "Arrays (NPZ)", lambda: _written(there().save, ".npz"), f"{stem}.npz",
                "application/octet-stream", key=f"viz take {stem} npz", on_click="ignore",
            )  # fmt: skip
            if table:
                st.download_button(
                    "Table (CSV)", lambda: there().to_frame().to_csv(index=False).encode(),
                    f"{stem}.csv", "text/csv", key=f"viz take {stem} csv", on_click="ignore",
                )  # fmt: skip
        if note:
            st.caption(note)
        st.markdown("The same in Python")
        st.code(script, language="python", wrap_lines=True)
