"""Sections of a kernel's page: its sum of shapes, its place, its partners."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from viz.explorer.cache import cached
from viz.explorer.kernels import names_of
from viz.explorer.mosaic import show_mosaic
from viz.explorer.sections import Drawing, show_part
from viz.explorer.take_home import call
from viz.explorer.text import percent
from viz.explorer.words import DESCRIPTOR_WORDS
from viz.views.one_kernel.draw import draw_shapes, shapes_figure
from viz.views.one_kernel.measure import partners, shape_fit, standing
from viz.views.weights.draw import kernel_mosaic
from viz.views.weights.result import DepthwiseKernels

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.one_kernel.result import Partners, ShapeFit


DESCRIBING = "description = viz.kernels(checkpoint)"
"""A line that describes all kernels."""


def _words(result: ShapeFit) -> str:
    if not len(result.shapes):
        return "Its taps are all zero: there is nothing to describe."
    one = len(result.shapes) == 1
    return (
        f"{len(result.shapes)} {'shape explains' if one else 'shapes explain'} "
        f"{percent(result.r2)} of its energy with {result.coefficients} numbers. A further shape "
        "would explain no more than it does of shuffled taps."
    )


def show_shapes(found: Opened, description: DepthwiseDescription, block: int, channel: int) -> None:
    """Show a kernel as a constant and shapes, what they leave, and its numbers among all."""
    at: dict[str, Any] = {"block": block, "channel": channel}
    fit, place = shape_fit(description, **at), standing(description, **at)
    show_part(
        found, fit, f"shapes-block-{block}-kernel-{channel}",
        f"{DESCRIBING}\nresult = {call(shape_fit, 'description', **at)}",
        draw=Drawing(shapes_figure, draw_shapes), caption=_words(fit),
        alt=f"Kernel, sum and residual, then each of {len(fit.shapes)} shapes.",
    )  # fmt: skip
    table = place.to_frame()
    table["descriptor"] = [DESCRIPTOR_WORDS[name][0] for name in place.names]
    table["about"] = [DESCRIPTOR_WORDS[name][1] for name in place.names]
    show_ranks(
        table[["descriptor", "value", "percentile_in_block", "percentile_in_network",
               "median_of_block", "median_of_network", "about"]]
    )  # fmt: skip
    show_part(
        found, place, f"place-block-{block}-kernel-{channel}",
        f"{DESCRIBING}\nresult = {call(standing, 'description', **at)}",
    )  # fmt: skip


def show_ranks(table: Any) -> None:
    """Show values with their percentiles and medians."""
    columns = st.column_config
    config: dict[str, Any] = {}
    for name in table:
        words = name.replace("_", " ").replace("network", "all").replace("block", "its block")
        if name.startswith("percentile"):
            config[name] = columns.ProgressColumn(
                words, help="Share that is smaller; equal ones count half; none for angles.",
                min_value=0, max_value=100, format="%.0f %%",
            )  # fmt: skip
        elif name == "value" or name.startswith("median"):
            config[name] = columns.NumberColumn(words, format="%.3g")
    st.dataframe(table, hide_index=True, column_config=config)


def _side(result: Partners, way: str, block: int, channels: Any, kernels: Any) -> DepthwiseKernels:
    settings = {**result.source.settings, "way": way}
    return DepthwiseKernels(
        source=replace(result.source, settings=settings),
        kernels=kernels,
        block=np.full(len(channels), block, dtype=np.int64),
        channel=channels,
        order="strength of the link",
    )


def _partners(
    found: Opened, side: DepthwiseKernels, links: Any, shares: Any,
    description: DepthwiseDescription | None,
) -> None:  # fmt: skip
    """Show the kernels on one side as links to their pages, and their links in numbers."""
    names = None if description is None else names_of(description, side)
    way = side.source.settings["way"]
    show_mosaic(
        found, side, kernel_mosaic, key=f"viz partners {way}", scale="tile", columns=4,
        alt=f"{len(side.kernels)} kernels of block {side.block[0]}, strongest link first.",
        small=True, labels=names,
    )  # fmt: skip
    with st.expander("Links in numbers"):
        rows = {
            "kernel": side.channel,
            "link": [f"{'+' if v >= 0 else '−'}{abs(v):.3f}" for v in links],
            "share": [percent(v, 1) for v in shares],
        }
        st.dataframe(rows if names is None else {**rows, "name": names}, hide_index=True)


def show_partners(
    found: Opened, block: int, channel: int, description: DepthwiseDescription | None
) -> None:
    """Show which kernels this one listens to and which listen to it; a click opens one."""
    result = cached(found, partners, found.checkpoint, block=block, channel=channel)
    st.caption(
        "The eight strongest links in each direction, strongest first, each tile on its own colour "
        "scale. A link is a pointwise weight times the scale of the batch norm it reads; what "
        "the residual path carries past, and the activation between, are no part of it."
    )
    left, right = st.columns(2)
    with left:
        if block:
            st.markdown(f"**What it listens to**: kernels of block {block - 1}")
            side = _side(result, "in", block - 1, result.inputs, result.input_kernels)
            _partners(found, side, result.input_links, result.input_shares, description)
        else:
            st.page_link(
                st.session_state["viz pages"]["patch_filter"],
                label=f"**What it listens to**: patch filter {channel}, and nothing else",
                query_params={"checkpoint": found.key, "channel": str(channel)},
            )
    with right:
        if len(result.output_kernels):
            st.markdown(f"**What listens to it**: kernels of block {block + 1}")
            side = _side(result, "out", block + 1, result.outputs, result.output_kernels)
            _partners(found, side, result.output_links, result.output_shares, description)
        else:
            st.markdown(
                "**What listens to it**: the classifier, which averages the last block's output "
                "over the image."
            )
    show_part(
        found, result, f"partners-block-{block}-kernel-{channel}",
        f"result = {call(partners, 'checkpoint', block=block, channel=channel)}",
    )  # fmt: skip
