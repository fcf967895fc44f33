"""Attributions with their trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.figures import drawn

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.trust import rate

    images = given.images() if given.images else None
    return rate(checkpoint, images, seed=given.seed, progress=given.progress)


def _summary(result: Any) -> Any:
    from viz.measure.trust_summary import summary

    return summary(result)


def _sentence(result: Any) -> str:
    from viz.measure.trust_summary import sentence

    return sentence(result)


VIEWS: tuple[View, ...] = (
    View(
        "attribution",
        "Attributions and their trust",
        _measure,
        "viz.results.trust:Trust",
        (
            FigureRow(
                "attribution",
                "For each of the first three images: maps of all methods on the patch grid and on "
                "one colour scale, insertion and deletion curves, scores; beside them a random map "
                "and an edge detector.",
                drawn("attribution", "attribution"),
            ),
            FigureRow(
                "attribution-trust",
                "Every score of every map over all images.",
                drawn("trust", "scores"),
            ),
            FigureRow(
                "attribution-randomisation",
                "How alike each map stays as weights are drawn anew from the head down.",
                drawn("trust", "randomisation"),
            ),
            FigureRow(
                "attribution-pixels",
                "Raw values of the methods that work at pixels, for the first three images.",
                drawn("attribution", "pixels"),
            ),
        ),
        "A map is an answer to one question about one score, and methods ask different questions; "
        "none shows a reason as a person would give it. Images without some of their patches are "
        "unlike any the network was trained on. Read every score beside that of the edge detector, "
        "which knows nothing of the network.",
        summary=_summary,
        sentence=_sentence,
        needs_images=True,
        slow=True,
    ),
)
