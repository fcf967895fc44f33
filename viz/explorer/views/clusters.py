"""Clusters: a view of the catalogue, with maps whose points open kernels."""

from __future__ import annotations

from viz.explorer import state
from viz.explorer.checkpoints import Opened
from viz.explorer.found import show_view
from viz.explorer.points import show_cluster_maps
from viz.explorer.words import ANY_LABEL
from viz.results.clusters import Clusters


def _maps(found: Opened, result: Clusters) -> None:
    row = show_cluster_maps(found, result)
    if row is not None:
        state.go(
            "kernel", block=result.block[row], channel=result.channel[row],
            order="similarity", label=ANY_LABEL,
        )  # fmt: skip


show_view("clusters", instead={"clusters-maps": _maps})
