"""Choosing a checkpoint: shipped, from the command line, uploaded, or an official one."""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.adapting import adapt
from viz.explorer.official import show_download
from viz.explorer.settings import Start
from viz.explorer.text import plain, said_here
from viz.explorer.uploads import refused, take_uploads, uploads

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint


_SLOT = "viz opened"
_NOTHING = (
    "No checkpoint is shipped with this installation yet: upload one on the left, or take official "
    "weights."
)
_OFFERS = "viz offers"
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Opened:
    """The checkpoint being looked at, shared by everyone who looks at it: never changed.

    What is made from a private one is forgotten with the session; ``told`` is what the user told
    of it, by the options of `viz.load`.
    """

    key: str
    spelling: str
    checkpoint: Checkpoint
    private: bool
    told: Mapping[str, Any] = field(default_factory=dict)


@st.cache_resource(max_entries=3, show_spinner="Loading the checkpoint …")
def _load_shared(spelling: str, stamp: tuple[int, int]) -> Checkpoint:
    return _load(spelling)


def _load(source: str | Path) -> Checkpoint:
    """Load one file at a time, which bounds the memory; warnings are shown on the page."""
    from viz.network.checkpoint import load
    from viz.network.guards import CheckpointWarning

    with _LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckpointWarning)
        return load(source)


def _load_file(spelling: str) -> Checkpoint:
    path = Path(spelling)
    stat = path.stat() if path.is_file() else None
    return _load_shared(spelling, (stat.st_mtime_ns, stat.st_size) if stat else (0, 0))


def _offers() -> dict[str, tuple[str, str]]:
    """Return what can be opened: name in the address to spelling and path, none for an upload."""
    from viz.network.zoo import OFFICIAL, shipped_checkpoints

    offers: dict[str, tuple[str, str]] = {}
    for given in Start.read().checkpoints:
        name, count = Path(given).name, 2
        while name in offers:
            name, count = f"{Path(given).name} ({count})", count + 1
        offers[name] = (given, given)
    for name, path in shipped_checkpoints().items():
        offers.setdefault(name, (name, str(path)))
    offers.update({key: (upload.name, "") for key, upload in uploads().items()})
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


def _open(key: str, say: Callable[[Callable[[], Any]], Any]) -> Opened | None:
    """Open one of the offers; say why it cannot be."""
    from viz.network.zoo import to_download

    offers: dict[str, tuple[str, str]] = st.session_state[_OFFERS]
    upload = uploads().get(key)
    spelling, path = offers[key]
    try:
        if upload is not None:
            return Opened(key, spelling, upload.checkpoint, True)
        absent = to_download(path)
        if absent:
            say(partial(show_download, absent))
            return None
        return Opened(key, spelling, _load_file(path), False)
    except (Refusal, OSError) as refused:
        say(partial(st.error, plain(said_here(str(refused)))))
        return None


def choose() -> tuple[Opened | None, list[Callable[[], Any]]]:
    """Show the choice in the sidebar and open what is chosen."""
    from viz.network.zoo import to_download

    messages: list[Callable[[], Any]] = []
    with st.sidebar:
        place = st.container()
        with st.expander("Open files of your own"):
            # Looked up anew at every call.
            take_uploads(lambda path: _load(path))
        offers = _offers()
        messages += [partial(st.error, plain(said_here(sentence))) for sentence in refused()]
        if all(to_download(path) for _, path in offers.values() if path):
            messages.append(partial(st.info, _NOTHING))
        st.session_state[_OFFERS] = offers
        with place:
            key = _select(list(offers), messages)
    found = _open(key, messages.append)
    if found is not None:
        found, said = adapt(found)
        messages += said
    st.session_state[_SLOT] = found
    return found, messages


def default_other() -> str:
    """Return the key of the checkpoint that the open one is compared with by default."""
    keys: list[str] = list(st.session_state[_OFFERS])
    return next((key for key in keys if key != opened().key), keys[0])


def choose_other(page: str, *, nothing: str = "") -> tuple[Opened | None, list[Callable[[], Any]]]:
    """Show the choice of a second checkpoint on the page, and open it."""
    keys, label = [*([""] if nothing else []), *st.session_state[_OFFERS]], _labels()
    wanted = state.wish("with", page)
    key = state.choice(
        "with", page, "Compare with", keys, default=keys[0] if nothing else default_other(),
        describe=lambda key: label(key) if key else nothing, written=not nothing,
        help="The first one is chosen on the left; an uploaded file can be either.",
    )  # fmt: skip
    messages: list[Callable[[], Any]] = []
    if wanted and wanted not in keys:
        messages.append(partial(st.warning, _missing(wanted, label(key) or nothing)))
    return (_open(key, messages.append) if key else None), messages


def _labels() -> Callable[[str], str]:
    """Return a function from what the address holds to what the user reads."""
    from viz.network.zoo import OFFICIAL

    mine = uploads()
    names = Counter(upload.name for upload in mine.values())

    def label(key: str) -> str:
        if key in mine:
            more = f", sha256 {key.split('.')[1]}…" if names[mine[key].name] > 1 else ""
            return f"{mine[key].name} (uploaded{more})"
        return f"{key} (official)" if key in OFFICIAL else key

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
