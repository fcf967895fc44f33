"""Patch filters of two networks, matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import Comparison, FigureRow, Given

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _patch_filters(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.views.compare_patch_filters.measure import match_patch_filters

    return match_patch_filters(a, b, seed=given.seed, progress=given.progress)


def _refused_filters(a: Checkpoint, b: Checkpoint) -> str:
    from viz.views.compare_patch_filters.measure import refused

    return refused(a, b)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.compare_patch_filters import draw

    return (
        FigureRow("compare-patch-filters",
                  "Patch filters of two networks, matched one to one.",
                  drawn(draw.draw_pairs, draw.pairs_figure)),
        FigureRow("compare-patch-filters-chance",
                  "How similar matched patch filters of two networks are, beside chance.",
                  drawn(draw.draw_chance, draw.SIZES["chance"])),
    )  # fmt: skip


VIEW = Comparison(
    "compare-patch-filters",
    "Patch filters matched",
    _patch_filters,
    "viz.views.compare_patch_filters.result:PatchFilterMatch",
    _figures,
    "The best of all assignments looks alike in any two networks: only what stands above the "
    "changed filters tells anything. Patches of different size are compared as shares of a "
    "patch, not in pixels.",
    refuses=_refused_filters,
    question="Did two networks learn the same patch filters?",
    method="views/compare",
)
