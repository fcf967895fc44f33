"""The decision by depth: its question, its figures, how they can mislead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from viz.catalogue.base import FigureRow, Given, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.model.checkpoint import Checkpoint
    from viz.views.decision_by_depth.result import DecisionByDepth

__all__ = ["VIEWS"]

_WIDE, _NARROW = 178.0, 85.0
"""Widths of two columns and of one, in millimetres."""


def _measure(checkpoint: Checkpoint, given: Given) -> DecisionByDepth:
    from viz.views.decision_by_depth.measure import decision_by_depth

    images = None if given.images is None else given.images()
    return decision_by_depth(checkpoint, images, seed=given.seed, progress=given.progress)


def _curves(result: DecisionByDepth, width: float = _WIDE) -> Figure:
    from viz.views.decision_by_depth.draw import curves_figure

    return curves_figure(result, width)


def _maps(result: DecisionByDepth, width: float = _WIDE) -> Figure:
    from viz.views.decision_by_depth.draw import maps_figure

    return maps_figure(result, width)


def _shares(result: DecisionByDepth, width: float = _WIDE) -> Figure:
    from viz.views.decision_by_depth.draw import shares_figure

    return shares_figure(result, width)


VIEWS: tuple[View, ...] = (
    View(
        "decision-by-depth",
        "After which block is the answer there?",
        _measure,
        "viz.views.decision_by_depth.result:DecisionByDepth",
        (
            FigureRow(
                "decision-by-depth",
                "Probability and rank of the answer, read out after every block.",
                _curves,
                partial(_curves, width=_NARROW),
            ),
            FigureRow(
                "decision-by-depth-maps",
                "What each patch gives to the answer, read out after every block.",
                _maps,
                partial(_maps, width=_NARROW),
            ),
            FigureRow(
                "decision-by-depth-shares",
                "Share of images that have the answer, or the right one, by depth, beside the "
                "same network with its blocks shuffled and a randomly initialised one.",
                _shares,
                partial(_shares, width=_NARROW),
            ),
        ),
        "No path carries a channel past a block's pointwise convolution, so that the same number "
        "means something else after each block: a head that fails early, as it stands, does not "
        "say that the class cannot be told there. The fitted readout says what a new linear layer "
        "could tell, not what the network uses.",
        summary=lambda result: result.summary(),
        sentence=lambda result: result.finding,
        needs_images=True,
    ),
)
