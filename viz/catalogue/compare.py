"""Two networks side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.catalogue.base import Comparison, FigureRow, Given
from viz.catalogue.described import depthwise_description
from viz.catalogue.figures import both, drawn
from viz.results.refusal import Refusal

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["COMPARISONS"]


def _networks(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.measure.compare import compare_networks

    images = None
    if given.images is not None:
        opened = given.images()
        images = (
            opened.as_seen_by(a.preprocessing, a.config.in_channels),
            opened.as_seen_by(b.preprocessing, b.config.in_channels),
        )
    return compare_networks(
        a,
        b,
        (depthwise_description(a, given), depthwise_description(b, given)),
        images=images,
        seed=given.seed,
        progress=given.progress,
    )


def _patch_filters(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.measure.compare_filters import match_patch_filters

    return match_patch_filters(a, b, seed=given.seed, progress=given.progress)


def _refused_filters(a: Checkpoint, b: Checkpoint) -> str:
    from viz.measure.compare_filters import refused

    return refused(a, b)


def _kernels(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.measure.compare_kernels import kernel_change, refused

    reason = refused(a, b)
    if reason:
        raise Refusal(reason)
    both = (depthwise_description(a, given), depthwise_description(b, given))
    return kernel_change(a, b, both, seed=given.seed)


def _refused_kernels(a: Checkpoint, b: Checkpoint) -> str:
    from viz.measure.compare_kernels import refused

    return refused(a, b)


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "compare",
        "Two networks side by side",
        _networks,
        "viz.results.compare:NetworkComparison",
        (
            # Both columns: a table stands beside the shares.
            FigureRow(
                "compare",
                "What both networks are, and the share of each name among the depthwise kernels "
                "by relative depth, beside randomly initialised kernels.",
                drawn("compare", "networks"),
            ),
            FigureRow(
                "compare-names",
                "Share of every name in both networks, and the difference with intervals over "
                "blocks.",
                *both("compare", "names"),
            ),
            FigureRow(
                "compare-effects",
                "Cliff's delta of every descriptor between the networks, with intervals over "
                "blocks and kernels.",
                *both("compare", "effects"),
            ),
            FigureRow(
                "compare-depth",
                "Every descriptor by depth in both networks: medians and quartiles, beside random "
                "initialisation.",
                *both("compare_depth", "depth"),
            ),
            FigureRow(
                "compare-fields",
                "Receptive fields of both networks by depth on one axis, theoretical and, where "
                "images were given, effective; RMS radius of the kernels.",
                *both("compare_depth", "fields"),
            ),
        ),
        "Two networks are two: the intervals say how firmly these two differ, not what another "
        "training of either would give. Where kernel sizes differ most descriptors differ for that "
        "reason alone: read them beside the squares. Pixels are those of each network's own input.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
    ),
    Comparison(
        "compare-patch-filters",
        "Patch filters matched",
        _patch_filters,
        "viz.results.compare_filters:PatchFilterMatch",
        (
            FigureRow(
                "compare-patch-filters",
                "Patch-embedding filters matched one to one, A's above B's, the most similar "
                "first; each filter has its own colour scale.",
                drawn("compare_filters", "pairs"),
            ),
            FigureRow(
                "compare-patch-filters-chance",
                "Cosine of the matched pairs beside pairs matched after B's filters were changed, "
                "and of filters of the same channel beside random permutations.",
                drawn("compare_filters", "chance"),
            ),
        ),
        "The best of all assignments looks alike in any two networks: only what stands above the "
        "changed filters tells anything. Patches of different size are compared as shares of a "
        "patch, not in pixels.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
        refuses=_refused_filters,
    ),
    Comparison(
        "compare-kernels",
        "Kernels before and after",
        _kernels,
        "viz.results.compare_kernels:KernelChange",
        (
            FigureRow(
                "compare-kernels",
                "Names of the same depthwise kernels before and after, and the share of each "
                "block's kernels that kept theirs.",
                drawn("compare_kernels", "migration"),
            ),
            FigureRow(
                "compare-kernels-change",
                "Relative change, cosine and ratio of norms of the kernels by block, beside "
                "channels in a random order.",
                drawn("compare_kernels", "moving"),
            ),
            FigureRow(
                "compare-kernels-moved",
                "The kernels of each block that moved most, A's above B's; each pair has its own "
                "colour scale.",
                drawn("compare_kernels", "moved"),
            ),
        ),
        "Kernels near the border between two names change theirs without changing much: read "
        "names beside the change of the kernels. The pictures show extremes, not typical kernels.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
        refuses=_refused_kernels,
    ),
)
