"""Sections of a kernel's page: its sum of shapes, its place, its partners, what it does."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from viz.catalogue.described import depthwise_description, patch_description
from viz.draw.feature_maps import draw_maps, maps_figure
from viz.draw.one_kernel import atoms_figure, draw_atoms
from viz.draw.removal import draw_removal, removal_figure
from viz.draw.weights import drawn_mosaic, kernel_mosaic, patch_filter_mosaic
from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.kernels import labels_of
from viz.explorer.mosaic import show_mosaic
from viz.explorer.settings import MAX_IMAGES
from viz.explorer.take_home import file_stem, python, take_home
from viz.explorer.text import plain
from viz.explorer.words import ANY_LABEL, DESCRIPTOR_WORDS
from viz.explorer.working import work
from viz.measure.feature_maps import feature_maps
from viz.measure.one_kernel import atom_fit, partners
from viz.measure.removal import removal
from viz.measure.weights import patch_filters
from viz.results.refusal import Refusal
from viz.results.weights import DepthwiseKernels, PatchFilters

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from viz.catalogue.base import Given
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.model.checkpoint import Checkpoint
    from viz.results.depthwise import DepthwiseDescription
    from viz.results.feature_maps import FeatureMaps
    from viz.results.network import Config
    from viz.results.one_kernel import AtomFit, Partners, Standing
    from viz.results.removal import Removal

__all__ = [
    "at_home",
    "atoms_home",
    "heavy",
    "opened_images",
    "png",
    "say_label",
    "show_atoms",
    "show_maps",
    "show_partners",
    "show_place",
    "show_removal",
    "uploaded",
]

_SCREEN_DPI = 200
_MAPS = 2
"""Images whose feature maps are shown."""
_DESCRIBING = "description = measure.depthwise.describe_checkpoint(checkpoint)"
_HEAVY = 4e9
"""Multiplications beyond which the page asks before it runs the network."""


def png(result: Any, *, draw: Callable[[Any], Figure]) -> bytes:
    """Return a result drawn, as a PNG for the screen."""
    buffer = io.BytesIO()
    draw(result).savefig(buffer, format="png", dpi=_SCREEN_DPI)
    return buffer.getvalue()


def _atoms(result: AtomFit) -> Figure:
    figure = atoms_figure(result)
    draw_atoms(result, figure)
    return figure


def _maps(result: FeatureMaps) -> Figure:
    figure = maps_figure(result, "stage")
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


def _words(result: AtomFit) -> str:
    if not len(result.atoms):
        return "Its taps are all equal: a constant describes it, and there is nothing to add."
    one = len(result.atoms) == 1
    return (
        f"A constant and {len(result.atoms)} {'shape' if one else 'shapes'} explain "
        f"{result.r2:.0%} of the variance of its taps with {result.coefficients} numbers. Shapes "
        "that overlap share what they explain: what is lost without each need not add up."
    )


def show_atoms(found: Opened, result: AtomFit) -> None:
    """Show a kernel as a constant and shapes, and what they leave.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    result : AtomFit
        Of the kernel.
    """
    st.image(
        cached(found, png, result, draw=_atoms),
        alt=f"Kernel, sum and residual, then the constant and each of {len(result.atoms)} shapes.",
        width="stretch",
    )
    st.caption(_words(result))


def say_label(result: Standing) -> None:
    """Say in words what the kernel is called, why, and how common that is.

    Parameters
    ----------
    result : Standing
        Of the kernel.
    """
    beats = result.statistic > result.threshold
    if result.label == "unclassified":
        why = "its sum of shapes fits no better than those of shuffled taps do"
    elif beats:
        why = "its sum of shapes fits better than those of shuffled taps do"
    else:
        why = "its largest tap stands where those of more kernels of its block do than by chance"
    st.markdown(f"Label: **{plain(result.sentence)}**")
    st.caption(
        plain(
            f"{result.label_share_block:.0%} of block {result.block}'s kernels and "
            f"{result.label_share_network:.0%} of all are called {result.label}. It is so called "
            f"because {why} (it stands at {result.statistic:.2g} on a scale on which 0.5 % of the "
            f"shuffled ones lie beyond {result.threshold:.2g}). A label names the strongest shape "
            "only; angles run counter-clockwise, 0 degrees is horizontal."
        )
    )


def show_place(found: Opened, result: Standing) -> None:
    """Show where the kernel's numbers stand in its block and in the network.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    result : Standing
        Of the kernel.
    """
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
                "larger than … of its block", help="Equal ones count half.", **percent
            ),
            "percentile_in_network": columns.ProgressColumn("… of all blocks", **percent),
            "median_of_block": columns.NumberColumn("median of its block", format="%.3g"),
            "median_of_network": columns.NumberColumn("median of all", format="%.3g"),
        },
    )  # fmt: skip
    at_home(
        found, result, {}, "the numbers", f"place-block-{result.block}-kernel-{result.channel}",
        f"""
description = measure.depthwise.describe_checkpoint(checkpoint)
result = measure.one_kernel.standing(description, block={result.block}, channel={result.channel})
""",
    )  # fmt: skip


def at_home(
    found: Opened,
    result: Any,
    figures: dict[str, Callable[[], Figure]],
    part: str,
    view: str,
    body: str,
    note: str = "",
) -> None:
    """Show the downloads of one section.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    result : Result
        A table as well.
    figures : dict
        Name to function.
    part : str
        What is taken home.
    view : str
        For file names.
    body : str
        Python that makes ``result`` and, where it is drawn on its own, ``figure`` from
        ``checkpoint``.
    note : str
        What the lines need besides.
    """
    stem = file_stem(found, view)
    script = python(found, body, stem)
    if "figure =" not in body:
        script = "\n".join(x for x in script.splitlines() if "save_figure" not in x)
    take_home(stem, result, figures, script=script, part=part, note=note)


def atoms_home(found: Opened, result: AtomFit) -> None:
    """Show the downloads of a kernel's sum of shapes."""
    whole = result.source.settings["fitted"] != "alone"
    describing = _DESCRIBING if whole else ""
    more = ", description=description" if whole else ""
    at = f"block={result.block}, channel={result.channel}"
    at_home(
        found, result, {"Sum of shapes": partial(_atoms, result)}, "the sum of shapes",
        f"shapes-block-{result.block}-kernel-{result.channel}",
        f"""
{describing}
result = measure.one_kernel.atom_fit(checkpoint, {at}{more})
figure = draw.one_kernel.atoms_figure(result)
draw.one_kernel.draw_atoms(result, figure)
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
        "share": [f"{v:.1%}" for v in shares],
    }
    if description is not None:
        rows["label"] = labels_of(description, side)
    with st.expander("Links in numbers"):
        st.dataframe(rows, hide_index=True)


def show_partners(
    found: Opened, block: int, channel: int, description: DepthwiseDescription | None
) -> None:
    """Show which kernels this one listens to and which listen to it; a click opens one.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    block, channel : int
        0-based.
    description : DepthwiseDescription or None
        For the partners' labels, where it is at hand.
    """
    result = cached(found, partners, found.checkpoint, block=block, channel=channel)
    st.subheader("Partners through the pointwise weights", anchor=False)
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
result = measure.one_kernel.partners(checkpoint, block={block}, channel={channel})
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
        small=True, labels=None if description is None else labels_of(description, side),
    )  # fmt: skip
    if picked is not None:
        state.go("kernel", block=side.block[picked], channel=side.channel[picked],
                 order="similarity", label=ANY_LABEL)  # fmt: skip


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


def _measured_maps(
    checkpoint: Checkpoint, given: Given, *, block: int, channel: int
) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), block=block, channels=[channel], shown=_MAPS, by_depth=False,
        patches=False, progress=given.progress,
    )  # fmt: skip


def show_maps(found: Opened, images: Images, block: int, channel: int) -> None:
    """Show what the kernel makes of the chosen images.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    images : Images
        The first two are shown.
    block, channel : int
        0-based.
    """
    st.subheader("On an image", anchor=False)
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
    st.image(
        cached(kept, png, made.value, draw=_maps),
        alt=f"Feature maps of block {block}, kernel {channel}, beside the images and the kernel.",
        width="stretch",
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
result = measure.feature_maps.feature_maps(
    checkpoint, images, block={block}, channels=[{channel}], shown={_MAPS},
    by_depth=False, patches=False,
)
figure = draw.feature_maps.maps_figure(result, "stage")
draw.feature_maps.draw_maps(result, figure, scale="stage")
""",
        uploaded(images),
    )  # fmt: skip


def opened_images(images: Images) -> str:
    """Return the Python lines that open the images as the page does."""
    return (
        "from viz.image_sets import open_images\n"
        f"images = open_images({images.folder!r}, checkpoint.preprocessing, "
        f"checkpoint.config.in_channels, limit={MAX_IMAGES})"
    )


def uploaded(images: Images) -> str:
    """Say what the lines need where images were uploaded."""
    if not images.uploads:
        return ""
    return (
        "The lines take the uploaded images from a folder called images, which is for you to make."
    )


def _measured_removal(
    checkpoint: Checkpoint, given: Given, *, block: int | None, channel: int, whole: bool
) -> Removal:
    assert given.images is not None
    if block is None:
        fitted = patch_description(checkpoint, given).fitted[channel]
    else:
        description = depthwise_description(checkpoint, given) if whole else None
        fitted = atom_fit(checkpoint, block=block, channel=channel, description=description).fitted
    return removal(checkpoint, given.images(), block=block, channel=channel, fitted=fitted)


def show_removal(
    found: Opened, images: Images, block: int | None, channel: int, *, whole: bool
) -> None:
    """Show what the network answers without the filter, and with its fit in its place.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    images : Images
        On which it answers.
    block : int or None
        0-based; None for a patch filter.
    channel : int
        0-based.
    whole : bool
        Whether the fit is that of a description of all filters.
    """
    st.subheader("What it does for the answer", anchor=False)
    config, size = found.checkpoint.config, found.checkpoint.preprocessing.image_size
    try:
        made = work(
            found, _measured_removal, images=images, name="one removed", what="Running the network",
            slow=heavy(config, size, 4 * len(images.names)),
            block=block, channel=channel, whole=whole,
        )  # fmt: skip
    except Refusal as error:
        st.error(plain(error))
        return
    if made is None:
        return
    kept = replace(found, private=found.private or images.private)
    st.markdown(plain(made.value.sentence()))
    st.image(
        cached(kept, png, made.value, draw=_removal),
        alt="Change of the largest logits of each image: " + made.value.sentence(),
        width="stretch",
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
{_fit_lines(block, channel, whole)}
result = measure.removal.removal(
    checkpoint, images, block={block}, channel={channel}, fitted=fitted
)
figure = draw.removal.removal_figure(result)
draw.removal.draw_removal(result, figure)
""",
        uploaded(images),
    )  # fmt: skip


def _fit_lines(block: int | None, channel: int, whole: bool) -> str:
    if block is None:
        return f"fitted = measure.patch_filters.describe_checkpoint(checkpoint).fitted[{channel}]"
    describing = (
        "description = measure.depthwise.describe_checkpoint(checkpoint)\n" if whole else ""
    )
    more = ", description=description" if whole else ""
    return (
        f"{describing}fitted = measure.one_kernel.atom_fit(checkpoint, block={block}, "
        f"channel={channel}{more}).fitted"
    )
