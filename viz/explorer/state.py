"""What the address bar holds: every setting of the page, so that a copied link shows the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import streamlit as st

__all__ = [
    "begin",
    "choice",
    "finish",
    "go",
    "keep",
    "number",
    "put",
    "read",
    "remember",
    "undecided",
    "widget_key",
    "wish",
]

_OWN = 2.0
"""Seconds for which an address that this program wrote is taken for its own echo."""


def _memory() -> dict[str, Any]:
    if "viz" not in st.session_state:
        st.session_state["viz"] = {"kept": {}, "written": [], "new": {}, "used": {}}
    found: dict[str, Any] = st.session_state["viz"]
    return found


def begin() -> None:
    """Read the address at the start of a run.

    An address that this program did not just write came from a link, from the address bar or
    from the browser's back button: it wins over what the session remembers.
    """
    memory, now = _memory(), time.monotonic()
    address = st.query_params.to_dict()
    memory["written"] = [w for w in memory["written"][-8:] if now - w[0] < _OWN or w[2]]
    ours = any(address == w[1] for w in memory["written"])
    memory["new"] = {} if ours else address
    memory["used"] = {}


def finish() -> None:
    """Write the address at the end of a run: the settings that the page used, and no more."""
    memory = _memory()
    address = memory["used"]
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)
    older = [(when, what, False) for when, what, _ in memory["written"]]
    memory["written"] = [*older, (time.monotonic(), dict(address), True)]


def read(name: str, page: str, default: str = "") -> str:
    """Return a setting: from a new address, else as last used on that page, else the default.

    Parameters
    ----------
    name : str
        As in the address.
    page : str
        Settings of one name on two pages are two settings.
    default : str
        Where nothing is known.

    Returns
    -------
    str
        Not checked: an address may say anything.
    """
    memory = _memory()
    if name in memory["new"]:
        return str(memory["new"].pop(name))
    return str(memory["kept"].get((page, name), default))


def wish(name: str, page: str) -> str:
    """Return what a new address asks for, before a widget has read it; else nothing."""
    return str(_memory()["new"].get(name, ""))


def put(name: str, page: str, value: object) -> None:
    """Remember a setting for when its page is shown next; the address follows then."""
    _memory()["kept"][(page, name)] = str(value)
    st.session_state.pop(widget_key(name, page), None)


def remember(name: str, page: str, value: object) -> None:
    """Remember a setting that its widget shows, but the address of this page does not hold."""
    _memory()["kept"][(page, name)] = str(value)


def keep(name: str, page: str, value: object) -> None:
    """Remember a setting of the page being shown, and put it into the address."""
    memory = _memory()
    memory["kept"][(page, name)] = memory["used"][name] = str(value)


def go(page: str, **settings: object) -> NoReturn:
    """Leave for another page with all of its settings; one step back returns from there.

    Were the address completed only by that page, it would be a further step of the browser's
    history, and going back would end on the same page.

    Parameters
    ----------
    page : str
        File in views/.
    **settings : object
        Every setting that the page keeps in the address, besides the checkpoint.
    """
    for name, value in settings.items():
        put(name, page, value)
    address = {name: str(value) for name, value in settings.items()}
    st.switch_page(
        st.session_state["viz pages"][page],
        query_params={"checkpoint": _memory()["used"]["checkpoint"], **address},
    )


def widget_key(name: str, page: str) -> str:
    """Return the key of a setting's widget."""
    return f"viz {page} {name}"


def undecided(name: str, page: str) -> bool:
    """Tell whether `read` decides a setting's value in this run, not its widget."""
    return widget_key(name, page) not in st.session_state or name in _memory()["new"]


def choice(
    name: str,
    page: str,
    label: str,
    options: Sequence[str],
    *,
    default: str,
    describe: Callable[[str], str] = str,
    help: str | None = None,
    disabled: bool = False,
) -> str:
    """Show a list to choose from, bound to the address.

    Parameters
    ----------
    name : str
        As for `read`.
    page : str
        As for `read`.
    label : str
        Above the list.
    options : sequence of str
        As in the address. Anything else in the address is ignored.
    default : str
        One of them.
    describe : callable
        Option to what is shown.
    help : str, optional
        Shown on demand.
    disabled : bool
        Shown, but cannot be changed.

    Returns
    -------
    str
        The option chosen.
    """
    key = widget_key(name, page)
    if undecided(name, page):
        wanted = read(name, page, default)
        st.session_state[key] = wanted if wanted in options else default
    elif st.session_state[key] not in options:
        st.session_state[key] = default
    value = str(
        st.selectbox(
            label, options, key=key, format_func=describe, help=help, disabled=disabled, width=250
        )
    )
    keep(name, page, value)
    return value


def number(name: str, page: str, label: str, count: int, *, help: str | None = None) -> int:
    """Show a whole number from 0 to ``count`` - 1, bound to the address.

    Parameters
    ----------
    name : str
        As for `read`.
    page : str
        As for `read`.
    label : str
        Above the number.
    count : int
        How many there are. A larger number in the address becomes the last one, anything else 0.
    help : str, optional
        Shown on demand.

    Returns
    -------
    int
        The number.
    """
    key = widget_key(name, page)
    if undecided(name, page):
        wanted = read(name, page, "0")
        st.session_state[key] = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
    wanted_number = int(st.session_state[key] or 0)
    st.session_state[key] = max(0, min(wanted_number, count - 1))
    if wanted_number >= count:
        st.warning(f"There is no {label.lower()} {wanted_number}: they are 0 to {count - 1}.")
    value = int(
        st.number_input(label, 0, count - 1, key=key, step=1, help=help, width=150, format="%d")
    )
    keep(name, page, value)
    return value
