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
    return compare_networks(
        a,
        b,
        (depthwise_description(a, given), depthwise_description(b, given)),
        images=images,
        seed=given.seed,
        progress=given.progress,
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import both
    from viz.views.compare import draw

    return (
        FigureRow(
            "compare",
            "Share of each name among the depthwise kernels of both networks by relative depth, "
            "beside randomly initialised kernels.",
            *both(draw.draw_networks, draw.SIZES["networks"], draw.NARROW["networks"]),
        ),
        FigureRow(
            "compare-effects",
            "Cliff's delta of every descriptor between the networks, with intervals over blocks.",
            *both(draw.draw_effects, draw.SIZES["effects"], draw.NARROW["effects"]),
        ),
        FigureRow(
            "compare-depth",
            "Every descriptor by depth in both networks: medians and quartiles, beside random "
            "initialisation.",
            *both(draw.draw_depth, draw.SIZES["depth"], draw.NARROW["depth"]),
        ),
        FigureRow(
            "compare-fields",
            "Receptive fields of both networks by depth on one axis, theoretical and, where "
            "images were given, effective; RMS radius of the kernels.",
            *both(draw.draw_fields, draw.SIZES["fields"], draw.NARROW["fields"]),
        ),
    )


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
