"""The command that groups depthwise kernels without names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz.cli.common import loading, open_checkpoint, progress_bar, seed_option
from viz.cli.output import check_output, write_output, writing

__all__ = ["COMMANDS"]


@click.command()
@loading
@writing
@click.option(
    "--n-clusters",
    type=click.IntRange(1),
    help="Number of clusters.  [default: chosen by stability]",
)
@seed_option()
def clusters(checkpoint: str, output: Path | None, as_json: bool, force: bool,
             n_clusters: int | None, seed: int, **options: Any) -> None:  # fmt: skip
    """Group depthwise kernels by k-means, and say whether there are groups at all.

    Stability stands beside that of a cloud without clusters; agreement with the names, maps,
    and the kernels' covariance by block belong to it. -o FILE draws the centres by depth.
    """
    from viz.views.clusters.measure import cluster_checkpoint

    check_output(output, as_json, force)
    loaded = open_checkpoint(checkpoint, **options)
    with progress_bar() as progress:
        result = cluster_checkpoint(loaded, n_clusters=n_clusters, seed=seed, progress=progress)
    write_output("clusters", result, output, as_json, force)


COMMANDS = (clusters,)
