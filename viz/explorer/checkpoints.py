"""Choosing a checkpoint: shipped, from the command line, uploaded, or an official one."""

from __future__ import annotations

import logging
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.explorer import state
from viz.explorer.official import show_download
from viz.explorer.settings import MAX_UPLOAD, SUFFIXES, Start
from viz.explorer.text import plain, safe_name
from viz.results.refusal import Refusal

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint

__all__ = ["Opened", "choose", "choose_other", "default_other", "load_upload", "opened"]

_SLOT = "viz opened"
_NOTHING = (
    "No checkpoint is shipped with this installation yet: upload one on the left, take official "
    "weights, or start with viz explore FILE."
)
_OFFERS = "viz offers"
_UPLOADED = "viz upload"
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Opened:
    """The checkpoint being looked at.

    Parameters
    ----------
    key : str
        As in the address.
    spelling : str
        As `viz.load` and the command line take it.
    checkpoint : Checkpoint
        Shared by everyone who looks at it: never changed.
    private : bool
        Uploaded: what is made from it is forgotten with the session.
    """

    key: str
    spelling: str
    checkpoint: Checkpoint
    private: bool


@dataclass(frozen=True)
class _Upload:
    file_id: str
    name: str
    key: str
    checkpoint: Checkpoint | None
    error: str


@st.cache_resource(max_entries=3, show_spinner="Loading the checkpoint …")
def _load_shared(spelling: str, stamp: tuple[int, int]) -> Checkpoint:
    return _load(spelling)


def _load(source: str | Path) -> Checkpoint:
    """Load one file at a time, which bounds the memory; warnings are shown on the page."""
    from viz.model.checkpoint import CheckpointWarning, load

    with _LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckpointWarning)
        return load(source)


def _load_file(spelling: str) -> Checkpoint:
    path = Path(spelling)
    stat = path.stat() if path.is_file() else None
    return _load_shared(spelling, (stat.st_mtime_ns, stat.st_size) if stat else (0, 0))


def load_upload(name: str, content: bytes) -> Checkpoint:
    """Load an uploaded file as strictly as any other, and keep nothing of it on disk.

    Parameters
    ----------
    name : str
        The file's name on the user's machine.
    content : bytes
        The file.

    Returns
    -------
    Checkpoint
        The network.

    Raises
    ------
    CheckpointError
        With one sentence, if the file is too large or is no ConvMixer.
    """
    from viz.model.checkpoint import CheckpointError

    name = safe_name(name)
    if len(content) > MAX_UPLOAD << 20:
        raise CheckpointError(
            f"{name}: {len(content) >> 20} MB found, at most {MAX_UPLOAD} expected; open a larger "
            "file with viz explore FILE."
        )
    # The folder is readable by its owner alone, and gone before anything is shown.
    with tempfile.TemporaryDirectory(prefix="viz-upload-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return _load(path)
        except Refusal as refused:
            raise CheckpointError(str(refused).replace(str(path), name)) from None


def _upload() -> _Upload | None:
    """Show the upload field; load a new file once, forget a removed one."""
    file = st.file_uploader(
        "Open a file of your own",
        label_visibility="collapsed",
        type=list(SUFFIXES),
        max_upload_size=MAX_UPLOAD,
        help="A trained ConvMixer: .safetensors, .pth, .pt, .pth.tar or .bin. It is checked, "
        "never executed, stays on this machine and is forgotten when this window closes.",
    )
    known: _Upload | None = st.session_state.get(_UPLOADED)
    if file is None:
        st.session_state.pop(_UPLOADED, None)
        return None
    if known is not None and known.file_id == file.file_id:
        return known
    name = safe_name(file.name)
    checkpoint, error = None, ""
    with st.spinner(f"Reading {plain(name)} …"):
        try:
            checkpoint = load_upload(file.name, file.getvalue())
        except Refusal as refused:
            error = str(refused)
        except Exception as fault:
            # Whatever the file does to this program, the other checkpoints stay usable.
            logging.getLogger("viz.explorer").exception("An upload could not be read")
            error = (
                f"{name} could not be read, and the fault is this program's own "
                f"({type(fault).__name__}); the log has the details."
            )
    if checkpoint is None and known is not None and known.checkpoint is not None:
        # A file that cannot be opened does not close the one that could.
        found = replace(known, file_id=file.file_id, error=f"{error} Still open: {known.name}.")
    else:
        sha = checkpoint.source.sha256[:8] if checkpoint else ""
        found = _Upload(file.file_id, name, f"upload.{sha}.{name}", checkpoint, error)
    st.session_state[_UPLOADED] = found
    if checkpoint is not None:
        state.put("checkpoint", "", found.key)
    return found


def _offers() -> dict[str, tuple[str, str]]:
    """Return what can be opened without an upload: name in the address to spelling and path."""
    from viz.model.zoo import OFFICIAL, shipped_checkpoints

    offers: dict[str, tuple[str, str]] = {}
    for given in Start.read().checkpoints:
        name, count = Path(given).name, 2
        while name in offers:
            name, count = f"{Path(given).name} ({count})", count + 1
        offers[name] = (given, given)
    for name, path in shipped_checkpoints().items():
        offers.setdefault(name, (name, str(path)))
    for name in OFFICIAL:
        offers.setdefault(name, (name, name))
    return offers


def _missing(wanted: str, shown: str) -> str:
    """Say what an address asks for that is not here."""
    parts = wanted.split(".", 2)
    if len(parts) == 3 and parts[0] == "upload":
        return (
            f"This link shows an uploaded file, {plain(parts[2])} (its sha256 begins with "
            f"{plain(parts[1])}); upload it on the left to see the same. Shown instead: "
            f"{plain(shown)}."
        )
    return f"There is no checkpoint called {plain(wanted)} here. Shown instead: {plain(shown)}."


def _absent(spelling: str) -> str:
    """Return the official name meant, if its weights would have to be downloaded."""
    from viz.model.zoo import official_name, on_this_machine

    name = "" if Path(spelling).exists() else official_name(spelling)
    return name if name and on_this_machine(name) is None else ""


def _open(key: str, say: Callable[[Callable[[], Any]], Any]) -> Opened | None:
    """Open one of the offers; say why it cannot be."""
    offers: dict[str, tuple[str, str]] = st.session_state[_OFFERS]
    upload: _Upload | None = st.session_state.get(_UPLOADED)
    spelling, path = offers[key]
    try:
        if upload is not None and key == upload.key:
            assert upload.checkpoint is not None
            return Opened(key, spelling, upload.checkpoint, True)
        absent = _absent(path)
        if absent:
            say(partial(show_download, absent))
            return None
        return Opened(key, spelling, _load_file(path), False)
    except (Refusal, OSError) as refused:
        say(partial(st.error, plain(refused)))
        return None


def choose() -> tuple[Opened | None, list[Callable[[], Any]]]:
    """Show the choice in the sidebar and open what is chosen.

    Returns
    -------
    opened : Opened or None
        None where nothing can be opened.
    messages : list of callable
        Each shows one sentence on the page.
    """
    messages: list[Callable[[], Any]] = []
    with st.sidebar:
        place = st.container()
        with st.expander("Open a file of your own"):
            upload = _upload()
        offers = _offers()
        if upload is not None and upload.checkpoint is not None:
            offers[upload.key] = (upload.name, "")
        if upload is not None and upload.error:
            messages.append(partial(st.error, plain(upload.error)))
        if all(_absent(path) for _, path in offers.values() if path):
            messages.append(partial(st.info, _NOTHING))
        st.session_state[_OFFERS] = offers
        with place:
            key = _select(list(offers), messages)
    found = _open(key, messages.append)
    st.session_state[_SLOT] = found
    return found, messages


def default_other() -> str:
    """Return the key of the checkpoint that the open one is compared with by default."""
    keys: list[str] = list(st.session_state[_OFFERS])
    return next((key for key in keys if key != opened().key), keys[0])


def choose_other(page: str) -> tuple[Opened | None, list[Callable[[], Any]]]:
    """Show the choice of a second checkpoint on the page, and open it.

    Parameters
    ----------
    page : str
        Whose setting ``with`` it is.

    Returns
    -------
    opened : Opened or None
        None where it cannot be opened.
    messages : list of callable
        Each shows one sentence on the page.
    """
    keys, label = list(st.session_state[_OFFERS]), _labels()
    wanted = state.wish("with", page)
    key = state.choice(
        "with", page, "Compare with", keys, default=default_other(), describe=label, written=True,
        help="The first one is chosen on the left; an uploaded file can be either.",
    )  # fmt: skip
    messages: list[Callable[[], Any]] = []
    if wanted and wanted not in keys:
        messages.append(partial(st.warning, _missing(wanted, label(key))))
    return _open(key, messages.append), messages


def _labels() -> Callable[[str], str]:
    """Return a function from what the address holds to what the user reads."""
    from viz.model.zoo import OFFICIAL

    upload: _Upload | None = st.session_state.get(_UPLOADED)
    mine = {upload.key: f"{upload.name} (uploaded)"} if upload is not None else {}

    def label(key: str) -> str:
        return mine.get(key, f"{key} (official)" if key in OFFICIAL else key)

    return label


def _select(keys: list[str], messages: list[Callable[[], Any]]) -> str:
    """Show the list of checkpoints; an unknown wish is answered with a sentence."""
    label = _labels()
    widget = state.widget_key("checkpoint", "")
    if state.undecided("checkpoint", ""):
        wanted = state.read("checkpoint", "")
        st.session_state[widget] = wanted if wanted in keys else keys[0]
        if wanted and wanted not in keys:
            messages.append(partial(st.warning, _missing(wanted, label(keys[0]))))
    elif st.session_state[widget] not in keys:
        st.session_state[widget] = keys[0]
    key = str(st.selectbox("Checkpoint", keys, key=widget, format_func=label))
    state.keep("checkpoint", "", key)
    return key


def opened() -> Opened:
    """Return the checkpoint that the page being run is about."""
    found: Opened = st.session_state[_SLOT]
    return found
