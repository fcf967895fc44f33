"""The evidence view: its question, its figures, how they can mislead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.network.checkpoint import Checkpoint
    from viz.views.evidence.result import Evidence

_WIDE, _NARROW = 178.0, 85.0
"""Widths of two columns and of one, in millimetres."""


def _measure(checkpoint: Checkpoint, given: Given, **options: Any) -> Evidence:
    from viz.views.evidence.measure import evidence

    images = None if given.images is None else given.images()
    return evidence(checkpoint, images, seed=given.seed, progress=given.progress, **options)


def _maps(result: Evidence, *, width: float = _WIDE) -> Figure:
    from viz.views.evidence.draw import maps_figure

    return maps_figure(result, width)


def _channels(result: Evidence, *, width: float = _WIDE) -> Figure:
    from viz.views.evidence.draw import channels_figure

    return channels_figure(result, width)


def _classes(result: Evidence, *, width: float = _WIDE) -> Figure:
    from viz.views.evidence.draw import classes_figure

    return classes_figure(result, width)


def _ablation(result: Evidence, *, width: float = _WIDE) -> Figure:
    from viz.views.evidence.draw import ablation_figure

    return ablation_figure(result, width)


def _figures() -> tuple[FigureRow, ...]:
    return (
        FigureRow(
            "evidence",
            "What each patch gives to the first classes, and to the answer over the runner-up.",
            _maps,
            partial(_maps, width=_NARROW),
        ),
        FigureRow(
            "evidence-channels",
            "The channels that decide between the two, on the first image, above the depthwise "
            "kernels that feed them most.",
            _channels,
            partial(_channels, width=_NARROW),
        ),
        FigureRow(
            "evidence-classes",
            "What channels give to each class, averaged over its images.",
            _classes,
            partial(_classes, width=_NARROW),
        ),
        FigureRow(
            "evidence-ablation",
            "What becomes of the answer without the channels that speak most for it, and "
            "without as many random ones.",
            _ablation,
            partial(_ablation, width=_NARROW),
        ),
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
    summary=lambda result: result.summary(),
    sentence=lambda result: result.finding,
    question="Which patches and channels give the answer?",
    about="""Show which patches and channels give the answer, exactly.

    -o FILE draws the evidence over the first images, -o FOLDER adds the channels that decide and
    the kernels that feed them, classes by channels, and what becomes of the answer without them.
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
