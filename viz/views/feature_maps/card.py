"""Feature maps beside their kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viz.views.base import FigureRow, Given, View

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


def _measure(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.images.sets import open_images
    from viz.sweep.opening import open_sweep
    from viz.views.feature_maps.measure import feature_maps

    images = (
        given.images()
        if given.images is not None
        else open_images(None, checkpoint.preprocessing, checkpoint.config.in_channels)
    )
    sweep = None if given.sweep is None else open_sweep(given.sweep, checkpoint)
    return feature_maps(checkpoint, images, sweep=sweep, seed=given.seed, progress=given.progress)


def _sentence(result: Any) -> str:
    numbers = result.summary()
    energy = numbers["patch_grid"]["kept_energy_median"]
    words = []
    if not numbers["depth"]:
        # One block's maps alone were asked for.
        return ""
    for part in ("depthwise", "pointwise"):
        rows = [row for row in numbers["depth"] if row["part"] == part]
        ends = [rows[0], rows[-1]]
        off = [row["off"] for row in ends]
        rank = [row["rank_centred"] for row in ends]
        if None not in off:
            words.append(
                f"after the {part} convolution {100 * off[0]:.0f} % of the units are off in the "
                f"first block and {100 * off[1]:.0f} % in the last"
            )
        if None not in rank:
            shuffled = np.mean([row["rank_shuffled"] for row in rows])
            words.append(
                f"the effective rank goes from {rank[0]:.0f} to {rank[1]:.0f} of "
                f"{rows[0]['rank_bound']} ({shuffled:.0f} with shuffled positions)"
            )
    text = "; ".join(words)
    grid = (
        ""
        if energy is None
        else f" Of the median patch filter's answers the patch grid keeps {100 * energy:.0f} % of "
        "the energy."
    )
    n = len(numbers["images"])
    return f"On {n} image{'s' if n != 1 else ''}, {text}.{grid}"


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.feature_maps import draw, draw_depth, draw_patches

    return (
        FigureRow(
            "feature-maps",
            "Maps of the first block's most active channels, beside the kernels that make "
            "them. White is zero; one colour scale for all maps.",
            drawn(draw.draw_maps, draw.maps_figure),
        ),
        FigureRow(
            "feature-maps-by-depth",
            "Sparsity and effective rank of every activation's output by block, before batch "
            "norm shifts zero.",
            drawn(draw_depth.draw_depth, draw_depth.SIZES["depth"]),
        ),
        FigureRow(
            "feature-maps-patches",
            "What patch filters answer at every pixel, and on the patch grid.",
            drawn(draw_patches.draw_patches, draw_patches.patches_figure),
        ),
    )


VIEW = View(
    "feature-maps",
    "Feature maps beside their kernels",
    _measure,
    "viz.views.feature_maps.result:FeatureMaps",
    _figures,
    "A map shows where its channel is large, not what it stands for: the pointwise part mixes "
    "all channels next. The most active channels are not the most important ones. Sparsity and "
    "rank are of single images; noise has the highest rank.",
    summary=lambda result: result.summary(),
    sentence=_sentence,
    needs_images=True,
)
