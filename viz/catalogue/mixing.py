"""What the pointwise weights do between kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.figures import drawn

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.catalogue.described import depthwise_description
    from viz.measure.mixing import measure

    return measure(
        checkpoint,
        given.images() if given.images is not None else None,
        description=depthwise_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


VIEWS: tuple[View, ...] = (
    View(
        "mixing",
        "Mixing: the pointwise weights",
        _measure,
        "viz.results.mixing:Mixing",
        (
            FigureRow(
                "mixing",
                "Links from every kernel to every kernel of the next block, sorted by name.",
                drawn("mixing", "matrices"),
            ),
            FigureRow(
                "mixing-spectra",
                "Spectrum and effective rank of the pointwise weights beside newly drawn ones, and "
                "the share of the depthwise branches.",
                drawn("mixing", "spectra"),
            ),
        ),
        "A link says what a kernel's branch adds before the activation, not what the network makes "
        "of it. Channels are sorted by strength within a name, which makes gradients. Effective "
        "links hold to first order, at the activations' mean slopes.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
        slow=True,
    ),
)
