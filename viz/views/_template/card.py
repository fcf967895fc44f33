"""Everything that is said of the view; it imports neither torch nor matplotlib."""

from __future__ import annotations

from typing import Any

from viz.views.base import FigureRow, Given, Option, View, numbers


def _measure(checkpoint: Any, given: Given, *, blocks: Any = None) -> Any:
    from viz.views._template.measure import measure

    return measure(checkpoint, blocks=blocks, seed=given.seed)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views._template import draw

    return (
        FigureRow(
            "template",
            "Norm of the depthwise kernels by block, beside kernels as torch initialises them.",
            drawn(draw.draw_by_block, draw.SIZE),
        ),
    )


VIEW = View(
    "template",
    "Sizes of kernels",
    _measure,
    "viz.views._template.result:Template",
    _figures,
    "A batch norm follows every kernel, so a small kernel may matter as much as a large one.",
    question="How large are the kernels of each block?",
    about="Show how large the depthwise kernels of each block are.",
    options=(Option("blocks", "Take these blocks, such as 0-2,7.  [default: all]", kind=numbers),),
    menu="Sizes of kernels",
    group="What was learned",
    icon=":material/straighten:",
)
