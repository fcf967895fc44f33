"""What a checkpoint's file does not say and its user knows: input, activation, class names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer import state
from viz.explorer.text import plain, said_here

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened


_NAMES = ("image_size", "mean", "std", "activation")
_MOST = 2000
UNSAID = "What the file does not say"
"""Title of the fields."""


def options_of(opened: Opened) -> dict[str, str]:
    """Return what was told of a checkpoint, as the command line takes it."""
    return {
        name: ",".join(f"{v:g}" for v in value) if isinstance(value, (list, tuple)) else str(value)
        for name, value in opened.told.items()
    }


def say_assumed(opened: Opened) -> None:
    """Say that the network may see photographs at another size than it learned on."""
    told = opened.checkpoint.preprocessing
    if told.known.startswith("assumed"):
        st.info(
            "The file does not say how large the images were that the network learned on: "
            f"{told.image_size} × {told.image_size} pixels are assumed, and at another size it may "
            f"answer otherwise. The size can be given under “{UNSAID}”, on the left."
        )


def _asked(key: str) -> dict[str, Any]:
    """Return what the address or the session tells of this checkpoint, unchecked."""
    text = state.read("input", "")
    try:
        found = json.loads(text) if len(text) < _MOST else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.pop("of", None) != key:
        return {}
    return {name: value for name, value in found.items() if name in _NAMES}


def _numbers(text: str) -> list[float] | None:
    return [float(part) for part in text.split(",")] if text.strip() else None


def _form(opened: Opened, asked: dict[str, Any]) -> dict[str, Any]:
    """Show the fields; return what they say."""
    pre, config = opened.checkpoint.preprocessing, opened.checkpoint.config

    def field(name: str, label: str, usual: str, help: str) -> str:
        now = asked.get(name)
        shown = ",".join(f"{v:g}" for v in now) if isinstance(now, list) else str(now or "")
        key = f"viz input {opened.key} {name}"
        return st.text_input(label, shown, key=key, placeholder=usual, help=help).strip()

    size = field("image_size", "Side of the input, in pixels", str(pre.image_size), pre.known)
    listed = [",".join(f"{v:g}" for v in values) for values in (pre.mean, pre.std)]
    mean = field("mean", "Mean", listed[0], "Of each input channel, of values in [0, 1].")
    std = field("std", "Standard deviation", listed[1], "Of each input channel.")
    source = opened.checkpoint.source.activation_source
    act = field("activation", "Activation", config.activation, source)
    said = {
        "image_size": int(size) if size else None,
        "mean": _numbers(mean),
        "std": _numbers(std),
        "activation": act or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def adapt(opened: Opened) -> tuple[Opened, list[Callable[[], Any]]]:
    """Show the fields in the sidebar; return the checkpoint as told, and what shows its faults."""
    from viz.network.checkpoint import adapted

    asked = _asked(opened.key)
    with st.sidebar, st.expander(UNSAID, expanded=bool(asked)):
        try:
            said = _form(opened, asked)
        except ValueError:
            text = "A number was expected: 224 for a size, 0.485,0.456,0.406 for mean and std."
            return opened, [partial(st.error, text)]
        names = st.text_area(
            "Class names, one per line", key=f"viz classes {opened.key}", max_chars=200_000
        ).splitlines()
    told = {**said, **({"classes": [n for n in names if n.strip()]} if names else {})}
    if said or asked:
        state.keep("input", "", json.dumps({"of": opened.key, **said}) if said else "", "")
    if not told:
        return opened, []
    try:
        return replace(opened, checkpoint=adapted(opened.checkpoint, **told), told=said), []
    except Refusal as error:
        return opened, [partial(st.error, plain(said_here(str(error))))]
