"""The evidence view: its question, its figures, how they can mislead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint
    from viz.views.evidence.result import Evidence


def _measure(checkpoint: Checkpoint, given: Given, **options: Any) -> Evidence:
    from viz.views.evidence.measure import evidence

    images = None if given.images is None else given.images()
    return evidence(checkpoint, images, seed=given.seed, progress=given.progress, **options)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.millimetres import HALF_PAGE
    from viz.views.evidence import draw

    drawn = (
        (
            "evidence",
            draw.maps_figure,
            "What each patch gives to the first classes, and to the answer over the runner-up.",
        ),
        (
            "evidence-channels",
            draw.channels_figure,
            "The channels that decide between the two, on the first image, above the depthwise "
            "kernels that feed them most.",
        ),
        (
            "evidence-classes",
            draw.classes_figure,
            "What channels give to each class, averaged over its images.",
        ),
        (
            "evidence-ablation",
            draw.ablation_figure,
            "The answer without the channels that speak most for it, and without as many random "
            "ones.",
        ),
    )
    return tuple(
        FigureRow(name, caption, make, partial(make, width=HALF_PAGE))
        for name, make, caption in drawn
    )


VIEW = View(
    "evidence",
    "Evidence for the answer",
    _measure,
    "viz.views.evidence.result:Evidence",
    _figures,
    "The sum is exact, the place is not: a patch of the last block has seen far more of the "
    "image than the pixels it is drawn on. What is given to all classes alike changes no "
    "answer, so the difference of two classes says more than one class alone.",
    question="Which patches and channels give the answer?",
    about="""Show which patches and channels give the answer, exactly.

    -o FILE draws the evidence over the first images, -o FOLDER adds the channels that decide and
    the kernels that feed them, classes by channels, and the answer without them.
    """,
    options=(
        Option(
            "target", "Explain this class, by name, by index, or the predicted one.", "predicted"
        ),
        Option(
            "against",
            "Weigh it against this class, by name, by index, or the runner-up.",
            "runner-up",
        ),
        Option("shown", "Keep the maps of so many images.", 2, int, 1),
        Option("n_channels", "Show so many deciding channels of each of these.", 6, int, 1),
    ),
    images="needed",
    menu="Evidence",
    group="On images",
    icon=":material/how_to_vote:",
)
