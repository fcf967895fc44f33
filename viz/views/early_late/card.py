"""Early against late blocks, and the two statements made about ConvMixers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import FigureRow, Given, View
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.views.early_late.measure import measure_checkpoint

    return measure_checkpoint(
        checkpoint,
        description=depthwise_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.early_late import draw, draw_shares

    return (
        FigureRow(
            "early-late",
            "Depthwise kernels of early and of late blocks side by side.",
            *both(draw.draw_mosaics, draw.mosaics_figure),
        ),
        FigureRow(
            "early-late-statements",
            "Share of kernels of which each statement about ConvMixers is true, by block and "
            "by the share of a kernel's energy that the picture must explain, beside randomly "
            "initialised kernels.",
            *both(
                draw_shares.draw_statements,
                draw_shares.SIZES["statements"],
                draw_shares.NARROW["statements"],
            ),
        ),
        FigureRow(
            "early-late-effects",
            "Cliff's delta of every descriptor between early and late kernels, and its trend "
            "with depth, with intervals over blocks and kernels.",
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
    summary=lambda result: result.summary(),
    sentence=lambda result: result.finding,
)
