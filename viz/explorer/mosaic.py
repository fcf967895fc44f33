"""A mosaic on the page: crisp at any width, its tiles open on a click or with the keyboard."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.overlay import ramp
from viz.explorer.sections import dark
from viz.explorer.text import plain
from viz.plot.style import dark_style
from viz.views.weights.draw import kernel_mosaic
from viz.views.weights.measure import depthwise_kernels

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.views.weights.draw import Mosaic
    from viz.views.weights.result import DepthwiseKernels, PatchFilters


_MOST_NAMED = 4000
"""Tiles that can carry names without slowing a browser."""
_HERE = Path(__file__).parent
# Streamlit's image component sends no text for those who cannot see it, shrinks pictures with
# smoothing, and knows neither tiles nor keys; so this one is our own.
_component = st.components.v2.component(
    "viz_mosaic",
    html='<div class="mosaic"></div>',
    css=(_HERE / "mosaic.css").read_text("utf-8"),
    js=(_HERE / "mosaic.js").read_text("utf-8"),
)


def _png(picture: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _key(mosaic: Mosaic) -> dict[str, Any]:
    """Return the colour bar: colours from -limit to +limit, and what its ends mean."""
    end = "limit" if np.isnan(mosaic.limit) else f"{mosaic.limit:.2g}"
    colours = ramp() if mosaic.signed_map else ["#010101", "#ffffff"]
    return {"colours": colours, "low": f"−{end}", "high": f"+{end}", "text": mosaic.scale_text}


def lay_out(
    result: PatchFilters | DepthwiseKernels,
    *,
    draw: Callable[..., Mosaic],
    dark: bool = False,
    **settings: Any,
) -> tuple[Mosaic, dict[str, Any]]:
    """Lay a result out, and prepare what the browser needs to show it."""
    with dark_style() if dark else nullcontext():
        mosaic = draw(result, **settings)
    layout = mosaic.layout
    head = layout.tile[0] if any(mosaic.titles) else 0
    block = getattr(result, "block", None)
    # Filters that are not in colour stand there once per input channel.
    again = len(layout.x) // len(result.channel)
    groups: list[dict[str, Any]] = []
    for (left, top, right, bottom), title in zip(layout.groups, mosaic.titles, strict=True):
        inside = (layout.x >= left) & (layout.x < right) & (layout.y >= top) & (layout.y < bottom)
        edges = {"left": left, "top": top + head, "right": right, "bottom": bottom}
        first = groups[-1]["first"] + groups[-1]["count"] if groups else 0
        groups.append({**edges, "title": title, "first": first, "count": int(inside.sum())})
    return mosaic, {
        "png": _png(mosaic.picture),
        "shape": list(layout.shape),
        "tile": list(layout.tile),
        "x": layout.x.tolist(),
        "y": layout.y.tolist(),
        "channel": np.tile(result.channel, again).tolist(),
        "block": None if block is None else block.tolist(),
        "groups": groups,
        "key": _key(mosaic),
    }


def show_mosaic(
    opened: Opened,
    result: PatchFilters | DepthwiseKernels,
    draw: Callable[..., Mosaic],
    *,
    key: str,
    alt: str,
    small: bool = False,
    titled: bool = False,
    side: int = 0,
    labels: Sequence[str] | None = None,
    named: bool = False,
    at: int | None = None,
    pick: Callable[[int], None] | None = None,
    **settings: Any,
) -> Mosaic:
    """Show a mosaic; a tile is a link to its own page, unless ``pick`` says what a click does.

    A small one has neither buttons nor a key, and titles above its groups only if it is titled.
    Tiles are about ``side`` pixels of the screen wide, if that is given. Labels are told of the
    tile that is pointed at; with ``named`` they stand below the tiles, too. Tile ``at`` is marked.
    """
    named = named and labels is not None and len(labels) <= _MOST_NAMED
    if named:
        settings["below"] = -(-result.kernels.shape[1] // 4)  # type: ignore[union-attr]
    mosaic, data = cached(opened, lay_out, result, draw=draw, dark=dark(), **settings)

    def picked() -> None:
        where = st.session_state[key].picked
        tile = mosaic.layout.locate(float(where["x"]), float(where["y"])) if where else None
        if tile is not None and pick is not None:
            pick(tile % len(result.channel))

    page = "patch_filter" if data["block"] is None else "kernel"
    shown: dict[str, Any] = {
        **data,
        "alt": alt,
        "small": small,
        "titled": titled or not small,
        "side": side,
        "label": labels and list(labels),
        "named": named,
        "at": at,
        "link": None if pick else f"{page.replace('_', '-')}?{_query(page, opened)}",
    }
    _component(key=key, data=shown, on_picked_change=picked)
    return mosaic


def _query(page: str, opened: Opened) -> str:
    """Return the address of a tile's own page up to the tile: this network and these images."""
    common = state.link(page, "images", "input")
    address = {"checkpoint": opened.key}
    address |= {name: common[name] for name in ("images", "input") if name in common}
    return urlencode(address)


def show_sample(opened: Opened, name: str, per_block: int, **shown: Any) -> None:
    """Show some kernels of every block, or of some, each on its own scale, as links."""
    config, blocks = opened.checkpoint.config, shown.pop("blocks", None)
    kernels = cached(
        opened, depthwise_kernels, opened.checkpoint, blocks=blocks, per_block=per_block,
        order="similarity",
    )  # fmt: skip
    st.markdown(f"**{plain(name)}**")
    show_mosaic(
        opened, kernels, kernel_mosaic, key=f"viz sample {name}", small=True, titled=True,
        scale="tile", **shown,
        alt=f"{min(config.dim, per_block)} kernels of each of {len(kernels.blocks)} blocks, first "
        "block first.",
    )  # fmt: skip
