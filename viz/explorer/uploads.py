"""Checkpoints that a user uploads: checked as strictly as any file, kept with the session alone."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.cache import store
from viz.explorer.settings import MAX_HELD, MAX_UPLOAD, MAX_UPLOADS, SUFFIXES
from viz.explorer.text import plain, safe_name, said_here

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from viz.network.checkpoint import Checkpoint


_SLOT = "viz uploads"


@dataclass(frozen=True)
class Upload:
    """An uploaded file that could be opened, and its key in the address."""

    key: str
    name: str
    checkpoint: Checkpoint

    @property
    def held(self) -> int:
        """Bytes that it takes."""
        return 4 * self.checkpoint.config.n_parameters


@dataclass
class _Session:
    """What a session knows of its uploads, by the id that Streamlit gives a file.

    Of each that was ever looked at (``seen``) the sha256 and the bytes that it takes; the page on
    which the newest came.
    """

    good: dict[str, Upload] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    page: str = ""


def _session() -> _Session:
    if _SLOT not in st.session_state:
        st.session_state[_SLOT] = _Session()
    found: _Session = st.session_state[_SLOT]
    return found


def uploads() -> dict[str, Upload]:
    """Return the uploads that are open, by their key in the address, oldest first."""
    return {upload.key: upload for upload in _session().good.values()}


def refused() -> list[str]:
    """Return a sentence for each upload that is not open, for the page on which it came."""
    known = _session()
    here = known.page == state.page()
    return [*known.refused.values(), *known.waiting.values()] if here else []


def load_upload(name: str, content: bytes, load: Callable[[Path], Checkpoint]) -> Checkpoint:
    """Load an uploaded file as strictly as any other, and keep nothing of it on disk."""
    from viz.network.guards import CheckpointError

    name = safe_name(name)
    if len(content) > MAX_UPLOAD << 20:
        raise CheckpointError(
            f"{name}: {len(content) >> 20} MB found, at most {MAX_UPLOAD} expected; a larger "
            "file can be given where the explorer is started."
        )
    # The folder is readable by its owner alone, and gone before anything is shown.
    with tempfile.TemporaryDirectory(prefix="viz-upload-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return load(path)
        except Refusal as error:
            raise CheckpointError(str(error).replace(str(path), name)) from None


def take_uploads(load: Callable[[Path], Checkpoint]) -> None:
    """Show the upload field; read each new file once, forget those that were removed.

    The newest that can be opened becomes the checkpoint looked at. One that cannot be opened
    closes no other.
    """
    files = st.file_uploader(
        "Open files of your own", label_visibility="collapsed", type=list(SUFFIXES),
        accept_multiple_files=True, max_upload_size=MAX_UPLOAD, key="viz checkpoint files",
    )  # fmt: skip
    st.caption(
        "Trained ConvMixers (.safetensors, .pth, .pt, .ckpt, .pth.tar, .bin), up to "
        f"{MAX_UPLOADS}, each of at most {MAX_UPLOAD} MB. They are checked, never executed, stay "
        "on this machine and are forgotten when this window closes."
    )
    known = _session()
    _forget(known, {file.file_id for file in files})
    known.waiting.clear()
    for file in files:
        if file.file_id not in known.good and file.file_id not in known.refused:
            _take(known, file, load)
        elsewhere = known.refused | known.waiting if known.page != state.page() else {}
        if file.file_id in elsewhere:
            st.error(plain(said_here(elsewhere[file.file_id])))


def _forget(known: _Session, there: set[str]) -> None:
    """Forget removed files, and what was made from them."""
    for file_id in [each for each in known.seen if each not in there]:
        digest, _ = known.seen.pop(file_id)
        known.refused.pop(file_id, None)
        known.good.pop(file_id, None)
        if digest not in (digest for digest, _ in known.seen.values()):
            store(private=True).forget(digest)


def _take(known: _Session, file: UploadedFile, load: Callable[[Path], Checkpoint]) -> None:
    """Read a file where there is room for it; one that found none is tried again later."""
    name, file_id = safe_name(file.name), file.file_id
    if file_id not in known.seen:
        known.page = state.page()
        known.seen[file_id] = hashlib.sha256(file.getvalue()).hexdigest(), file.size
    digest, size = known.seen[file_id]
    upload = next((u for u in known.good.values() if u.checkpoint.source.sha256 == digest), None)
    full = "" if upload else _full(known, name, size)
    try:
        if upload is None and not full:
            with st.spinner(f"Reading {plain(name)} …"):
                checkpoint = load_upload(name, file.getvalue(), load)
            upload = Upload(f"upload.{digest[:8]}.{name}", name, checkpoint)
            # Half-precision weights take twice as much once they are read.
            known.seen[file_id] = digest, upload.held
            full = _full(known, name, upload.held)
    except Refusal as error:
        known.refused[file_id] = str(error)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        known.refused[file_id] = (
            f"{name} could not be read; the system says: {why}; see that there is room for "
            "temporary files, then open it again."
        )
    except Exception as fault:
        # Whatever the file does to this program, the other checkpoints stay usable.
        logging.getLogger("viz.explorer").exception("An upload could not be read")
        known.refused[file_id] = (
            f"{name} could not be read, and the fault is this program's own "
            f"({type(fault).__name__}); the log has the details."
        )
    if full:
        known.waiting[file_id] = full
    elif upload is not None:
        known.good[file_id] = upload
        state.put("checkpoint", "", upload.key)


def _full(known: _Session, name: str, size: int) -> str:
    """Say why there is no room for a further file; empty where there is."""
    opened = {upload.key: upload.held for upload in known.good.values()}
    held = sum(opened.values()) + size
    if len(opened) >= MAX_UPLOADS:
        return (
            f"{name} is not opened: {MAX_UPLOADS} uploads are open already, and no more can be; "
            "remove one with its x first."
        )
    if opened and held > MAX_HELD << 20:
        return (
            f"{name} is not opened: with it the uploads would take {held >> 20} MB, at most "
            f"{MAX_HELD} expected; remove one with its x first."
        )
    return ""
