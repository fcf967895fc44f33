"""The weights themselves as mosaics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import FigureRow, Given, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _depthwise(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.weights import depthwise_kernels

    return depthwise_kernels(checkpoint, order="similarity", seed=given.seed)


def _draw_depthwise(result: Any) -> Figure:
    from viz.draw.weights import draw_mosaic, kernel_mosaic, mosaic_figure

    mosaic = kernel_mosaic(result)
    figure = mosaic_figure(mosaic)
    draw_mosaic(mosaic, figure)
    return figure


VIEWS: tuple[View, ...] = (
    View(
        "depthwise",
        "Depthwise kernels by depth",
        _depthwise,
        "viz.results.weights:DepthwiseKernels",
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
