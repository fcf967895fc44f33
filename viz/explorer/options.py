"""A card's options as widgets, bound to the address; only what differs from the default counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.explorer import state
from viz.explorer.text import plain, said_here
from viz.views.attribution.methods import SUITABLE

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Option, Shown

_TECHNICAL = ("batch_size", "memory")
"""What they set changes no number."""
_DEFAULT = re.compile(r"\s*\[default: [^\]]*\]")
"""What the help of the command line adds."""
_AMONG = {("attribution", "method"): SUITABLE}
"""Words that an option takes, where its card does not list them."""


def choose_options(
    row: Shown, page: str, checkpoint: Checkpoint
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Show a card's options; return those of the measure and those of the main figure."""
    options = [each for each in row.options if each.name not in _TECHNICAL]
    chosen: dict[str, Any] = {}
    if options:
        with st.expander("Settings"), st.grid("auto", min_column_width=220):
            for option in options:
                _choose(row, option, page, checkpoint, chosen)
    draws = {option.name for option in options if option.draws}
    return (
        {name: value for name, value in chosen.items() if name not in draws},
        {name: value for name, value in chosen.items() if name in draws},
    )


def _choose(
    row: Shown, option: Option, page: str, checkpoint: Checkpoint, chosen: dict[str, Any]
) -> None:
    """Show one option, and keep what it is set to where that is not the default."""
    usual = () if option.many else option.default
    words = option.kind if isinstance(option.kind, tuple) else _AMONG.get((row.name, option.name))
    key = state.widget_key(option.name, page)
    default = _text(usual)
    if state.undecided(option.name, page):
        st.session_state[key] = _read(state.read(option.name, page, default), option, words)
    label = option.name.replace("_", " ").capitalize()
    given: Any
    about: dict[str, Any] = {"key": key, "help": said_here(_DEFAULT.sub("", option.help))}
    if option.kind is bool:
        given = st.toggle(label, **about)
    elif words is not None and option.many:
        given = tuple(st.multiselect(label, words, placeholder="as by default", **about))
    elif words is not None:
        given = st.selectbox(label, words, **about)
    elif option.kind in (int, float):
        most = checkpoint.config.depth - 1 if option.name == "block" else None
        least = None if option.least is None else option.kind(option.least)
        given = st.number_input(
            label, least, most, step=option.kind(1), placeholder="as by default", **about
        )
    else:
        given = st.text_input(label, placeholder="as by default", **about)
    value = given
    if not isinstance(option.kind, (tuple, type)) and given:
        try:
            value = option.kind(given)
        except ValueError as error:
            st.error(plain(error))
            value = None
    text = _text(given)
    (state.remember if text == default else state.keep)(option.name, page, text)
    if value not in (usual, None, ""):
        chosen[option.name] = value


def _text(value: Any) -> str:
    """Return a setting as the address holds it."""
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _read(text: str, option: Option, words: tuple[str, ...] | None) -> Any:
    """Read a setting from an address; what makes no sense is the default."""
    usual = option.default
    if option.kind is bool:
        return {"True": True, "False": False}.get(text, bool(usual))
    if words is not None:
        found = [word for word in words if word in text.split(",")]
        return found if option.many else (found[0] if found else usual)
    if option.kind in (int, float):
        try:
            number = option.kind(text)
        except (ValueError, OverflowError):
            return usual
        small = option.least is not None and not number >= option.least
        return usual if small or abs(number) > 1e9 else number
    return text
