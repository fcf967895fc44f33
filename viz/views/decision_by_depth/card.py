"""The decision by depth: its question, its figures, how they can mislead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.decision_by_depth.result import DecisionByDepth


def _measure(checkpoint: Checkpoint, given: Given, **options: Any) -> DecisionByDepth:
    from viz.views.decision_by_depth.measure import decision_by_depth

    images = None if given.images is None else given.images()
    return decision_by_depth(
        checkpoint, images, seed=given.seed, progress=given.progress, **options
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.millimetres import HALF_PAGE
    from viz.views.decision_by_depth import draw

    drawn = (
        (
            "decision-by-depth",
            draw.curves_figure,
            "Probability and rank of the answer, read out after every block.",
        ),
        (
            "decision-by-depth-maps",
            draw.maps_figure,
            "What each patch gives to the answer, read out after every block.",
        ),
        (
            "decision-by-depth-shares",
            draw.shares_figure,
            "Share of images that have the answer, or the right one, by depth, beside the "
            "same network with its blocks shuffled and a randomly initialised one.",
        ),
    )
    return tuple(
        FigureRow(name, caption, make, partial(make, width=HALF_PAGE))
        for name, make, caption in drawn
    )


VIEW = View(
    "decision-by-depth",
    "The decision by depth",
    _measure,
    "viz.views.decision_by_depth.result:DecisionByDepth",
    _figures,
    "No path carries a channel past a block's pointwise convolution, so that the same channel "
    "number means something else after each block. A head that fails early may do so although the "
    "class could be read there. The fitted readout shows what a new linear layer could read, not "
    "what the network uses.",
    question="After which block is the answer there?",
    about="""Show after which block the answer is there: the head read out after each of them.

    -o FILE draws probability and rank of the answer by depth, -o FOLDER adds maps over the
    photograph and, for ten images and more, shares of the folder beside baselines.
    """,
    options=(
        Option("shown", "Keep the maps of so many images.", 2, int, 1),
        Option(
            "fitted",
            "Fit a linear readout after each block, where the images allow it.",
            True,
            bool,
        ),
        Option(
            "draws",
            "Draw so many networks with shuffled blocks, and as many randomly initialised ones.",
            3,
            int,
            0,
        ),
    ),
    images="needed",
    menu="Decision by depth",
    group="On images",
    icon=":material/stairs:",
)
