"""Sections about images: what a kernel makes of them, and what is answered without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.one_kernel import DESCRIBING
from viz.explorer.sections import Drawing, opened_images, show_part
from viz.explorer.take_home import call
from viz.explorer.text import plain
from viz.explorer.working import heavy, work
from viz.sweep.opening import open_sweep
from viz.views.ablation.draw import draw_removal, removal_figure
from viz.views.ablation.measure import removal
from viz.views.described import depthwise_description, patch_description
from viz.views.feature_maps.draw import draw_maps, maps_figure
from viz.views.feature_maps.measure import feature_maps
from viz.views.one_kernel.measure import shape_fit

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep
    from viz.views.ablation.result import Removal
    from viz.views.base import Given
    from viz.views.feature_maps.result import FeatureMaps


_MAPS: dict[str, Any] = {"shown": 2, "by_depth": False, "patches": False}
"""Images whose feature maps are shown, and what is left out of them."""


def _maps(checkpoint: Checkpoint, given: Given, *, block: int, channel: int) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), block=block, channels=[channel], progress=given.progress,
        **_MAPS,
    )  # fmt: skip


def show_maps(found: Opened, images: Images, block: int, channel: int) -> None:
    """Show what the kernel makes of the chosen images."""
    made = work(
        found, _maps, images=images, name="one map", what="Running the network",
        slow=heavy(found.checkpoint, _MAPS["shown"]), block=block, channel=channel,
    )  # fmt: skip
    if made is None:
        return
    settings = {"block": block, "channels": [channel], **_MAPS}
    show_part(
        found, made.value, f"maps-block-{block}-kernel-{channel}",
        f"{opened_images(images)}\n"
        f"result = {call(feature_maps, 'checkpoint', 'images', **settings)}",
        draw=Drawing(maps_figure, draw_maps, {"scale": "stage"}), images=images,
        made_from=made.key,
        alt=f"Feature maps of block {block}, kernel {channel}, beside the images and the kernel.",
        caption="White is zero; each column has a colour scale of its own. A map shows where the "
        "channel is large, not what for: the pointwise part mixes all channels right after.",
    )  # fmt: skip


def _removal(checkpoint: Checkpoint, given: Given, *, block: int | None, channel: int) -> Removal:
    assert given.images is not None
    if block is None:
        fitted = patch_description(checkpoint, given).fitted[channel]
    else:
        description = depthwise_description(checkpoint, given)
        fitted = shape_fit(description, block=block, channel=channel).fitted
    return removal(checkpoint, given.images(), block=block, channel=channel, fitted=fitted)


def show_removal(found: Opened, images: Images, block: int | None, channel: int) -> None:
    """Show what the network answers without the filter, and with its fit in its place."""
    made = work(
        found, _removal, images=images, name="one removed", what="Running the network",
        slow=heavy(found.checkpoint, 4 * len(images.names)), block=block, channel=channel,
    )  # fmt: skip
    if made is None:
        return
    st.markdown(plain(made.value.sentence()))
    name = f"block-{block}-kernel-{channel}" if block is not None else f"patch-filter-{channel}"
    fitted = (
        f"fitted = viz.patch_filters(checkpoint).fitted[{channel}]"
        if block is None
        else f"{DESCRIBING}\nfitted = "
        f"{call(shape_fit, 'description', block=block, channel=channel)}.fitted"
    )
    done = call(removal, "checkpoint", "images", "fitted=fitted", block=block, channel=channel)
    show_part(
        found, made.value, f"effect-{name}",
        f"{opened_images(images)}\n{fitted}\nresult = {done}",
        draw=Drawing(removal_figure, draw_removal), images=images, made_from=made.key,
        alt="Change of the largest logits of each image: " + made.value.sentence(),
        caption="Removed: its branch gives its mean output of the training instead of an answer to "
        "the image. One filter among many hardly moves an answer; a small effect says little "
        "against it, since others may do the same. Shuffled taps show what any kernel in its "
        "place does.",
    )  # fmt: skip


def _opened_sweep(checkpoint: Checkpoint, *, path: str, stamp: int) -> Sweep:
    del stamp
    return open_sweep(path, checkpoint)


def sweep_of(found: Opened, path: str) -> Sweep:
    """Return a sweep of the checkpoint, read once for as long as its file stays as it is."""
    stamp = Path(path).stat().st_mtime_ns
    return cached(found, _opened_sweep, found.checkpoint, path=path, stamp=stamp)


def link_top_patches(found: Opened, block: int | None, channel: int) -> None:
    """Link to the patches that drive a channel most."""
    address = {"checkpoint": found.key, **state.link("top_patches", "images", "input")}
    for name in ("block", "name", "by_name"):
        address.pop(name, None)
    address |= {"channels": str(channel), "stage": "patch embedding"}
    if block is not None:
        address |= {"block": str(block), "stage": "depthwise"}
    st.page_link(
        st.session_state["viz pages"]["top_patches"],
        label="Which patches of photographs drive it most",
        query_params=address,
    )
