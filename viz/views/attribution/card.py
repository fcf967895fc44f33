"""Attributions with their trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.views.attribution.measure import rate

    images = given.images() if given.images else None
    return rate(checkpoint, images, seed=given.seed, progress=given.progress)


def _summary(result: Any) -> Any:
    from viz.views.attribution.summary import summary

    return summary(result)


def _sentence(result: Any) -> str:
    from viz.views.attribution.summary import sentence

    return sentence(result)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.attribution import draw, draw_maps

    return (
        FigureRow(
            "attribution",
            "The first images, and the maps of a few methods over them.",
            drawn(draw_maps.draw_attribution, draw_maps.attribution_figure),
        ),
        FigureRow(
            "attribution-trust",
            "Every score of every map over all images.",
            drawn(draw.draw_scores, draw.scores_figure),
        ),
        FigureRow(
            "attribution-randomisation",
            "How alike each map stays as weights are drawn anew from the head down.",
            drawn(draw.draw_randomisation, draw.randomisation_figure),
        ),
    )


VIEW = View(
    "attribution",
    "Attributions and their trust",
    _measure,
    "viz.views.attribution.result:Trust",
    _figures,
    "A map is an answer to one question about one score, and methods ask different questions; "
    "none shows a reason as a person would give it. Images without some of their patches are "
    "unlike any the network was trained on. Read every score beside that of the edge detector, "
    "which knows nothing of the network.",
    summary=_summary,
    sentence=_sentence,
    needs_images=True,
    slow=True,
)
