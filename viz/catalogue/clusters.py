"""Clusters of depthwise kernels, and their covariance by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viz.catalogue.base import FigureRow, Given, View
from viz.catalogue.described import depthwise_description
from viz.catalogue.figures import drawn

if TYPE_CHECKING:
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result

__all__ = ["VIEWS"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.clusters import cluster_checkpoint

    return cluster_checkpoint(
        checkpoint,
        description=depthwise_description(checkpoint, given),
        seed=given.seed,
        progress=given.progress,
    )


def _summary(result: Any) -> Any:
    from viz.measure.clusters import summary

    return summary(result)


VIEWS: tuple[View, ...] = (
    View(
        "clusters",
        "Clusters of depthwise kernels",
        _measure,
        "viz.results.clusters:Clusters",
        (
            FigureRow(
                "clusters",
                "Centres of the clusters, over all blocks and block by block, with the share of "
                "each block's kernels that are members.",
                drawn("clusters", "centres"),
            ),
            FigureRow(
                "clusters-stability",
                "Stability by number of clusters, beside clouds without clusters.",
                drawn("clusters", "stability", columns=1),
            ),
            FigureRow(
                "clusters-covariance",
                "Covariance of the kernels of each block over its channels, and its leading "
                "eigenvectors as kernels.",
                drawn("kernel_spectra", "covariance"),
            ),
        ),
        "k-means cuts any cloud into parts: only stability above that of clouds without clusters "
        "tells of groups. Every tile has its own colour scale.",
        summary=_summary,
        sentence=lambda result: result.sentence(),
        slow=True,
    ),
)
