"""What units see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.views.receptive_field.measure import receptive_field

    images = None if given.images is None else given.images()
    return receptive_field(checkpoint, images, seed=given.seed, progress=given.progress)


def _summary(result: Any) -> Any:
    return result.rows()


def _sentence(result: Any) -> str:
    return str(result.sentence())


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.receptive_field import draw

    return (
        FigureRow(
            "receptive-field",
            "Effective receptive field of one unit of each block: the mean gradient's share a "
            "pixel, trained and randomly initialised, on one logarithmic colour scale.",
            *both(draw.draw_maps, draw.maps_figure),
        ),
        FigureRow(
            "receptive-field-radii",
            "Radii that hold 50, 90 and 99 % of the gradient's mass by block, beside the "
            "randomly initialised network's and half the theoretical field's side.",
            *both(draw.draw_radii, draw.radii_figure),
        ),
    )


VIEW = View(
    "receptive-field",
    "Receptive fields by depth",
    _measure,
    "viz.views.receptive_field.result:ReceptiveField",
    _figures,
    "A gradient tells what a small change of a pixel would do, not what the unit responds to. "
    "Sums over channels let opposite signs cancel before the magnitude is taken. The grid of "
    "patches shows through: pixels of one patch differ because filters differ over it.",
    summary=_summary,
    sentence=_sentence,
    needs_images=True,
)
