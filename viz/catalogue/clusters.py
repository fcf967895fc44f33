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
                "Stability by number of clusters beside clouds without clusters, and where the "
                "kernels of each label fall.",
                drawn("clusters", "agreement"),
            ),
            FigureRow(
                "clusters-maps",
                "Principal components and t-SNE of all kernels, coloured by block and by label.",
                drawn("clusters", "maps"),
            ),
            FigureRow(
                "clusters-covariance",
                "Covariance of the kernels of each block over its channels, and its leading "
                "eigenvectors as kernels.",
                drawn("kernel_spectra", "covariance"),
            ),
            FigureRow(
                "clusters-spectra",
                "Spectrum of that covariance by block, effective rank and variance entropy beside "
                "independent weights, and share of empty kernels.",
                drawn("kernel_spectra", "spectra"),
            ),
        ),
        "k-means cuts any cloud into parts: only stability above that of clouds without clusters "
        "tells of groups. On a t-SNE map distances, sizes and densities mean nothing. Every tile "
        "has its own colour scale.",
        summary=_summary,
        sentence=lambda result: result.sentence(),
        slow=True,
    ),
)
