"""What the address bar holds: every setting of the page, so that a copied link shows the same.

Streamlit's own ``bind="query-params"`` does not serve: it writes an option as it is worded on the
page, forgets a page's settings when another one is opened, drops a number that is too large without
a word, and knows neither uploads nor clicks on a mosaic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

_OWN = 2.0
"""Seconds for which an address that this program wrote is taken for its own echo."""


def _memory() -> dict[str, Any]:
    if "viz" not in st.session_state:
        st.session_state["viz"] = {
            "kept": {},
            "written": [],
            "new": {},
            "link": False,
            "read": set(),
            "used": {},
            "defaults": {},
            "page": "",
            "names": {},
        }
    found: dict[str, Any] = st.session_state["viz"]
    return found


def begin(page: str = "") -> None:
    """Read the address at the start of a run.

    An address that this program did not just write came from a link, from the address bar or
    from the browser's back button: it wins over what the session remembers, and what it leaves out
    of the page's settings is as by default.
    """
    memory, now = _memory(), time.monotonic()
    address = st.query_params.to_dict()
    memory["written"] = [w for w in memory["written"][-8:] if now - w[0] < _OWN or w[2]]
    ours = any((page, address) == w[1] for w in memory["written"])
    memory["new"] = {} if ours else address
    memory["link"] = bool(memory["new"])
    memory["page"] = page
    for name in ("read", "used", "defaults"):
        memory[name].clear()


def page() -> str:
    """Return the name of the page being run."""
    return str(_memory()["page"])


def title() -> str:
    """Return the name of the page being run, as the menu has it."""
    found: str = st.session_state["viz pages"][_memory()["page"]].title
    return found


def finish() -> None:
    """Write the address at the end of a run: the settings that the page used, and no more.

    An address that leaves defaults out says the same already. Written out it would be a further
    step of the browser's history, and going back would end on the same page.
    """
    memory = _memory()
    used, address = dict(memory["used"]), st.query_params.to_dict()
    if used != {name: address.get(name, memory["defaults"].get(name)) for name in used | address}:
        st.query_params.from_dict(used)
        address = used
    older = [(when, what, False) for when, what, _ in memory["written"]]
    memory["written"] = [*older, (time.monotonic(), (memory["page"], address), True)]


def link(page: str, *names: str) -> dict[str, str]:
    """Return the address under which a page shows what it showed last."""
    memory = _memory()
    scopes = {"checkpoint": "", **dict.fromkeys(names, ""), **memory["names"].get(page, {})}
    kept = memory["kept"]
    return {n: kept[scope, n] for n, scope in scopes.items() if (scope, n) in kept}


def read(name: str, page: str, default: str = "") -> str:
    """Return a setting: from a new address, else as last used on that page, else the default."""
    memory = _memory()
    left_out = _left_out(name, page)
    memory["read"].add((page, name))
    if name in memory["new"]:
        return str(memory["new"].pop(name))
    if left_out:
        return default
    return str(memory["kept"].get((page, name), default))


def _left_out(name: str, page: str) -> bool:
    """Tell whether a link has been followed that leaves this setting of its page open."""
    memory = _memory()
    return bool(page) and memory["link"] and (page, name) not in memory["read"]


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


def keep(name: str, page: str, value: object, default: str | None = None) -> None:
    """Remember a setting of the page being shown, and put it into the address."""
    memory = _memory()
    memory["kept"][(page, name)] = memory["used"][name] = str(value)
    memory["names"].setdefault(memory["page"], {})[name] = page
    if default is not None:
        memory["defaults"][name] = default


def word(name: str, page: str, options: Sequence[str], default: str) -> str:
    """Return a setting that no widget shows, bound to the address; `put` changes it."""
    wanted = read(name, page, default)
    value = wanted if wanted in options else default
    keep(name, page, value, default)
    return value


def widget_key(name: str, page: str) -> str:
    """Return the key of a setting's widget."""
    return f"viz {page} {name}"


def undecided(name: str, page: str) -> bool:
    """Tell whether `read` decides a setting's value in this run, not its widget."""
    known = widget_key(name, page) in st.session_state and name not in _memory()["new"]
    return not known or _left_out(name, page)


def choice(
    name: str, page: str, label: str, options: Sequence[str], *, default: str,
    describe: Callable[[str], str] = str, help: str | None = None, written: bool = False,
) -> str:  # fmt: skip
    """Show a list to choose from, as wide as its longest word, bound to the address."""
    width = min(400, max(170, 60 + 6 * max(len(describe(each)) for each in options)))
    key = widget_key(name, page)
    if undecided(name, page):
        wanted = read(name, page, default)
        st.session_state[key] = wanted if wanted in options else default
    elif st.session_state[key] not in options:
        st.session_state[key] = default
    value = str(st.selectbox(label, options, key=key, format_func=describe, help=help, width=width))
    keep(name, page, value, None if written else default)
    return value


def number(name: str, page: str, label: str, count: int) -> int:
    """Show a whole number from 0 to ``count`` - 1, bound to the address."""
    key = widget_key(name, page)
    if undecided(name, page):
        wanted = read(name, page, "0")
        st.session_state[key] = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
    wanted_number = int(st.session_state[key] or 0)
    st.session_state[key] = max(0, min(wanted_number, count - 1))
    if wanted_number >= count:
        st.warning(f"There is no {label.lower()} {wanted_number}: they are 0 to {count - 1}.")
    value = int(st.number_input(label, 0, count - 1, key=key, step=1, width=150, format="%d"))
    keep(name, page, value, "0")
    return value


def switch(name: str, page: str, label: str) -> bool:
    """Show a switch, off by default; the address holds it while it is on."""
    key = widget_key(name, page)
    if undecided(name, page):
        st.session_state[key] = read(name, page) == "yes"
    value = bool(st.toggle(label, key=key))
    (keep if value else remember)(name, page, "yes" if value else "")
    return value


def several(
    name: str, page: str, label: str, options: Sequence[str], *, default: Sequence[str],
    describe: Callable[[str], str] = str,
) -> list[str]:  # fmt: skip
    """Show options of which several can be chosen, bound to the address."""
    key = widget_key(name, page)
    if undecided(name, page):
        wanted = read(name, page, ",".join(default)).split(",")
        st.session_state[key] = [each for each in options if each in wanted] or list(default)
    chosen = st.multiselect(label, options, key=key, format_func=describe)
    found = [each for each in options if each in chosen]
    keep(name, page, ",".join(found), ",".join(default))
    return found
