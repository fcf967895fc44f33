"""Sections about images: a kernel's maps, what drives it most, what is answered without it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from viz.core.refusal import Refusal
from viz.explorer.cache import cached
from viz.explorer.sections import at_home, opened_images, png, show_figure, uploaded
from viz.explorer.settings import Start
from viz.explorer.take_home import command, file_stem
from viz.explorer.text import plain
from viz.explorer.working import work
from viz.sweep.opening import OtherSweepError, open_sweep
from viz.views.ablation.draw import draw_removal, removal_figure
from viz.views.ablation.measure import removal
from viz.views.described import depthwise_description, patch_description
from viz.views.feature_maps.draw import draw_maps, maps_figure
from viz.views.feature_maps.measure import feature_maps
from viz.views.one_kernel.measure import shape_fit
from viz.views.top_patches.draw import draw_top_patches, top_patches_figure
from viz.views.top_patches.measure import swept_paths, top_patches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.core.network import Config
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep
    from viz.views.ablation.result import Removal
    from viz.views.base import Given
    from viz.views.feature_maps.result import FeatureMaps
    from viz.views.top_patches.result import TopPatches


_MAPS = 2
"""Images whose feature maps are shown."""
_HEAVY = 4e9
"""Multiplications beyond which the page asks before it runs the network."""


def _maps(result: FeatureMaps) -> Figure:
    figure = maps_figure(result)
    draw_maps(result, figure, scale="stage")
    return figure


def _removal(result: Removal) -> Figure:
    figure = removal_figure(result)
    draw_removal(result, figure)
    return figure


def heavy(config: Config, image_size: int, images: int) -> bool:
    """Tell whether running the network on these images takes longer than a moment."""
    places = (image_size // config.patch_size) ** 2
    each = config.dim * (config.kernel_size**2 + config.dim) * places
    return config.depth * each * images > _HEAVY


def _measured_maps(
    checkpoint: Checkpoint, given: Given, *, block: int, channel: int
) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), block=block, channels=[channel], shown=_MAPS, by_depth=False,
        patches=False, progress=given.progress,
    )  # fmt: skip


def show_maps(found: Opened, images: Images, block: int, channel: int) -> None:
    """Show what the kernel makes of the chosen images."""
    config, size = found.checkpoint.config, found.checkpoint.preprocessing.image_size
    try:
        made = work(
            found, _measured_maps, images=images, name="one map", what="Running the network",
            slow=heavy(config, size, _MAPS), block=block, channel=channel,
        )  # fmt: skip
    except Refusal as error:
        st.error(plain(error))
        return
    if made is None:
        return
    kept = replace(found, private=found.private or images.private)
    show_figure(
        cached(kept, png, made.value, draw=_maps, made_from=made.key),
        alt=f"Feature maps of block {block}, kernel {channel}, beside the images and the kernel.",
        key="maps",
    )
    st.caption(
        "White is zero; each column has a colour scale of its own. A map shows where the channel "
        "is large, not what for: the pointwise part mixes all channels right after."
    )
    at_home(
        found, made.value, {"Feature maps": partial(_maps, made.value)}, "the maps",
        f"maps-block-{block}-kernel-{channel}",
        f"""
{opened_images(images)}
result = viz.views.feature_maps.measure.feature_maps(
    checkpoint, images, block={block}, channels=[{channel}], shown={_MAPS},
    by_depth=False, patches=False,
)
figure = viz.views.feature_maps.draw.maps_figure(result)
viz.views.feature_maps.draw.draw_maps(result, figure, scale="stage")
""",
        uploaded(images),
    )  # fmt: skip


def _measured_removal(
    checkpoint: Checkpoint, given: Given, *, block: int | None, channel: int
) -> Removal:
    assert given.images is not None
    if block is None:
        fitted = patch_description(checkpoint, given).fitted[channel]
    else:
        description = depthwise_description(checkpoint, given)
        fitted = shape_fit(description, block=block, channel=channel).fitted
    return removal(checkpoint, given.images(), block=block, channel=channel, fitted=fitted)


def show_removal(found: Opened, images: Images, block: int | None, channel: int) -> None:
    """Show what the network answers without the filter, and with its fit in its place."""
    config, size = found.checkpoint.config, found.checkpoint.preprocessing.image_size
    try:
        made = work(
            found, _measured_removal, images=images, name="one removed", what="Running the network",
            slow=heavy(config, size, 4 * len(images.names)),
            block=block, channel=channel,
        )  # fmt: skip
    except Refusal as error:
        st.error(plain(error))
        return
    if made is None:
        return
    kept = replace(found, private=found.private or images.private)
    st.markdown(plain(made.value.sentence()))
    show_figure(
        cached(kept, png, made.value, draw=_removal, made_from=made.key),
        alt="Change of the largest logits of each image: " + made.value.sentence(),
        key="effect",
    )
    st.caption(
        "Removed: its branch gives its mean output of the training instead of an answer to the "
        "image. One filter among many hardly moves an answer; a small effect says little against "
        "it, since others may do the same. Shuffled taps show what any kernel in its place does."
    )
    name = f"block-{block}-kernel-{channel}" if block is not None else f"patch-filter-{channel}"
    at_home(
        found, made.value, {"Effect": partial(_removal, made.value)}, "the effect",
        f"effect-{name}",
        f"""
{opened_images(images)}
{_fit_lines(block, channel)}
result = viz.views.ablation.measure.removal(
    checkpoint, images, block={block}, channel={channel}, fitted=fitted
)
figure = viz.views.ablation.draw.removal_figure(result)
viz.views.ablation.draw.draw_removal(result, figure)
""",
        uploaded(images),
    )  # fmt: skip


def _fit_lines(block: int | None, channel: int) -> str:
    if block is None:
        return f"fitted = viz.patch_filters(checkpoint).fitted[{channel}]"
    return (
        "description = viz.kernels(checkpoint)\n"
        f"fitted = viz.views.one_kernel.measure.shape_fit(description, block={block}, "
        f"channel={channel}).fitted"
    )


def _top(result: TopPatches) -> Figure:
    figure = top_patches_figure(result)
    draw_top_patches(result, figure)
    return figure


def _opened_sweep(checkpoint: Checkpoint, *, path: str, stamp: int) -> Sweep:
    del stamp
    return open_sweep(path, checkpoint)


def sweep_of(found: Opened, path: str) -> Sweep:
    """Return a sweep of the checkpoint, read once for as long as its file stays as it is."""
    stamp = Path(path).stat().st_mtime_ns
    return cached(found, _opened_sweep, found.checkpoint, path=path, stamp=stamp)


def _shown_images(sweep: Sweep, row: int, channel: int, folder: str) -> list[object]:
    """Return when the images in which a channel's patches lie were changed; None: not there."""
    if not len(sweep.top_image):
        return []
    names = [sweep.image_names[i] for i in sweep.top_image[row, channel] if i >= 0]
    return [
        path.stat().st_mtime_ns if path.is_file() else None
        for _, path in swept_paths(names, folder)
    ]


def show_top_patches(found: Opened, block: int | None, channel: int) -> None:
    """Show the patches that drive a channel most, where a sweep was given at the start."""
    start = Start.read()
    if start.sweep is None or start.images is None:
        return
    st.subheader("What drives it most", anchor=False)
    stage = "patch embedding" if block is None else "depthwise"
    at = [(-1 if block is None else block, channel)]
    try:
        sweep, stamp = sweep_of(found, start.sweep), Path(start.sweep).stat().st_mtime_ns

        def cut(checkpoint: Checkpoint, *, of: list[object], stage: str) -> TopPatches:
            return top_patches(checkpoint, sweep, str(start.images), at, stage=stage)

        shown = _shown_images(sweep, sweep.row(at[0][0], stage), channel, start.images)
        of = [at, start.sweep, start.images, stamp, shown]
        result = cached(found, cut, found.checkpoint, of=of, stage=stage)
    except OtherSweepError as error:
        st.info(plain(error))
        return
    except (Refusal, OSError) as error:
        st.error(plain(error))
        return
    show_figure(
        # Neither the channel nor the sweep's file is part of the source.
        cached(found, png, result, draw=_top, made_from=f"{at} {stamp} {shown}"),
        alt=f"The patches of {result.n_images} images with the largest values, largest first.",
        key="patches",
    )
    st.caption(
        "The largest values are the tail of a distribution: most of what a channel does is "
        "elsewhere, and patches that look alike may share what is not seen at a glance."
    )
    name = f"filter-{channel}" if block is None else f"block-{block}-kernel-{channel}"
    at_home(
        found, result, {"Top patches": partial(_top, result)}, "the patches", f"patches-{name}",
        f"""
sweep = viz.load_sweep({start.sweep!r})
result = viz.views.top_patches.measure.top_patches(
    checkpoint, sweep, {start.images!r}, {at!r}, stage={stage!r},
)
figure = viz.views.top_patches.draw.top_patches_figure(result)
viz.views.top_patches.draw.draw_top_patches(result, figure)
""",
        shell=command(
            found, "top-patches", file_stem(found, f"patches-{name}"), start.images,
            sweep=start.sweep, stage=None if block is not None else stage, block=block,
            channels=channel,
        ),
    )  # fmt: skip
