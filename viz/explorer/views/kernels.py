"""Depthwise kernels by depth: all blocks as one atlas, or one block in full, by name or whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from viz.core.network import counted
from viz.explorer import state
from viz.explorer.browse import browse
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.kernels import at_hand, bank, choose_kernels, described, names_of, needs_names
from viz.explorer.one_kernel import DESCRIBING
from viz.explorer.sections import folded
from viz.explorer.take_home import call, file_stem, python, take_home
from viz.explorer.text import plain
from viz.explorer.words import ANY_NAME, SCALE_WORDS, sorted_by
from viz.plot.mosaic import limits
from viz.views.kernels.colours import minus
from viz.views.kernels.result import DepthwiseDescription
from viz.views.weights.draw import drawn_mosaic, kernel_mosaic
from viz.views.weights.measure import named_kernels
from viz.views.wording import percent

_PAPER = 64
_SHOW = {
    "atlas": f"all blocks, {_PAPER} kernels each",
    "all": "all blocks, every kernel",
    "block": "one block, every kernel",
}
_MISLEADS = {
    "block": "Each block has its own colour scale: colours of two blocks cannot be compared.",
    "figure": "One scale serves all: blocks with small weights look empty.",
    "tile": "Each kernel has its own scale: a dead kernel looks as strong as any.",
}
_NORM = " A batch norm follows every kernel, so its size says little about its effect."


def _settings(found: Opened) -> tuple[dict[str, Any], str, bool]:
    """Show the widgets; return what is shown, in which order, the colour scale, names or not."""
    config = found.checkpoint.config
    large = config.dim > _PAPER
    with st.container(horizontal=True, vertical_alignment="bottom"):
        told = (
            f"The {_PAPER} channels are chosen once at random and are the same in every block, as "
            "in the paper's figure."
        )
        show = state.choice(
            "show", "kernels", "Show", [s for s in _SHOW if s != "atlas" or large],
            default="atlas" if large else "all", describe=_SHOW.__getitem__,
            help=told if large else None,
        )  # fmt: skip
        block = None
        if show == "block":
            block = state.number("block", "kernels", "Block", config.depth)
        order, name = choose_kernels("kernels", "Order within a block")
        scale = state.choice(
            "scale", "kernels", "Colour scale", list(_MISLEADS), default="block",
            describe=SCALE_WORDS.__getitem__,
        )  # fmt: skip
        names = state.switch("names", "kernels", "Names below the tiles")
    settings = {
        "blocks": None if block is None else [block], "order": order, "name": name,
        "per_block": _PAPER if show == "atlas" else None,
    }  # fmt: skip
    return settings, scale, names


def _shares(description: DepthwiseDescription, blocks: list[int] | None) -> None:
    """Write which share of the kernels has which name."""
    if blocks:
        where, shares = f"block {blocks[0]}'s kernels", description.shares(blocks[0])
    else:
        where, shares = "all kernels", description.shares()
    unnamed = shares.pop("unnamed")
    parts = [
        f"{plain(minus(name))} **{percent(share)}**"
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if share >= 0.005
    ]
    told = f"**{percent(1 - unnamed)}** of {where} look clearly like one shape"
    st.markdown(f"{told}{': ' if parts else ''}{', '.join(parts)}.".replace(" %", "\u00a0%"))


def _about_names(description: DepthwiseDescription) -> None:
    st.caption(
        "Centre-surround is on-centre and off-centre together. Of kernels of a new, untrained "
        f"network {percent(description.null_coverage)} get a name."
    )
    st.page_link(
        st.session_state["viz pages"]["kernel_names"],
        label="The share of each name, block by block, and what the names mean",
        query_params={"checkpoint": opened().key},
    )


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    st.title(state.title(), anchor=False)
    told = st.empty()
    settings, scale, named = _settings(found)
    blocks, order, name = settings["blocks"], settings["order"], settings["name"]
    # What needs no description is shown before it is made.
    first = named or needs_names(order, name)
    description = described(found) if first else at_hand(found)
    result = bank(found, description, **settings)
    if not len(result.kernels):
        st.info(f"No kernel shown here is named {plain(name)}.")
        return
    where = f"block {blocks[0]}" if blocks else f"{counted(config.depth, 'block')}, first first"
    ends = _ends(found, settings, scale)
    only = "" if name == ANY_NAME else f", named {name}"
    browse(
        found, result, kernel_mosaic, "kernels", named=named, scale=scale, ends=ends,
        labels=None if description is None else names_of(description, result),
        alt=f"{len(result.kernels):,} depthwise kernels of {config.kernel_size} × "
        f"{config.kernel_size} taps: {where}{only}, ordered by {sorted_by(result.order)}.",
    )  # fmt: skip
    st.caption(_MISLEADS[scale] + _NORM)
    description = at_hand(found)
    if description is not None:
        with told.container():
            _shares(description, blocks)
        _about_names(description)
    _home(found, result, settings, scale, ends)
    with folded("The kernels in numbers", "kernels numbers") as wanted:
        if wanted:
            st.dataframe(result.to_frame(), hide_index=True)


def _ends(found: Opened, settings: dict[str, Any], scale: Any) -> list[float] | None:
    """Return where the scales of all kernels end, for those of one name."""
    if settings["name"] == ANY_NAME or scale == "tile":
        return None
    whole = bank(found, None, **{**settings, "name": ANY_NAME, "order": "index"})
    ends = np.ones(found.checkpoint.config.depth)
    ends[whole.block] = limits(whole.kernels, scale, whole.block)
    found_ends: list[float] = ends.tolist()
    return found_ends


def _home(
    found: Opened, result: Any, settings: dict[str, Any], scale: Any, ends: list[float] | None
) -> None:
    """Show the downloads, and the lines that make the same."""
    blocks, order, name = settings["blocks"], settings["order"], settings["name"]
    if needs_names(order, name):
        given = {**settings, "name": None if name == ANY_NAME else name}
        drawn = call(kernel_mosaic, "result", scale=scale, ends=ends)
        script = (
            f"{DESCRIBING}\nresult = {call(named_kernels, 'description', **given)}\n"
            f"figure = {call(drawn_mosaic, drawn)}"
        )
    else:
        chosen = f", blocks={blocks!r}" if blocks else ""
        every = ", all=True" if settings["per_block"] is None else ""
        script = (
            f"result = viz.kernels(checkpoint{chosen})\n"
            f"figure = result.plot(order={order!r}, scale={scale!r}{every})"
        )
    view = f"kernels-block-{blocks[0]}" if blocks else "kernels"
    stem = file_stem(found, view if name == ANY_NAME else f"{view}-{name}")
    take_home(
        stem, result, lambda: drawn_mosaic(kernel_mosaic(result, scale=scale, ends=ends)),
        script=python(found, script, stem),
    )  # fmt: skip


_page(opened())
