"""Early against late blocks, and the two statements made about ConvMixers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def _sentence(result: Any) -> str:
    early, late = result.verdicts
    return "\n\n".join(
        [f"{early.short} {late.short}", result.difference, early.details, late.details, result.note]
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
                "Depthwise kernels of early and of late blocks side by side, ordered by label; "
                "percentages are of all kernels of the group.",
                drawn("early_late", "mosaics"),
            ),
            FigureRow(
                "early-late-statements",
                "What is said of ConvMixers' kernels: shares by block and by threshold, beside "
                "randomly initialised networks, with the verdict.",
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
        "beyond these kernels, and nothing here says what another training would give. About half "
        "of all random kernels are half positive and half negative: read shares beside the grey "
        "band.",
        summary=lambda result: result.summary(),
        sentence=_sentence,
    ),
)
