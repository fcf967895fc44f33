"""Clusters of depthwise kernels, and their covariance by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import FigureRow, Given, Option, View
from viz.views.described import depthwise_description

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint


def _measure(checkpoint: Checkpoint, given: Given, *, n_clusters: int | None = None) -> Result:
    from viz.views.clusters.measure import cluster_checkpoint

    return cluster_checkpoint(
        checkpoint,
        depthwise_description(checkpoint, given),
        n_clusters=n_clusters,
        seed=given.seed,
        progress=given.progress,
    )


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.clusters import draw

    return (
        FigureRow(
            "clusters",
            "Centres of the clusters, over all blocks and block by block, with the share of "
            "each block's kernels that are members.",
            drawn(draw.draw_centres, draw.centres_figure),
        ),
        FigureRow(
            "clusters-stability",
            "Stability of k-means by number of clusters, beside that of Gaussian clouds of the "
            "same mean and covariance.",
            drawn(draw.draw_stability, draw.SIZES["stability"]),
        ),
        FigureRow(
            "clusters-covariance",
            "Covariance of the kernels of each block over its channels, and its leading "
            "eigenvectors as kernels.",
            drawn(draw.draw_covariance, draw.covariance_figure),
        ),
    )


VIEW = View(
    "clusters",
    "Clusters of depthwise kernels",
    _measure,
    "viz.views.clusters.result:Clusters",
    _figures,
    "Any cloud is cut into parts by k-means, and stability above that of Gaussian clouds shows "
    "more structure than a Gaussian, which need not be groups: a ring of orientations has it too. "
    "Every tile has its own colour scale.",
    slow=True,
    about="""Cluster depthwise kernels by k-means, and test for more structure than a Gaussian has.

    The null is Gaussian clouds of the same mean and covariance. The command also measures the
    agreement of clusters with names, and the kernels' covariance by block. -o FILE draws the
    centres by depth.
    """,
    options=(
        Option(
            "n_clusters", "Cut into so many clusters.  [default: chosen by stability]", None, int, 1
        ),
    ),
    menu="Clusters",
    group="What was learned",
    icon=":material/bubble_chart:",
    question="Which shapes do kernels have, without any names?",
)
