"""What survives when kernels are replaced by their descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import FigureRow, Given, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.views.described import depthwise_description, patch_description
    from viz.views.substitution.measure import measure

    return measure(
        checkpoint,
        given.images() if given.images is not None else None,
        description=depthwise_description(checkpoint, given),
        patches=patch_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both, drawn
    from viz.views.substitution import draw

    return (
        FigureRow(
            "substitution",
            "The network with every depthwise kernel replaced by its description, against the "
            "network as it is, by the numbers that hold a kernel; principal components and "
            "DCT coefficients hold as many.",
            *both(draw.draw_curve, draw.curve_figure),
        ),
        FigureRow(
            "substitution-by-block",
            "The same with the kernels of one block replaced.",
            *both(draw.draw_by_block, draw.SIZES["by_block"], draw.NARROW["by_block"]),
        ),
        FigureRow(
            "substitution-patch-filters",
            "The same with patch-embedding filters replaced by their Gabor fits.",
            drawn(draw.draw_patch, draw.patch_figure),
        ),
    )


VIEW = View(
    "substitution",
    "Does the description explain the network?",
    _measure,
    "viz.views.substitution.result:Substitution",
    _figures,
    "Batch norms keep the statistics of training: a fit loses by its size as well as by its "
    "shape. Agreement is with the unchanged network, not with the truth. Crops of two "
    "photographs say nothing about other photographs.",
    summary=lambda result: result.summary(),
    sentence=lambda result: result.sentence(),
    needs_images=True,
    slow=True,
)
