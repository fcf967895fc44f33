"""What survives when kernels are replaced by their descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.figures import both, drawn

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.catalogue.described import depthwise_description, patch_description
    from viz.measure.substitution import measure

    return measure(
        checkpoint,
        given.images() if given.images is not None else None,
        description=depthwise_description(checkpoint, given),
        patches=patch_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


VIEWS: tuple[View, ...] = (
    View(
        "substitution",
        "Does the description explain the network?",
        _measure,
        "viz.results.substitution:Substitution",
        (
            FigureRow(
                "substitution",
                "The network with every depthwise kernel replaced by its description, against the "
                "network as it is, by the numbers that hold a kernel; principal components and "
                "DCT coefficients hold as many.",
                *both("substitution", "curve"),
            ),
            FigureRow(
                "substitution-by-block",
                "The same with the kernels of one block replaced.",
                *both("substitution", "by_block"),
            ),
            FigureRow(
                "substitution-patch-filters",
                "The same with patch-embedding filters replaced by their Gabor fits.",
                drawn("substitution", "patch"),
            ),
        ),
        "Batch norms keep the statistics of training: a fit loses by its size as well as by its "
        "shape. Agreement is with the unchanged network, not with the truth. Crops of two "
        "photographs say nothing about other photographs.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
        needs_images=True,
        slow=True,
    ),
)
