"""Results kept between runs: by what they were made from, never by hashing arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened

__all__ = ["cached"]

T = TypeVar("T")
_ENTRIES = 48


def _call(key: str, _function: Callable[..., Any], _subject: Any, _settings: dict[str, Any]) -> Any:
    return _function(_subject, **_settings)


# Streamlit samples large arrays when it hashes them, and so may return another array's result:
# arrays, networks and functions are passed as _arguments, which it leaves out of the key.
_shared = st.cache_resource(max_entries=_ENTRIES, show_spinner="Working …")(_call)
_private = st.cache_resource(max_entries=_ENTRIES, show_spinner="Working …", scope="session")(_call)


def cached(opened: Opened, function: Callable[..., T], subject: Any, **settings: Any) -> T:
    """Return ``function(subject, **settings)``, computed once.

    Parameters
    ----------
    opened : Opened
        What is made from an upload is kept with the session only.
    function : callable
        A measure, or a function that lays a result out.
    subject : Checkpoint or Result
        With a ``source``: its hash, name and settings are the key.
    **settings : Any
        Part of the key; plain values, or functions, which go by their name.

    Returns
    -------
    Any
        Shared by everyone: read only.
    """
    source = subject.source
    made_from = [source.sha256, source.name, source.block, type(subject).__name__]
    key = json.dumps(
        [*made_from, _name(function), dict(source.settings), settings],
        sort_keys=True,
        default=_name,
    )
    run = _private if opened.private else _shared
    return cast(T, run(key, function, subject, settings))


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
