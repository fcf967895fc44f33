"""What the pages of one filter and of one kernel share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from viz.explorer import overlay, state
from viz.explorer.cache import cached
from viz.explorer.sections import folded, png
from viz.explorer.take_home import file_stem, python, take_home
from viz.explorer.text import percent
from viz.plot.mosaic import rgb_tiles
from viz.plot.style import ONE_COLUMN
from viz.views.close_up.draw import close_up_figure, draw_response
from viz.views.weights.draw import drawn_mosaic, kernel_mosaic, patch_filter_mosaic
from viz.views.weights.result import DepthwiseKernels, PatchFilters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from viz.explorer.checkpoints import Opened
    from viz.views.close_up.result import CloseUp


def _weights(result: CloseUp) -> Figure:
    channel, block = np.array([result.channel]), result.source.block
    own: dict[str, Any] = {"source": result.source, "channel": channel, "order": "index"}
    if block is None:
        mosaic = patch_filter_mosaic(PatchFilters(filters=result.weights[None], **own))
    else:
        kernels = DepthwiseKernels(kernels=result.weights, block=np.array([block]), **own)
        mosaic = kernel_mosaic(kernels, scale="tile")
    return drawn_mosaic(mosaic, width=ONE_COLUMN)


def _response(result: CloseUp) -> Figure:
    figure = close_up_figure()
    draw_response(result, figure)
    return figure


def steps(page: str, channel: int, order: NDArray[np.int64], what: str) -> None:
    """Show the buttons to the previous and the next one, also on the arrow keys."""
    if not len(order):
        st.caption(f"No {what} here has this name.", width="content")
        return
    places = np.flatnonzero(order == channel)
    place = int(places[0]) if len(places) else -1

    def go(step: int) -> None:
        # From one that is not among them, Next goes to the first and Previous to the last.
        at = place + step if place >= 0 else (step - 1) // 2
        state.put("channel", page, order[at % len(order)])

    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        st.button("Previous", shortcut="Left", on_click=go, args=(-1,), key=f"viz {page} previous")
        st.button("Next", shortcut="Right", on_click=go, args=(1,), key=f"viz {page} next")
        words = f"{what} {place + 1} of {len(order)} in this order"
        st.caption(
            words if place >= 0 else f"not among the {len(order)} of this name", width="content"
        )


def _numbers(result: CloseUp) -> None:
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
        f"peak, cycles/{per}": (
            "0 (flat)" if flat else f"{result.peak_frequency:.2f}",
            f"Spatial frequency of the largest gain, in cycles per {per}; flat areas where less "
            "than half a cycle fits on the kernel.",
        ),
    }
    with st.grid("auto", min_column_width=140):
        for name, (value, help) in shown.items():
            st.metric(name, value.replace("-", "−"), help=help)
    sentence = f"Its norm is larger than that of {percent(result.norm_rank)} of the {everyone}"
    if not filters:
        sentence += f" and of {percent(result.norm_rank_network)} of all blocks' kernels"
    if result.stripes is not None:
        sentence += f"; it answers most to stripes at {result.stripes:.0f}° (0° is horizontal)"
    st.markdown(sentence + ".")


def show_close_up(found: Opened, result: CloseUp) -> None:
    """Show one filter or kernel at once: its picture beside its numbers."""
    picture, numbers = st.columns([1, 2], gap="large")
    what = "filter" if result.source.block is None else "kernel"
    with picture:
        st.image(
            _tile(result), width="stretch",
            alt=f"The weights of {result.name}, from {result.weights.min():.2g} to "
            f"{result.weights.max():.2g}.",
        )  # fmt: skip
        st.caption(
            f"Colours run to this {what}'s own largest weight, so a weak {what} looks as strong as "
            "a strong one: compare norms, not colours."
        )
    with numbers:
        _numbers(result)


def _tile(result: CloseUp) -> bytes:
    """Return the weights as a picture, in colour where there are three channels."""
    weights = result.weights
    if len(weights) == 3:
        limit = np.array([np.abs(np.nan_to_num(weights)).max() or 1.0])
        return overlay.as_png(rgb_tiles(np.nan_to_num(weights)[None], limit)[0])
    return overlay.tile(np.concatenate(list(weights), axis=1))


def show_response(found: Opened, result: CloseUp, view: str, call: str) -> None:
    """Show the frequency response, the weights in numbers, and downloads, on request."""
    what = "filter" if result.source.block is None else "kernel"
    with folded("Frequency response, weights in numbers, downloads", f"{what} response") as wanted:
        if not wanted:
            return
        st.image(
            cached(found, png, result, draw=_response), width=680,
            alt=f"Frequency response of {result.name}, largest gain {result.response.max():.2g}.",
        )  # fmt: skip
        st.caption(
            f"What the {what} alone lets through, on its own scale. "
            + (
                "Patches do not overlap, so what it answers to is sampled coarsely afterwards."
                if what == "filter"
                else "The block adds its input to the output, so nothing is lost where the gain "
                "is zero."
            )
        )
        for number, weights in enumerate(result.weights):
            if len(result.weights) > 1:
                st.markdown(f"Input channel {number}")
            st.dataframe(weights)
        stem = file_stem(found, view)
        take_home(
            stem,
            result,
            {
                "Weights": partial(_weights, result),
                "Frequency response": partial(_response, result),
            },
            script=python(
                found,
                f"""
result = {call}
figure = viz.views.close_up.draw.close_up_figure()
viz.views.close_up.draw.draw_response(result, figure)
""",
                stem,
            ),
        )
