"""Early against late blocks, and the two statements made about ConvMixers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.views.base import FigureRow, Given, Option, View, numbers
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(
    checkpoint: Checkpoint, given: Given, *, early: Any = None, late: Any = None
) -> Result:
    from viz.views.early_late.measure import checked_groups, measure

    # Before kernels are described, which takes long.
    groups = checked_groups(range(checkpoint.config.depth), early, late)
    description = depthwise_description(checkpoint, given)
    return measure(description, early=groups[0], late=groups[1], seed=given.seed)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.early_late import draw

    return (
        FigureRow(
            "early-late",
            "Depthwise kernels of early and of late blocks side by side.",
            *both(draw.draw_mosaics, draw.mosaics_figure),
        ),
        FigureRow(
            "early-late-statements",
            "Share of kernels of which each statement is true, by block and "
            "by the share of a kernel's energy that the picture must explain, beside randomly "
            "initialised kernels.",
            *both(draw.draw_statements, draw.SIZES["statements"], draw.NARROW["statements"]),
        ),
        FigureRow(
            "early-late-effects",
            "Cliff's delta of every descriptor between early and late kernels, with intervals "
            "over blocks, and of each late block against each early one.",
            *both(draw.draw_effects, draw.SIZES["effects"], draw.NARROW["effects"]),
        ),
        FigureRow(
            "early-late-depth",
            "Every descriptor by block: medians and quartiles, beside random initialisation.",
            *both(draw.draw_depth, draw.SIZES["depth"], draw.NARROW["depth"]),
        ),
    )


VIEW = View(
    "early-late",
    "Early and late",
    _measure,
    "viz.views.early_late.result:EarlyLate",
    _figures,
    "Kernels of a block were trained together: only the intervals over blocks say anything "
    "beyond these kernels, and nothing here says what another training would give. A picture "
    "that explains half of a kernel's energy need not be the one that explains most of it: "
    "compare the shares by name.",
    about="""Compare the kernels of early and late blocks, and judge two statements on them.

    The statements: early kernels have a positive centre in a negative surround; late ones are
    two halves of opposite sign, or a ring. -o FILE draws both groups side by side.
    """,
    options=(
        Option(
            "early",
            "Take these blocks as early, such as 0-2.  [default: the first third]",
            kind=numbers,
        ),
        Option(
            "late",
            "Take these blocks as late, such as 5-7.  [default: the last third]",
            kind=numbers,
        ),
    ),
    menu="Early and late",
    group="What was learned",
    icon=":material/compare_arrows:",
    question="Do early and late blocks differ, and is what people say about them true here?",
)
