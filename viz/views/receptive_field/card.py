"""What units see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View, numbers

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _unit(text: str) -> tuple[int, int]:
    """Read a row and a column of the patch grid."""
    row, comma, column = (part.strip() for part in text.partition(","))
    if not (comma and text.isascii() and row.isdigit() and column.isdigit()):
        raise ValueError(f"{text!r} is not a row and a column of the patch grid such as 16,16.")
    return int(row), int(column)


def _measure(
    checkpoint: Checkpoint, given: Given, *, memory: float = 1024.0, **options: Any
) -> Result:
    from viz.views.receptive_field.measure import receptive_field

    images = None if given.images is None else given.images()
    return receptive_field(
        checkpoint, images, seed=given.seed, progress=given.progress, memory_mb=memory, **options
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.receptive_field import draw

    return (
        FigureRow(
            "receptive-field",
            "Effective receptive field of one unit of each block: the share of the mean gradient "
            "in each pixel, trained and randomly initialised, on one logarithmic colour scale.",
            *both(draw.draw_maps, draw.maps_figure),
        ),
        FigureRow(
            "receptive-field-radii",
            "Radii that hold 50, 90 and 99 % of the gradient's mass by block, beside those of a "
            "randomly initialised network and the theoretical field.",
            *both(draw.draw_radii, draw.radii_figure),
        ),
    )


VIEW = View(
    "receptive-field",
    "Receptive fields by depth",
    _measure,
    "viz.views.receptive_field.result:ReceptiveField",
    _figures,
    "A gradient shows what a small change of a pixel would do, not what the unit responds to. "
    "In a sum over channels opposite signs cancel before the magnitude is taken. The grid of "
    "patches shows through: pixels of one patch differ because filters differ over it.",
    summary=lambda result: result.rows(),
    about="""Show what a unit of each block could see, and what it does look at.

    Theoretical fields follow from the architecture; effective ones are gradients, averaged over the
    images: the radii that hold 50, 90 and 99 % of their mass around the unit, with bootstrap
    intervals, beside a randomly initialised network.
    """,
    options=(
        Option(
            "unit",
            "Look at the unit in this row and column of the patch grid.  [default: the middle one]",
            kind=_unit,
            metavar="ROW,COLUMN",
        ),
        Option(
            "channels", "Sum over these channels, such as 0-3,17.  [default: all]", kind=numbers
        ),
        Option("blocks", "Take these blocks, such as 0-2,7.  [default: all]", kind=numbers),
        Option(
            "random", "Measure a randomly initialised network of the same shape, too.", True, bool
        ),
        Option(
            "memory",
            "Use so many MB of working memory; what does not fit at once is done in turn.",
            1024.0,
            float,
            1,
        ),
    ),
    images="needed",
    menu="Receptive fields",
    group="On images",
    icon=":material/filter_center_focus:",
    question="How much of the image can a unit see, and how much does it use?",
)
