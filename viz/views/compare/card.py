"""Two networks side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import Comparison, FigureRow, Given
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _networks(a: Checkpoint, b: Checkpoint, given: Given) -> Result:
    from viz.views.compare.measure import compare_networks

    images = None
    if given.images is not None:
        opened = given.images()
        images = (
            opened.as_seen_by(a.preprocessing, a.config.in_channels),
            opened.as_seen_by(b.preprocessing, b.config.in_channels),
        )
    both = depthwise_description(a, given), depthwise_description(b, given)
    return compare_networks(a, b, both, images=images, seed=given.seed, progress=given.progress)


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.compare import draw

    return (
        FigureRow("compare",
                  "Share of each block's depthwise kernels that have each name, in two networks.",
                  *both(draw.draw_networks, draw.SIZES["networks"], draw.NARROW["networks"])),
        FigureRow("compare-effects",
                  "How depthwise kernels of two networks differ in eight numbers: Cliff's delta.",
                  *both(draw.draw_effects, draw.SIZES["effects"], draw.NARROW["effects"])),
        FigureRow("compare-depth",
                  "Eight numbers that describe depthwise kernels, by depth in two networks.",
                  *both(draw.draw_depth, draw.SIZES["depth"], draw.NARROW["depth"])),
        FigureRow("compare-fields",
                  "Receptive fields and size of the depthwise kernels of two networks, by depth.",
                  *both(draw.draw_fields, draw.SIZES["fields"], draw.NARROW["fields"])),
    )  # fmt: skip


VIEW = Comparison(
    "compare",
    "Two networks side by side",
    _networks,
    "viz.views.compare.result:NetworkComparison",
    _figures,
    "Two networks are two: the intervals say how firmly these two differ, not what another "
    "training of either would give. Where kernel sizes differ most descriptors differ for that "
    "reason alone: read them beside the squares. Pixels are those of each network's own input.",
    question="How do two networks, or two snapshots of one, differ?",
)
