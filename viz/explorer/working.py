"""Long work on a page: how far it is, and a way to stop it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from viz.core.refusal import Nothing, Refusal
from viz.core.result import Result
from viz.explorer import state
from viz.explorer.cache import Tell, from_disk, key_of, store, to_disk
from viz.explorer.text import plain, said_here
from viz.views.base import Given

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint


T = TypeVar("T")
_BYTES = 10_000_000
"""More steps than these are bytes."""
_HEAVY = 4e9
"""Multiplications beyond which a page asks before it runs the network."""
_MOMENT = 0.3
"""Seconds: what takes longer is kept on disk, too."""
_EVERY = 0.1
"""Seconds between two messages to the browser."""


@dataclass(frozen=True)
class Worked(Generic[T]):
    """What work has made, a short key of all it was made from, a sentence on images skipped."""

    value: T
    key: str = ""
    note: str = ""


def heavy(checkpoint: Checkpoint, images: int) -> bool:
    """Tell whether running the network on so many images takes longer than a moment."""
    config = checkpoint.config
    places = (checkpoint.preprocessing.image_size // config.patch_size) ** 2
    each = config.dim * (config.kernel_size**2 + config.dim) * places
    return config.depth * each * images > _HEAVY


def _slot(name: str) -> str:
    return f"viz asked {name}"


def answer(name: str, wanted: bool | None) -> None:
    """Answer whether work is to be done, for `asked`; None forgets the answer."""
    st.session_state[_slot(name)] = wanted


@contextmanager
def working(name: str, what: str, *, counted: bool = True) -> Iterator[Tell]:
    """Show a bar and a button to stop, while the block runs.

    Whatever the user does on the page ends the work: the function given raises then. It is
    not begun again by itself after the button: see `asked`.
    """
    # The address tells what is being made even if the work is stopped.
    state.finish()
    box = st.empty()
    with box.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"{what} …")
        st.button("Stop", key=f"viz stop {name}", on_click=answer, args=(name, False))
    # Where the button stood that began the work.
    st.empty()
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _EVERY:
            return
        last = now
        share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
        text = f"{what} …"
        if total > _BYTES:
            text = f"{what}: {done >> 20:,} of {total >> 20:,} MB"
        elif total > 1 and counted:
            text = f"{what}: step {done:,} of {total:,}"
        # Here Streamlit raises what ends a run whose page has been left or changed.
        bar.progress(share, text=text)

    try:
        yield tell
    except Exception:
        box.empty()
        raise
    box.empty()


def asked(name: str, slow: bool, label: str = "Measure", *, quiet: bool = False) -> bool:
    """Tell whether work is to be done; ask where it takes long or was stopped."""
    wanted = st.session_state.get(_slot(name))
    if wanted or (wanted is None and not slow):
        return True
    told = st.container()
    # Two parts of a page may ask for the same.
    with suppress(StreamlitDuplicateElementKey):
        st.button(label, key=f"viz start {name}", on_click=answer, args=(name, True))
        if wanted is None and not quiet:
            told.info(f"This takes longer than a moment: press {label} to start.")
        elif wanted is False:
            told.info(f"Stopped; nothing of it is kept. Press {label} to begin again.")
    return False


def work(
    opened: Opened, function: Callable[..., T], *subjects: Checkpoint,
    images: Images | None = None, sweep: Path | None = None, name: str = "",
    what: str = "Measuring", slow: bool = False, label: str = "Measure", counted: bool = True,
    quiet: bool = False, **settings: Any,
) -> Worked[T] | None:  # fmt: skip
    """Return ``function(*subjects, given, **settings)``, made once, with a bar and a Stop.

    What is slow is made when its button, ``label``, is pressed; a ``quiet`` one stands alone.
    A refusal is shown in its place.
    """
    networks = subjects or (opened.checkpoint,)
    stamp = "" if images is None else images.stamp
    if sweep is not None:
        stamp += f" {sweep} {sweep.stat().st_mtime_ns}"
    key = key_of(function, *networks, **settings, images=stamp)
    kept = store(opened.private or (images is not None and images.private))
    # Photographs of one's own stay where they are.
    lasts = not opened.private and sweep is None and (images is None or images.folder is None)
    name = f"{name or function.__name__} {opened.key} {stamp[:16]}"
    given = Given(sweep=sweep)
    if key not in kept and not asked(name, slow, label, quiet=quiet):
        return None

    def make(tell: Tell) -> Worked[T]:
        short = hashlib.sha256(key.encode()).hexdigest()
        before = from_disk(key) if lasts else None
        if before is not None:
            return Worked(cast(T, before), short)
        start = time.monotonic()
        made = _made(function, networks, images, replace(given, progress=tell), settings)
        if lasts and isinstance(made.value, Result) and time.monotonic() - start > _MOMENT:
            to_disk(key, made.value)
        return replace(made, key=short)

    if key in kept:
        return kept.get(key, make, lambda done, total: None)
    try:
        with working(name, what, counted=counted) as tell:
            return kept.get(key, make, tell)
    except Nothing as error:
        # Nothing is wrong: this network or these images have nothing to show.
        st.info(plain(error))
    except Refusal as error:
        st.error(plain(said_here(str(error))))
    return None


def _made(
    function: Callable[..., T],
    networks: tuple[Checkpoint, ...],
    images: Images | None,
    given: Given,
    settings: dict[str, Any],
) -> Worked[T]:
    if images is None:
        return Worked(function(*networks, given, **settings))
    sets: list[ImageSet] = []
    with images.opening(networks[0], whole=given.sweep is not None) as opener:

        def again() -> ImageSet:
            sets.append(opener())
            return sets[-1]

        value = function(*networks, replace(given, images=again), **settings)
    note = max((each.note for each in sets), key=len, default="")
    return Worked(value, note=note)
