"""What the pointwise weights do between kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import FigureRow, Given, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.views.described import depthwise_description
    from viz.views.mixing.measure import measure

    return measure(
        checkpoint,
        depthwise_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.mixing import draw

    return (
        FigureRow(
            "mixing",
            "Links from every kernel to every kernel of the next block, sorted by name.",
            drawn(draw.draw_matrices, draw.matrices_figure),
        ),
        FigureRow(
            "mixing-spectra",
            "Spectrum and effective rank of the pointwise weights beside randomly initialised "
            "ones, and the share of the depthwise branches.",
            drawn(draw.draw_spectra, draw.SIZES["spectra"]),
        ),
    )


VIEW = View(
    "mixing",
    "Mixing: the pointwise weights",
    _measure,
    "viz.views.mixing.result:Mixing",
    _figures,
    "A link says what a kernel's branch adds before the activation, not what the network makes "
    "of it: the activation and all later blocks follow. Channels are sorted by strength within a "
    "name, which makes gradients.",
    slow=True,
    about="Show how the pointwise weights link kernels, by name, and their effective rank.",
    menu="Mixing",
    group="What was learned",
    icon=":material/shuffle:",
    question="Which channels feed which, through the pointwise weights?",
)
