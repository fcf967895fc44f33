"""Results kept between runs: by what they were made from, never by hashing arrays.

What took longer than a moment is also kept on disk for the next start, unless it is private.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st

import viz
from viz.core.result import Result

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened


T = TypeVar("T")
Tell = Callable[[int, int], None]
"""Called with (steps done, steps in all); it may raise to stop the work."""
_SHARED, _PRIVATE = 400 << 20, 128 << 20
_ON_DISK = 200 << 20
_LOOK = 0.1
"""Seconds between two looks at work that somebody else does."""


class Store:
    """Results by key: the oldest go when they take more bytes than allowed; the newest stays.

    Whoever asks first makes a result; who asks for the same meanwhile waits for it. If the maker
    stops or fails nothing is kept, and the next one begins anew.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._making: dict[str, _Work] = {}

    @property
    def used(self) -> int:
        """Bytes that the results take."""
        with self._lock:
            return sum(held for _, held in self._kept.values())

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._kept

    def get(self, key: str, make: Callable[[Tell], T], tell: Tell) -> T:
        """Return what is kept, or make it."""
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return cast(T, self._kept[key][0])
                work = self._making.get(key)
                mine = work is None
                if work is None:
                    work = self._making[key] = _Work()
            if mine:
                return self._make(key, work, make, tell)
            while not work.over.wait(_LOOK):
                tell(*work.at)

    def _make(self, key: str, work: _Work, make: Callable[[Tell], T], tell: Tell) -> T:
        def step(done: int, total: int) -> None:
            work.at = (done, total)
            tell(done, total)

        try:
            made = make(step)
            held = size(made)
            with self._lock:
                self._kept[key] = (made, held)
                while len(self._kept) > 1 and self._held() > self.limit:
                    self._kept.popitem(last=False)
            return made
        finally:
            with self._lock:
                del self._making[key]
            work.over.set()

    def forget(self, part: str) -> None:
        """Drop every result whose key holds this text, such as a checkpoint's sha256."""
        with self._lock:
            for key in [each for each in self._kept if part in each]:
                del self._kept[key]

    def _held(self) -> int:
        return sum(held for _, held in self._kept.values())


@dataclass
class _Work:
    """What is being made: whether it is over, and how far it is."""

    over: threading.Event = field(default_factory=threading.Event)
    at: tuple[int, int] = (0, 0)


def size(value: Any) -> int:
    """Estimate the bytes that a result takes."""
    if isinstance(value, (bytes, bytearray, str)):
        return sys.getsizeof(value)
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(size(getattr(value, f.name)) for f in fields(value))
    if isinstance(value, Mapping):
        return sum(size(k) + size(v) for k, v in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        if value and all(isinstance(v, (int, float)) for v in value):
            return sys.getsizeof(value) + len(value) * sys.getsizeof(next(iter(value)))
        return sys.getsizeof(value) + sum(map(size, value))
    return sys.getsizeof(value)


@st.cache_resource(show_spinner=False)
def _shared() -> Store:
    return Store(_SHARED)


def store(private: bool) -> Store:
    """Return where results are kept."""
    if not private:
        return _shared()
    if "viz store" not in st.session_state:
        st.session_state["viz store"] = Store(_PRIVATE)
    return cast(Store, st.session_state["viz store"])


def key_of(function: Callable[..., Any], *subjects: Any, **settings: Any) -> str:
    """Return the key of a result."""
    made_from = [
        [
            *(subject.source.sha256, subject.source.name, subject.source.block),
            type(subject).__name__,
            *(dict(subject.source.settings), dict(subject.source.images)),
            _as_told(subject),
        ]
        for subject in subjects
    ]
    return json.dumps([made_from, _name(function), settings], sort_keys=True, default=_name)


def _as_told(subject: Any) -> list[Any]:
    """Return what of a checkpoint does not follow from its file: its user may tell it."""
    if not hasattr(subject, "preprocessing"):
        return []
    names = hashlib.sha256("\n".join(subject.classes or ()).encode()).hexdigest()
    return [subject.preprocessing.to_dict(), subject.config.activation, names]


def cached(opened: Opened, function: Callable[..., T], subject: Any, **settings: Any) -> T:
    """Return ``function(subject, **settings)``, computed once; for what takes a moment."""
    key, kept = key_of(function, subject, **settings), store(opened.private)

    def make(_: Tell) -> T:
        with st.spinner("Working …"):
            return function(subject, **settings)

    return kept.get(key, make, lambda done, total: None)


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def folder() -> Path:
    """Return where results lie between two starts: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convmixer-viz"


@cache
def _program() -> str:
    """Return a hash of this program's source: another one may find something else."""
    whole = hashlib.sha256()
    for path in sorted(Path(viz.__file__).parent.rglob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _stem(key: str) -> str:
    return hashlib.sha256(f"{_program()} {key}".encode()).hexdigest()


def from_disk(key: str) -> Result | None:
    """Return what an earlier start has kept; what cannot be read is removed."""
    for path in folder().glob(f"{_stem(key)}-*.npz"):
        module, _, name = path.stem.partition("-")[2].rpartition(".")
        try:
            kind = getattr(import_module(module), name) if module.startswith("viz.") else None
            if isinstance(kind, type) and issubclass(kind, Result):
                found = kind.load(path)
                os.utime(path)
                return found
        except (ImportError, AttributeError, ValueError, OSError):
            path.unlink(missing_ok=True)
    return None


def to_disk(key: str, result: Result) -> None:
    """Keep a result for the next start; those not used for longest go where there are too many."""
    kind, place = type(result), folder()
    path = place / f"{_stem(key)}-{kind.__module__}.{kind.__qualname__}.npz"
    part = path.with_name(f"{os.getpid()}.{threading.get_ident()}")
    try:
        place.mkdir(parents=True, exist_ok=True)
        result.save(part).replace(path)
        files = sorted(place.glob("*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
        held = 0
        for each in files:
            held += each.stat().st_size
            if held > _ON_DISK and each != path:
                each.unlink(missing_ok=True)
    except OSError:
        # A full or locked disk is no reason to show nothing.
        logging.getLogger("viz.explorer").info("A result was not kept on disk", exc_info=True)
        with suppress(OSError):
            part.unlink()
