"""A figure on the page whose points open what they stand for, on a click or with the keyboard."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from viz.draw.clusters import draw_maps, map_points, maps_figure
from viz.explorer.cache import cached

if TYPE_CHECKING:
    from viz.explorer.checkpoints import Opened
    from viz.results.clusters import Clusters

__all__ = ["show_cluster_maps"]

_HERE = Path(__file__).parent
_DPI = 200
_UNIT = 10_000
_MOST = 4096
"""Kernels whose points can be opened: with more, those of the t-SNE map."""
_component = st.components.v2.component(
    "viz_points",
    html='<div class="points"></div>',
    css=(_HERE / "points.css").read_text("utf-8"),
    js=(_HERE / "points.js").read_text("utf-8"),
)


def _names(result: Clusters, rows: Any) -> list[str]:
    labels = result.label if len(result.confusion) else np.full(len(result.block), "")
    return [
        f"block {result.block[i]}, kernel {result.channel[i]}"
        + (f": {labels[i]}" if labels[i] else "")
        + (f", cluster {result.cluster[i]}" if result.cluster[i] >= 0 else "")
        for i in rows
    ]


def _prepared(result: Clusters) -> dict[str, Any]:
    """Draw the maps; return what the browser needs to show them and to find their points."""
    figure = maps_figure(result)
    axes = draw_maps(result, figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    points = map_points(result, axes)
    panel, row = points[:, 2].astype(int), points[:, 3].astype(int)
    if len(result.block) > _MOST:
        there = np.isin(row, result.tsne_row)
        points, panel, row = points[there], panel[there], row[there]
    rows, at = np.unique(row, return_inverse=True)
    place = (points[:, :2] * _UNIT).round().astype(int)
    return {
        "png": base64.b64encode(buffer.getvalue()).decode("ascii"),
        "x": place[:, 0].tolist(),
        "y": place[:, 1].tolist(),
        "panel": panel.tolist(),
        "row": at.tolist(),
        "name": _names(result, rows),
        "kernel": rows.tolist(),
    }


def show_cluster_maps(found: Opened, result: Clusters) -> int | None:
    """Show the maps of all kernels, and return the kernel whose point was just picked.

    Parameters
    ----------
    found : Opened
        The checkpoint.
    result : Clusters
        Of its kernels.

    Returns
    -------
    int or None
        Row of the result.
    """
    data = cached(found, _prepared, result)
    got = _component(
        key="viz cluster maps",
        data={**data, "alt": "Every kernel as a point: principal components and t-SNE."},
        on_picked_change=lambda: None,
    )
    if not got.picked:
        return None
    point = int(got.picked["point"])
    if not 0 <= point < len(data["row"]):
        return None
    return int(data["kernel"][data["row"][point]])
