"""Sections of a kernel's page: its name, its sum of shapes, its place, its partners."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.kernels import names_of
from viz.explorer.mosaic import show_mosaic
from viz.explorer.sections import DESCRIBING, at_home, png, show_figure
from viz.explorer.text import percent, plain
from viz.explorer.words import ANY_NAME, DESCRIPTOR_WORDS
from viz.views.one_kernel.draw import draw_shapes, shapes_figure
from viz.views.one_kernel.measure import partners
from viz.views.weights.draw import drawn_mosaic, kernel_mosaic, patch_filter_mosaic
from viz.views.weights.measure import patch_filters
from viz.views.weights.result import DepthwiseKernels, PatchFilters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.explorer.checkpoints import Opened
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.one_kernel.result import Partners, ShapeFit, Standing


def _shapes(result: ShapeFit) -> Figure:
    figure = shapes_figure(result)
    draw_shapes(result, figure)
    return figure


def _words(result: ShapeFit) -> str:
    if not len(result.shapes):
        return "Its taps are all zero: there is nothing to describe."
    one = len(result.shapes) == 1
    return (
        f"{len(result.shapes)} {'shape explains' if one else 'shapes explain'} "
        f"{percent(result.r2)} of its energy with {result.coefficients} numbers. A further shape "
        "would explain no more than it does of shuffled taps."
    )


def show_shapes(found: Opened, result: ShapeFit) -> None:
    """Show a kernel as a constant and shapes, and what they leave."""
    show_figure(
        cached(found, png, result, draw=_shapes),
        alt=f"Kernel, sum and residual, then each of {len(result.shapes)} shapes.",
        key="shapes",
    )
    st.caption(_words(result))


def say_name(result: Standing) -> None:
    """Say in words what the kernel looks like, how sure that is, and how common."""
    st.markdown(f"**{plain(result.sentence[:1].upper() + result.sentence[1:])}**")
    if result.name == "unnamed":
        sure = (
            f"{result.guess} is likeliest ({percent(result.probability)}), but not clearly so: "
            "it stays unnamed"
        )
    else:
        sure = f"{result.guess} is {percent(result.probability)} likely"
    st.caption(
        plain(
            f"Going by kernels that were named blind, {sure}. {percent(result.share_block)} of "
            f"block {result.block}'s kernels and {percent(result.share_network)} of all are "
            f"{result.name}. Angles run counter-clockwise, 0 degrees is horizontal."
        )
    )


def show_place(found: Opened, result: Standing) -> None:
    """Show where the kernel's numbers stand in its block and in the network."""
    table = result.to_frame()
    table["descriptor"] = [DESCRIPTOR_WORDS[name][0] for name in result.names]
    table["about"] = [DESCRIPTOR_WORDS[name][1] for name in result.names]
    percent: dict[str, Any] = {"min_value": 0, "max_value": 100, "format": "%.0f %%"}
    columns = st.column_config
    st.dataframe(
        table[["descriptor", "value", "percentile_in_block", "percentile_in_network",
               "median_of_block", "median_of_network", "about"]],
        hide_index=True,
        column_config={
            "value": columns.NumberColumn(format="%.3g"),
            "percentile_in_block": columns.ProgressColumn(
                "percentile in its block", help="Share that is smaller; equal ones count half.",
                **percent,
            ),
            "percentile_in_network": columns.ProgressColumn("percentile in all", **percent),
            "median_of_block": columns.NumberColumn("median of its block", format="%.3g"),
            "median_of_network": columns.NumberColumn("median of all", format="%.3g"),
        },
    )  # fmt: skip
    at_home(
        found, result, {}, "the numbers", f"place-block-{result.block}-kernel-{result.channel}",
        f"""
description = viz.kernels(checkpoint)
result = viz.views.one_kernel.measure.standing(
    description, block={result.block}, channel={result.channel})
""",
    )  # fmt: skip


def shapes_home(found: Opened, result: ShapeFit) -> None:
    """Show the downloads of a kernel's sum of shapes."""
    at_home(
        found, result, {"Sum of shapes": partial(_shapes, result)}, "the sum of shapes",
        f"shapes-block-{result.block}-kernel-{result.channel}",
        f"""
{DESCRIBING}
result = viz.views.one_kernel.measure.shape_fit(
    description, block={result.block}, channel={result.channel}
)
figure = viz.views.one_kernel.draw.shapes_figure(result)
viz.views.one_kernel.draw.draw_shapes(result, figure)
""",
    )  # fmt: skip


def _side(result: Partners, way: str, block: int, channels: Any, kernels: Any) -> DepthwiseKernels:
    settings = {**result.source.settings, "way": way}
    return DepthwiseKernels(
        source=replace(result.source, settings=settings),
        kernels=kernels,
        block=np.full(len(channels), block, dtype=np.int64),
        channel=channels,
        order="strength of the link",
    )


def _table(
    side: DepthwiseKernels, links: Any, shares: Any, description: DepthwiseDescription | None
) -> None:
    rows: dict[str, Any] = {
        "kernel": side.channel,
        "link": [f"{'+' if v >= 0 else '−'}{abs(v):.3f}" for v in links],
        "share": [percent(v, 1) for v in shares],
    }
    if description is not None:
        rows["name"] = names_of(description, side)
    with st.expander("Links in numbers"):
        st.dataframe(rows, hide_index=True)


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
    shown: dict[str, DepthwiseKernels] = {}
    with left:
        if block:
            st.markdown(f"**What it listens to**: kernels of block {block - 1}")
            side = _side(result, "in", block - 1, result.inputs, result.input_kernels)
            shown["Listens to"] = side
            _tiles(found, side, "in", description)
            _table(side, result.input_links, result.input_shares, description)
        else:
            st.markdown(f"**What it listens to**: patch filter {channel}, and nothing else")
            _filter_tile(found, channel)
    with right:
        if len(result.output_kernels):
            st.markdown(f"**What listens to it**: kernels of block {block + 1}")
            side = _side(result, "out", block + 1, result.outputs, result.output_kernels)
            shown["Heard by"] = side
            _tiles(found, side, "out", description)
            _table(side, result.output_links, result.output_shares, description)
        else:
            st.markdown(
                "**What listens to it**: the classifier, which averages the last block's output "
                "over the image."
            )
    at_home(
        found, result, {name: partial(_drawn_side, side) for name, side in shown.items()},
        "the partners", f"partners-block-{block}-kernel-{channel}",
        f"""
result = viz.views.one_kernel.measure.partners(checkpoint, block={block}, channel={channel})
""",
    )  # fmt: skip


def _drawn_side(side: DepthwiseKernels) -> Figure:
    return drawn_mosaic(kernel_mosaic(side, scale="tile"))


def _tiles(
    found: Opened, side: DepthwiseKernels, way: str, description: DepthwiseDescription | None
) -> None:
    _, picked = show_mosaic(
        found, side, kernel_mosaic, key=f"viz partners {way}", scale="tile", columns=4,
        alt=f"{len(side.kernels)} kernels of block {side.block[0]}, strongest link first.",
        small=True, labels=None if description is None else names_of(description, side),
    )  # fmt: skip
    if picked is not None:
        state.go("kernel", block=side.block[picked], channel=side.channel[picked],
                 order="similarity", name=ANY_NAME)  # fmt: skip


def _filter_tile(found: Opened, channel: int) -> None:
    every = cached(found, patch_filters, found.checkpoint, order="index")
    one = PatchFilters(
        source=replace(every.source, settings={"channel": channel}),
        filters=every.filters[[channel]],
        channel=every.channel[[channel]],
        order="index",
    )
    _, picked = show_mosaic(
        found, one, patch_filter_mosaic, key="viz partners filter", small=True,
        alt=f"Patch filter {channel}.",
    )  # fmt: skip
    if picked is not None:
        state.go("patch_filter", channel=channel, order="hue")
