"""Depthwise kernels by depth: all blocks as one atlas, or one block in full."""

from __future__ import annotations

from typing import Any

import streamlit as st
from matplotlib.figure import Figure

from viz.draw.weights import draw_mosaic, kernel_mosaic, mosaic_figure
from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.mosaic import show_mosaic
from viz.explorer.take_home import command, file_stem, python, take_home
from viz.explorer.words import KERNEL_ORDER_WORDS, SCALE_WORDS, sorted_by
from viz.measure.weights import depthwise_kernels

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


def _settings(found: Opened) -> tuple[dict[str, Any], str]:
    """Show the widgets; return the measure's settings and the colour scale."""
    config = found.checkpoint.config
    large = config.dim > _PAPER
    with st.container(horizontal=True):
        show = state.choice(
            "show",
            "depthwise",
            "Show",
            [s for s in _SHOW if s != "atlas" or large],
            default="atlas" if large else "all",
            describe=_SHOW.__getitem__,
            help=f"The {_PAPER} channels are chosen once at random and are the same in every "
            "block, as in the paper's figure."
            if large
            else None,
        )
        block = None
        if show == "block":
            block = state.number("block", "depthwise", "Block", config.depth)
        order = state.choice(
            "order",
            "depthwise",
            "Order within a block",
            list(KERNEL_ORDER_WORDS),
            default="similarity",
            describe=KERNEL_ORDER_WORDS.__getitem__,
        )
        scale = state.choice(
            "scale",
            "depthwise",
            "Colour scale",
            list(_MISLEADS),
            default="block",
            describe=SCALE_WORDS.__getitem__,
        )
    return {
        "blocks": None if block is None else [block],
        "per_block": _PAPER if show == "atlas" else None,
        "order": order,
    }, scale


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    st.title("Depthwise kernels", anchor=False)
    settings, scale = _settings(found)
    st.caption(_MISLEADS[scale] + _NORM)
    result = cached(found, depthwise_kernels, found.checkpoint, **settings)
    blocks, order = settings["blocks"], settings["order"]
    where = f"block {blocks[0]}" if blocks else f"{config.depth} blocks, first block first"
    mosaic, picked = show_mosaic(
        found,
        result,
        kernel_mosaic,
        key="viz depthwise",
        alt=f"{len(result.kernels):,} depthwise kernels of {config.kernel_size} × "
        f"{config.kernel_size} taps: {where}, ordered by {sorted_by(order)}.",
        scale=scale,
    )
    if picked is not None:
        state.go("kernel", block=result.block[picked], channel=result.channel[picked], order=order)

    def figure() -> Figure:
        made = mosaic_figure(mosaic)
        draw_mosaic(mosaic, made)
        return made

    stem = file_stem(found, f"depthwise-block-{blocks[0]}" if blocks else "depthwise")
    arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    take_home(
        stem,
        result,
        {"Figure": figure},
        shell=command(
            found,
            "depthwise",
            stem,
            blocks=blocks[0] if blocks else None,
            all=settings["per_block"] is None,
            order=order,
            scale=scale,
        ),
        script=python(
            found,
            f"""
result = measure.weights.depthwise_kernels(checkpoint, {arguments})
mosaic = draw.weights.kernel_mosaic(result, scale={scale!r})
figure = draw.weights.mosaic_figure(mosaic)
draw.weights.draw_mosaic(mosaic, figure)
""",
            stem,
        ),
    )
    with st.expander("The kernels in numbers"):
        st.dataframe(result.to_frame(), hide_index=True)


_page(opened())
