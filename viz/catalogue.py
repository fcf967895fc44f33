"""One row per view: its title, how it is measured, how it is drawn, how it can mislead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS", "FigureRow", "View", "view"]


@dataclass(frozen=True)
class FigureRow:
    """One figure of a view.

    Parameters
    ----------
    name : str
        File name without suffix.
    caption : str
        What is shown; the colour scale stands on the figure itself.
    make : callable
        Result to a finished Figure.
    """

    name: str
    caption: str
    make: Callable[[Any], Figure]


@dataclass(frozen=True)
class View:
    """One thing to look at, the same on the command line, in the explorer and in reports.

    Parameters
    ----------
    name : str
        As on the command line, such as ``"patch-filters"``.
    title : str
        As in a report.
    measure : callable
        Checkpoint to result.
    figures : tuple of FigureRow
        The main one first.
    misleads : str
        How the picture can mislead, in a sentence or two.
    summary : callable, optional
        Result to what ``--json`` prints; none for a view that only shows weights.
    """

    name: str
    title: str
    measure: Callable[[Checkpoint], Result]
    figures: tuple[FigureRow, ...]
    misleads: str
    summary: Callable[[Any], Any] | None = None


def _patch_filters(checkpoint: Checkpoint) -> Result:
    from viz.measure.weights import patch_filters

    return patch_filters(checkpoint, order="hue")


def _draw_patch_filters(result: Any) -> Figure:
    from viz.draw.weights import draw_mosaic, mosaic_figure, patch_filter_mosaic

    mosaic = patch_filter_mosaic(result)
    figure = mosaic_figure(mosaic)
    draw_mosaic(mosaic, figure)
    return figure


def _depthwise(checkpoint: Checkpoint) -> Result:
    from viz.measure.weights import depthwise_kernels

    return depthwise_kernels(checkpoint, order="similarity")


def _draw_depthwise(result: Any) -> Figure:
    from viz.draw.weights import draw_mosaic, kernel_mosaic, mosaic_figure

    mosaic = kernel_mosaic(result)
    figure = mosaic_figure(mosaic)
    draw_mosaic(mosaic, figure)
    return figure


VIEWS: tuple[View, ...] = (
    View(
        "patch-filters",
        "Patch-embedding filters",
        _patch_filters,
        (
            FigureRow(
                "patch-filters",
                "Every patch-embedding filter, in normalised-input space: grey ones first, then "
                "by hue. Mid grey is zero.",
                _draw_patch_filters,
            ),
        ),
        "Each filter has its own colour scale, so a filter that is nearly zero looks as strong as "
        "the rest. Red may mean that a filter likes red or that it dislikes cyan: both are one.",
    ),
    View(
        "depthwise",
        "Depthwise kernels by depth",
        _depthwise,
        (
            FigureRow(
                "depthwise",
                "Depthwise kernels, the same 64 channels of every block (all, if there are fewer), "
                "first block first; within a block, neighbours look alike. White is zero.",
                _draw_depthwise,
            ),
        ),
        "Each block has its own colour scale, so colours of two blocks cannot be compared. A batch "
        "norm follows every kernel: a pale kernel may matter as much as a strong one.",
    ),
)
"""Every view, in the order of a report."""


def view(name: str) -> View:
    """Return a view by its name on the command line.

    Parameters
    ----------
    name : str
        Such as ``"depthwise"``.

    Returns
    -------
    View
        The row of the catalogue.

    Raises
    ------
    KeyError
        If there is no such view.
    """
    return {row.name: row for row in VIEWS}[name]
