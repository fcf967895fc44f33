"""Two networks side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import Comparison, FigureRow, Given
from viz.catalogue.described import depthwise_description

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def _view(module: str, name: str) -> Any:
    def make(result: Any) -> Figure:
        from importlib import import_module

        from viz.draw.style import new_figure

        found = import_module(f"viz.draw.{module}")
        figure = new_figure(*found.SIZES[name])
        getattr(found, f"draw_{name}")(result, figure)
        return figure

    return make


COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "compare",
        "Two networks side by side",
        _networks,
        "viz.results.compare:NetworkComparison",
        (
            FigureRow(
                "compare",
                "What both networks are, and the share of each label among the depthwise kernels "
                "by relative depth, beside randomly initialised kernels.",
                _view("compare", "networks"),
            ),
            FigureRow(
                "compare-labels",
                "Share of every label in both networks, and the difference with intervals over "
                "blocks.",
                _view("compare", "labels"),
            ),
            FigureRow(
                "compare-effects",
                "Cliff's delta of every descriptor between the networks, with intervals over "
                "blocks and kernels.",
                _view("compare", "effects"),
            ),
            FigureRow(
                "compare-depth",
                "Every descriptor by depth in both networks: medians and quartiles, beside random "
                "initialisation.",
                _view("compare_depth", "depth"),
            ),
            FigureRow(
                "compare-fields",
                "Receptive fields of both networks by depth on one axis, theoretical and, where "
                "images were given, effective; RMS radius of the kernels.",
                _view("compare_depth", "fields"),
            ),
        ),
        "Two networks are two: the intervals say how firmly these two differ, not what another "
        "training of either would give. Where kernel sizes differ most descriptors differ for that "
        "reason alone: read them beside the squares. Pixels are those of each network's own input.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.sentence(),
    ),
)
