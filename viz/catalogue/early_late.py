"""Early against late blocks, and the two statements made about ConvMixers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.described import depthwise_description
from viz.catalogue.figures import both, drawn

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.early_late import measure_checkpoint

    return measure_checkpoint(
        checkpoint,
        description=depthwise_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


VIEWS: tuple[View, ...] = (
    View(
        "early-late",
        "Early and late",
        _measure,
        "viz.results.early_late:EarlyLate",
        (
            # Both columns: early and late kernels stand side by side.
            FigureRow(
                "early-late",
                "Depthwise kernels of early and of late blocks side by side, ordered by name; "
                "percentages are of all kernels of the group.",
                drawn("early_late", "mosaics"),
            ),
            FigureRow(
                "early-late-statements",
                "Share of kernels of which each statement about ConvMixers is true, by block and "
                "by the share of a kernel's energy that the picture must explain, beside randomly "
                "initialised kernels.",
                *both("early_late_shares", "statements"),
            ),
            FigureRow(
                "early-late-effects",
                "Cliff's delta of every descriptor between early and late kernels, and its trend "
                "with depth, with intervals over blocks and kernels.",
                *both("early_late", "effects"),
            ),
            FigureRow(
                "early-late-depth",
                "Every descriptor by block: medians and quartiles, beside random initialisation.",
                *both("early_late", "depth"),
            ),
        ),
        "Kernels of a block were trained together: only the intervals over blocks say anything "
        "beyond these kernels, and nothing here says what another training would give. A picture "
        "that explains half of a kernel's energy need not be the one that explains most of it: "
        "compare the shares by name.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.finding,
    ),
)
