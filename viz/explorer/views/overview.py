"""The network at a glance: what it is, where it came from, a look at every part."""

from __future__ import annotations

import streamlit as st
from matplotlib.figure import Figure

from viz.core.network import counted
from viz.explorer import state
from viz.explorer.cache import cached
from viz.explorer.checkpoints import Opened, opened
from viz.explorer.mosaic import show_mosaic
from viz.explorer.sections import png, show_figure
from viz.explorer.take_home import file_stem, python, take_home
from viz.explorer.text import facts, plain
from viz.explorer.words import ANY_NAME
from viz.views.close_up.draw_network import draw_network, network_figure
from viz.views.close_up.measure import parts
from viz.views.close_up.result import Parts
from viz.views.weights.draw import kernel_mosaic, patch_filter_mosaic
from viz.views.weights.measure import depthwise_kernels, patch_filters

_PER_BLOCK = 16


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def _numbers(found: Opened) -> None:
    config = found.checkpoint.config
    with st.grid("auto", min_column_width=100):
        for name, value in {
            "dim": config.dim,
            "depth": config.depth,
            "kernel size": config.kernel_size,
            "patch size": config.patch_size,
            "input channels": config.in_channels,
            "classes": config.n_classes,
            "parameters": _short(config.n_parameters),
        }.items():
            st.metric(name, str(value))


def _details(found: Opened) -> None:
    source, preprocessing = found.checkpoint.source, found.checkpoint.preprocessing
    classes = found.checkpoint.classes
    left, right = st.columns(2)
    with left:
        st.subheader("Where it comes from", anchor=False)
        st.html(
            facts(
                {
                    "file": source.name,
                    "sha256": source.sha256,
                    "key layout": source.layout,
                    "found inside": source.wrapper,
                    "prefix removed": source.prefix,
                    "keys left out": ", ".join(source.dropped),
                    "stored as": source.dtype,
                    "activation": found.checkpoint.config.activation.upper(),
                    "activation known by": source.activation_source,
                }
            )
        )
    with right:
        st.subheader("What goes in and out", anchor=False)
        st.html(
            facts(
                {
                    "image size": f"{preprocessing.image_size} pixels",
                    "centre crop": f"{preprocessing.crop:.3g} of the resized image",
                    "mean": ", ".join(f"{v:.3f}" for v in preprocessing.mean),
                    "standard deviation": ", ".join(f"{v:.3f}" for v in preprocessing.std),
                    "interpolation": preprocessing.interpolation,
                    "preprocessing known by": preprocessing.known,
                    "class names": f"{len(classes)} in the file" if classes else "none in the file",
                }
            )
        )
        if classes:
            with st.expander(f"All {len(classes)} class names"):
                st.dataframe({"class": range(len(classes)), "name": classes}, hide_index=True)


def _drawn(rows: Parts) -> Figure:
    figure = network_figure(rows)
    draw_network(rows, figure)
    return figure


def _to_scale(found: Opened, rows: Parts) -> None:
    st.subheader("To scale", anchor=False)
    show_figure(
        cached(found, png, rows, draw=_drawn),
        alt="The image with its patches and receptive fields; parameters and shapes of each part.",
        key="network",
    )
    stem = file_stem(found, "network")
    take_home(
        stem,
        rows,
        {"Network": lambda: _drawn(rows)},
        script=python(
            found,
            """
result = viz.views.close_up.measure.parts(checkpoint)
figure = viz.views.close_up.draw_network.network_figure(result)
viz.views.close_up.draw_network.draw_network(result, figure)
""",
            stem,
        ),
    )


def _onwards() -> None:
    """Link to what is between the kernels and behind them."""
    st.subheader("Pointwise weights, head, and all together", anchor=False)
    for page, label in {
        "mixing": "Which kernels the pointwise weights connect",
        "receptive_field": "What a position does depend on",
        "feature_maps": "What the network makes of an image",
        "attribution": "What its answer rests on",
    }.items():
        _link(page, label, {})


def _filters(found: Opened) -> None:
    config = found.checkpoint.config
    filters = cached(found, patch_filters, found.checkpoint, order="hue")
    st.subheader("Patch embedding", anchor=False)
    picture, text = st.columns([2, 1])
    with picture:
        _, picked = show_mosaic(
            found,
            filters,
            patch_filter_mosaic,
            key="viz overview filters",
            alt=f"All {config.dim} patch-embedding filters, grey ones first, then by hue.",
            small=True,
        )
    with text:
        st.markdown(
            f"The image is cut into patches of {config.patch_size} × {config.patch_size} pixels; "
            f"each of these {config.dim} filters gives every patch one number. Each filter has its "
            "own colour scale, so a weak one looks as strong as the rest."
        )
        _link("patch_filters", "See the patch filters large", {})
    if picked is not None:
        state.go("patch_filter", channel=filters.channel[picked], order="hue")


def _link(page: str, label: str, query: dict[str, str]) -> None:
    st.page_link(
        st.session_state["viz pages"][page],
        label=label,
        query_params={"checkpoint": opened().key, **query},
    )


def _block(found: Opened, block: int, rows: Parts) -> None:
    kernels = cached(
        found,
        depthwise_kernels,
        found.checkpoint,
        blocks=[block],
        per_block=_PER_BLOCK,
        order="norm",
    )
    st.markdown(f"**Block {block}**")
    _, picked = show_mosaic(
        found,
        kernels,
        kernel_mosaic,
        key=f"viz overview block {block}",
        alt=f"{len(kernels.kernels)} depthwise kernels of block {block}.",
        small=True,
        columns=4,
    )
    row = block + 1
    field, size = int(rows.receptive_field[row]), rows.image_size
    sees = f"{field:,} pixels a side" if field < 2 * size else "the whole image from anywhere"
    st.caption(
        f"{rows.parameters[row]:,} parameters; median kernel norm {rows.median_norm[row]:.2g}; "
        f"can see {sees}"
    )
    _link("kernels", "All its kernels", {"show": "block", "block": str(block)})
    if picked is not None:
        state.go(
            "kernel", block=block, channel=kernels.channel[picked], order="norm", name=ANY_NAME
        )


def _page(found: Opened) -> None:
    config = found.checkpoint.config
    st.title(plain(found.checkpoint.source.name), anchor=False)
    st.markdown(
        f"A ConvMixer of {counted(config.depth, 'block')} with {config.dim} channels. Each "
        f"block mixes places with one {config.kernel_size} × {config.kernel_size} kernel per "
        "channel, then mixes channels at every place; the average over all places is classified."
    )
    for sentence in found.checkpoint.source.warnings:
        st.warning(plain(sentence))
    _numbers(found)
    rows = cached(found, parts, found.checkpoint)
    _to_scale(found, rows)
    _filters(found)
    st.subheader("Depthwise kernels, block by block", anchor=False)
    st.markdown(
        f"The same {min(_PER_BLOCK, config.dim)} channels of every block, strongest first. Blue is "
        "negative, white zero, red positive; each block has its own scale, so colours of two "
        "blocks cannot be compared. Click a kernel to open it."
    )
    grid = st.grid("auto", min_column_width=190, gap="medium")
    for block in range(config.depth):
        with grid.cell():
            _block(found, block, rows)
    _onwards()
    _details(found)
    with st.expander("Every part in numbers"):
        table = rows.to_frame()
        table["receptive_field"] = table["receptive_field"].where(table["receptive_field"] > 0)
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                "receptive_field": st.column_config.NumberColumn(
                    "receptive field",
                    help="Side of the square of input pixels that one position can depend on, in "
                    "an image that is large enough. What it does depend on is far less.",
                ),
                "median_norm": st.column_config.NumberColumn(
                    "median norm",
                    format="%.3g",
                    help="Of the filters or depthwise kernels. A batch norm follows every kernel, "
                    "so a small norm need not mean a small effect.",
                ),
            },
        )
        st.caption("The head averages over the whole image.")


_page(opened())
