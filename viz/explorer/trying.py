"""One photograph and what the network makes of it: answers, evidence, channels, depth, maps."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from viz.explorer import overlay, state
from viz.explorer.mosaic import show_mosaic
from viz.explorer.sections import picture, show_figure
from viz.explorer.take_home import file_stem, take_figure
from viz.explorer.text import percent, plain
from viz.explorer.working import work
from viz.plot.millimetres import common_limit
from viz.views import view
from viz.views.attribution.measure import attribute
from viz.views.attribution.methods import SUITABLE, Explainer, Settings
from viz.views.attribution.result import method_words
from viz.views.decision_by_depth.measure import decision_by_depth
from viz.views.evidence.measure import evidence
from viz.views.feature_maps.measure import feature_maps
from viz.views.feature_maps.result import MAPS
from viz.views.weights.draw import kernel_mosaic
from viz.views.weights.result import DepthwiseKernels

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.explorer.images import Images
    from viz.network.checkpoint import Checkpoint
    from viz.views.attribution.result import Attributions
    from viz.views.base import Given
    from viz.views.decision_by_depth.result import DecisionByDepth
    from viz.views.evidence.result import Evidence
    from viz.views.feature_maps.result import FeatureMaps


_CHANNELS, _FEEDERS = 4, 3
_PAGE = "try_image"
_ANSWER = "answer"
_BACKWARD = 3
"""A pass with gradients takes about as long as so many without."""
_SHOWN_MAPS = {
    "input": "what the kernel is given",
    "depthwise": "what the kernel makes of it",
    "output": "what the block passes on in this channel",
}


@dataclass(frozen=True)
class Tried:
    """What a first look at one image finds; every channel is among the deciding ones.

    So any class can be looked into. Seconds are those of one pass, passes those of each method.
    """

    evidence: Evidence
    depth: DecisionByDepth
    seconds: float
    passes: dict[str, int]


def _tried(checkpoint: Checkpoint, given: Given) -> Tried:
    assert given.images is not None
    found = evidence(
        checkpoint, given.images(), shown=1, n_channels=checkpoint.config.dim, n_draws=20
    )
    start = time.perf_counter()
    depth = decision_by_depth(checkpoint, given.images(), shown=1, fitted=False, draws=0)
    seconds = time.perf_counter() - start
    explainer = Explainer(checkpoint.model, checkpoint.preprocessing, Settings())
    grid = found.maps.shape[2:]
    passes = {method: explainer.passes(method, grid) for method in SUITABLE}
    return Tried(found, depth, seconds, passes)


def tried(found: Opened, image: Images) -> Tried | None:
    """Return a first look at an image, made once."""
    made = work(found, _tried, images=image, name="try", what="Looking at the image")
    if made is not None and made.note:
        st.warning(plain(made.note))
    return None if made is None else made.value


def show_answer(result: Evidence) -> None:
    """Show the photograph as the network sees it, and its five likeliest answers."""
    shares, top = result.probabilities[0], result.top(0, 5).tolist()
    said = f"The network says {result.name(top[0])} ({percent(shares[top[0]])})"
    st.markdown(f"### {plain(said)}")
    left, right = st.columns([1, 2], gap="large")
    name = result.image_names[0]
    left.image(
        overlay.photo(result.images[0]), alt=f"{name} as the network sees it.", width="stretch"
    )
    left.caption(f"{plain(name)} as the network sees it")
    with right:
        for c in top:
            st.progress(float(shares[c]), f"{plain(result.name(c))}: **{percent(shares[c])}**")
        st.caption(
            f"The network chooses among {len(shares):,} classes and cannot answer that none of "
            "them is shown: a photograph of anything else gets one of these names, too."
        )


def _classes(result: Evidence) -> tuple[int, int]:
    """Show the choice of a class; return it, and the one it is weighed against."""
    shares, order = result.probabilities[0], result.top(0, len(result.class_names)).tolist()

    def describe(key: str) -> str:
        c = order[0] if key == _ANSWER else int(key)
        said = f"{result.name(c)} ({percent(shares[c], 1)})"
        return f"the answer: {said}" if key == _ANSWER else said

    key = state.choice(
        "class", _PAGE, "Evidence for", [_ANSWER, *map(str, order[1:])], default=_ANSWER,
        describe=describe,
    )  # fmt: skip
    return (order[0], order[1]) if key == _ANSWER else (int(key), order[0])


def show_evidence(found: Opened, result: Evidence) -> int:
    """Show where the evidence for a class lies, and the channels and kernels that carry it.

    Returns the class.
    """
    of, over = _classes(result)
    one, two = result.name(of), result.name(over)
    pairs: list[tuple[str, int | None]] = [(f"for {one}", None), (f"for {one} over {two}", over)]
    maps = [result.patches(0, of, against) for _, against in pairs]
    limit = common_limit(np.stack(maps))
    for column, (words, against), values in zip(st.columns(2), pairs, maps, strict=True):
        total = float(result.channels(0, of, against).sum())
        column.image(
            overlay.over(result.images[0], values, limit, result.patch_size),
            alt=f"Evidence {words} on each patch of the photograph.", width="stretch",
        )  # fmt: skip
        column.caption(f"Evidence {plain(words)}: {_signed(total)} logits in all")
    st.html(overlay.key(limit, "evidence of a patch (logits): red speaks for it, blue against it"))
    st.caption(
        "A logit is a class's score, before scores become probabilities. The sum over patches is "
        "exact, the place is not: a patch of the last block has seen far more of the photograph "
        "than the pixels it is drawn on."
    )
    take_figure(file_stem(found, "evidence"), partial(view("evidence").figures[0].make, result))
    _channels(found, result, of, over)
    return of


def _channels(found: Opened, result: Evidence, of: int, over: int) -> None:
    values = result.channels(0, of, over)
    chosen = np.argsort(-np.abs(values), kind="stable")[:_CHANNELS].tolist()
    st.subheader(
        f"The channels that decide for {plain(result.name(of))} over {plain(result.name(over))}",
        anchor=False,
    )
    maps = [result.channel_patches(0, c, of, over) for c in chosen]
    limit = common_limit(np.stack(maps))
    grid = st.grid("auto", min_column_width=150, gap="medium")
    for c, each in zip(chosen, maps, strict=True):
        number = int(np.flatnonzero(result.channel[0] == c)[0])
        fed = result.feeders(0, number, _FEEDERS)
        with grid.cell():
            st.markdown(f"**Channel {c}**: {_signed(values[c])} logits")
            st.image(
                overlay.over(result.images[0], each, limit, result.patch_size),
                alt=f"What channel {c} gives on each patch.", width="stretch",
            )  # fmt: skip
            _feeders(found, result, c, fed, result.kernel_share[0, number, fed])
    st.html(overlay.key(limit, "evidence of a channel on a patch (logits)"))
    st.caption(
        "In brackets: how much of what the channel varies by over the patches comes from that "
        "kernel. Click a kernel to open it."
    )


def _feeders(
    found: Opened, result: Evidence, channel: int, fed: NDArray[np.int64], shares: NDArray[Any]
) -> None:
    """Show the kernels that feed a channel; a click opens one."""
    named = ", ".join(f"{k} ({percent(s)})" for k, s in zip(fed, shares, strict=True))
    st.caption(f"fed most by kernels {named.replace('-', '−')} of block {result.block}")
    kernels = DepthwiseKernels(
        source=replace(result.source, settings={"feeds": channel}),
        kernels=result.kernels[fed],
        block=np.full(len(fed), result.block, dtype=np.int64),
        channel=fed,
        order="share",
    )
    show_mosaic(
        found, kernels, kernel_mosaic, key=f"viz fed {channel}", scale="tile", columns=_FEEDERS,
        alt=f"The kernels that feed channel {channel} most.", small=True,
    )  # fmt: skip


def show_depth(found: Opened, image: Images, result: DecisionByDepth) -> None:
    """Show after which block the answer is there."""
    st.subheader("After which block the answer is there", anchor=False)
    st.markdown(plain(result.finding))
    kept = replace(found, private=found.private or image.private)
    row = view("decision-by-depth").figures[0]
    shown = picture(kept, result, row.make, name=row.name, made_from=image.stamp)
    show_figure(shown, alt=row.caption, key="depth")
    take_figure(file_stem(found, row.name), partial(row.make, result))


def _every_map(checkpoint: Checkpoint, given: Given, *, block: int) -> FeatureMaps:
    assert given.images is not None
    return feature_maps(
        checkpoint, given.images(), block=block, channels=range(checkpoint.config.dim), shown=1,
        by_depth=False, patches=False, progress=given.progress,
    )  # fmt: skip


def show_maps(found: Opened, image: Images) -> None:
    """Show any kernel beside what it makes of the photograph."""
    st.subheader("Any kernel on this photograph", anchor=False)
    config = found.checkpoint.config
    with st.container(horizontal=True):
        block = state.number("block", _PAGE, "Block", config.depth)
        channel = state.number("channel", _PAGE, "Kernel", config.dim)
    made = work(
        found, _every_map, images=image, name="maps", what="Running the network", block=block
    )
    if made is None:
        return
    result = made.value
    pictures: list[tuple[bytes, str]] = [
        (overlay.tile(result.kernels[channel]), f"kernel {channel} of block {block}")
    ]
    for name, words in _SHOWN_MAPS.items():
        values = result.maps[MAPS.index(name), 0, channel]
        end = common_limit(values.astype(np.float64))
        pictures.append((overlay.tile(values, end), f"{words} (±{end:.2g})"))
    grid = st.grid("auto", min_column_width=150)
    for shown, words in pictures:
        with grid.cell():
            st.image(shown, alt=f"{words}.", width="stretch")
            st.caption(words)
    st.caption("White is zero, red positive, blue negative; each picture has its own scale.")
    st.page_link(
        st.session_state["viz pages"]["kernel"],
        label=f"All about kernel {channel} of block {block}, with figures to download",
        query_params={
            **state.link("kernel", "images"), "block": str(block), "channel": str(channel),
        },
    )  # fmt: skip


def _attributed(checkpoint: Checkpoint, given: Given, *, method: str, target: int) -> Attributions:
    assert given.images is not None
    return attribute(
        checkpoint, given.images(), methods=[method], target=target, progress=given.progress
    )


def _time(seconds: float) -> str:
    if seconds < 1.5:
        return "about a second"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def show_methods(found: Opened, image: Images, result: Tried, of: int) -> None:
    """Offer the slower methods, each with its time; each is shown as soon as it is there."""
    st.subheader("Other methods, on request", anchor=False)
    own = result.evidence
    st.caption(
        f"What each says of {plain(own.name(of))}. They ask different questions and need not "
        "agree; how far each can be trusted is measured on the page of attributions."
    )
    grid = st.grid("auto", min_column_width=220, gap="medium")
    # Quick ones first.
    for method in sorted(result.passes, key=lambda m: _seconds(result, m)):
        with grid.cell():
            _method(found, image, result, method, of)
    st.page_link(
        st.session_state["viz pages"]["attribution"],
        label="How far each can be trusted, with figures to download",
        query_params=state.link("attribution", "images"),
    )  # fmt: skip


def _seconds(result: Tried, method: str) -> float:
    perturbs = method in ("occlusion", "feature-ablation")
    return result.seconds * max(1, result.passes[method]) * (1 if perturbs else _BACKWARD)


def _method(found: Opened, image: Images, result: Tried, method: str, of: int) -> None:
    words = method_words(method)
    words = words[0].upper() + words[1:]
    made = work(
        found, _attributed, images=image, name=f"method {method} {of}", what=words, slow=True,
        label=f"{words} ({_time(_seconds(result, method))})", quiet=True,
        method=method, target=of,
    )  # fmt: skip
    if made is None:
        return
    values = made.value.patches[0, 0]
    st.markdown(f"**{words}**")
    st.image(
        overlay.over(result.evidence.images[0], values, common_limit(values),
                     result.evidence.patch_size),
        alt=f"{words} on each patch.", width="stretch",
    )  # fmt: skip


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
