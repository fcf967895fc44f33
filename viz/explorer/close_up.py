"""One filter or kernel at first sight: its picture, name and measures, the step to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from viz.explorer import overlay
from viz.explorer.cache import cached
from viz.explorer.kernels import described, described_filters
from viz.explorer.sections import Drawing, folded, show_part
from viz.explorer.take_home import call
from viz.explorer.text import percent, plain
from viz.plot.mosaic import rgb_tiles
from viz.views.close_up.draw import close_up_figure, draw_response
from viz.views.close_up.measure import filter_close_up, kernel_close_up
from viz.views.kernels.result import DepthwiseDescription
from viz.views.one_filter.measure import filter_fit
from viz.views.one_kernel.measure import standing
from viz.views.patch_filters.result import PatchFilterDescription

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.views.close_up.result import CloseUp
    from viz.views.one_filter.result import FilterFit
    from viz.views.one_kernel.result import Standing


def close_up(found: Opened, block: int | None, channel: int) -> CloseUp:
    """Return what follows from the weights of a kernel, or of a patch filter, alone."""
    if block is None:
        return cached(found, filter_close_up, found.checkpoint, channel=channel)
    return cached(found, kernel_close_up, found.checkpoint, block=block, channel=channel)


def steps(key: str, place: int, count: int, what: str, go: Callable[[int], None]) -> None:
    """Show the buttons to the previous and the next one, also on the arrow keys.

    A place of -1 is outside: from there Next goes to the first and Previous to the last.
    """
    if not count:
        st.caption(f"No {what} here has this name.", width="content")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        for label, shortcut, to in (
            ("Previous", "Left", place - 1 if place >= 0 else -1),
            ("Next", "Right", place + 1),
        ):
            st.button(label, shortcut=shortcut, on_click=go, args=(to,), key=f"viz {key} {label}")
        st.caption(
            f"{what} {place + 1} of {count} in this order"
            if place >= 0
            else f"not among the {count} of this name",
            width="content",
        )


def show_numbers(result: CloseUp) -> None:
    """Show the measures that follow from the weights."""
    filters = result.source.block is None
    per = "pixel" if filters else "patch"
    everyone = "patch filters" if filters else "kernels of this block"
    flat = result.stripes is None
    shown = {
        "norm": (
            f"{np.linalg.norm(result.weights):.3g}",
            "Square root of the summed squares of the weights.",
        ),
        "mean": (f"{result.weights.mean():+.2g}", "Of the weights."),
        "smallest": (f"{result.weights.min():+.2g}", "The most negative weight."),
        "largest": (f"{result.weights.max():+.2g}", "The most positive weight."),
        "constant share": (
            percent(result.dc_share),
            "Share of the energy that a flat kernel would have: 0 % sums to zero, 100 % is flat.",
        ),
        "peak frequency": (
            "0 (flat)" if flat else f"{result.peak_frequency:.2f}",
            f"Spatial frequency of the largest gain, in cycles per {per}; flat areas where less "
            "than half a cycle fits on the kernel.",
        ),
    }
    with st.grid("auto", min_column_width=120):
        for name, (value, help) in shown.items():
            st.metric(name, value.replace("-", "−"), help=help)
    sentence = f"Its norm is larger than that of {percent(result.norm_rank)} of the {everyone}"
    if not filters:
        sentence += f" and of {percent(result.norm_rank_network)} of all blocks' kernels"
    if result.stripes is not None:
        sentence += f"; it answers most to stripes at {result.stripes:.0f}° (0° is horizontal)"
    st.markdown(sentence + ".")
    st.caption(
        "The picture's colours run to its own largest weight: compare norms with others, not "
        "colours."
    )


def show_tile(result: CloseUp) -> None:
    """Show the weights as a picture, in colour where there are three channels."""
    weights = np.nan_to_num(result.weights)
    if len(weights) == 3:
        limit = np.array([np.abs(weights).max() or 1.0])
        tile = overlay.as_png(rgb_tiles(weights[None], limit)[0])
    else:
        tile = overlay.tile(np.concatenate(list(result.weights), axis=1))
    st.image(
        tile, width="stretch",
        alt=f"The weights of {result.name}, from {result.weights.min():.2g} to "
        f"{result.weights.max():.2g}.",
    )  # fmt: skip


def say_what(
    found: Opened, result: CloseUp
) -> DepthwiseDescription | PatchFilterDescription | None:
    """Say what a kernel or filter looks like; return the description of all, where there is one."""
    block, channel = result.source.block, result.channel
    if not np.isfinite(result.weights).all():
        st.info("Some of its taps are not finite numbers: it cannot be described.")
        return None
    if block is None:
        filters = described_filters(found)
        if filters is not None:
            _say_kind(filter_fit(filters, channel=channel))
        return filters
    kernels = described(found)
    if kernels is not None:
        _say_name(standing(kernels, block=block, channel=channel))
    return kernels


def _say_name(result: Standing) -> None:
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
            f"Going by kernels that were named blind, from their pictures, {sure}. "
            f"{percent(result.share_block)} of block {result.block}'s kernels and "
            f"{percent(result.share_network)} of all are called {result.name}. Angles run "
            "counter-clockwise, 0 degrees is horizontal."
        )
    )


def _say_kind(result: FilterFit) -> None:
    st.markdown(f"Looks like: **{plain(result.filter_kind)}**")
    st.caption(
        plain(
            f"{percent(result.kind_share)} of the filters are of this kind. Stripes that fade out "
            f"(a Gabor) explain {percent(result.r2_map)} of the energy of its pattern, where white "
            f"noise rarely exceeds {percent(result.threshold)}; with one colour for all of it, "
            f"{percent(result.r2)} of the filter."
        )
    )


def show_response(found: Opened, result: CloseUp) -> None:
    """Show the frequency response, the weights in numbers, and downloads, on request."""
    block, channel = result.source.block, result.channel
    what = "filter" if block is None else "kernel"
    with folded("Frequency response, weights in numbers, downloads", f"{what} response") as wanted:
        if not wanted:
            return
        made = (
            call(filter_close_up, "checkpoint", channel=channel)
            if block is None
            else call(kernel_close_up, "checkpoint", block=block, channel=channel)
        )
        sampled = (
            "Patches do not overlap, so what it answers to is sampled coarsely afterwards."
            if block is None
            else "The block adds its input to the output, so nothing is lost where the gain is "
            "zero."
        )
        show_part(
            found, result, result.name.replace(",", "").replace(" ", "-"), f"result = {made}",
            draw=Drawing(close_up_figure, draw_response),
            alt=f"Frequency response of {result.name}, largest gain {result.response.max():.2g}.",
            caption=f"What the {what} alone lets through, on its own scale. {sampled}",
        )  # fmt: skip
        for number, weights in enumerate(result.weights):
            if len(result.weights) > 1:
                st.markdown(f"Input channel {number}")
            st.dataframe(weights)
