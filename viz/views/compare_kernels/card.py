"""Kernels before and after a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.core.refusal import Refusal
from viz.views.base import Comparison, FigureRow, Given
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _kernels(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.views.compare_kernels.measure import kernel_change, refused

    reason = refused(a, b)
    if reason:
        raise Refusal(reason)
    both = (depthwise_description(a, given), depthwise_description(b, given))
    return kernel_change(a, b, both, seed=given.seed)


def _refused_kernels(a: Checkpoint, b: Checkpoint) -> str:
    from viz.views.compare_kernels.measure import refused

    return refused(a, b)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.compare_kernels import draw

    return (
        FigureRow("compare-kernels",
                  "Names of the same depthwise kernels in two snapshots of one training.",
                  drawn(draw.draw_migration, draw.migration_figure)),
        FigureRow("compare-kernels-change",
                  "How far the depthwise kernels of every block moved between two snapshots.",
                  drawn(draw.draw_moving, draw.SIZES["moving"])),
        FigureRow("compare-kernels-moved",
                  "Depthwise kernels with a large change, before (A) and after (B).",
                  drawn(draw.draw_moved, draw.moved_figure)),
    )  # fmt: skip


VIEW = Comparison(
    "compare-kernels",
    "Kernels before and after",
    _kernels,
    "viz.views.compare_kernels.result:KernelChange",
    _figures,
    "Kernels near the border between two names change theirs without changing much: read "
    "names beside the change of the kernels. The pictures show extremes, not typical kernels.",
    refuses=_refused_kernels,
    question="Which kernels moved between two snapshots of one training?",
    method="views/compare",
)
