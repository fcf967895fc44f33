"""What needs one pass over the images: what drives channels, how sparse and selective they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viz.catalogue.base import FigureRow, Given, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.image_sets import ImageSet
    from viz.model.checkpoint import Checkpoint
    from viz.results.base import Result
    from viz.results.sweep import Sweep

__all__ = ["VIEWS"]

_ROWS = 6


def _images(checkpoint: Checkpoint, given: Given) -> ImageSet:
    from viz.image_sets import open_images

    if given.images is not None:
        return given.images()
    return open_images(None, checkpoint.preprocessing, checkpoint.config.in_channels)


def _sweep(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.sweep.run import Settings, sweep_images

    settings = Settings(("sparsity", "classes"), field_images=0, seed=given.seed)
    return sweep_images(checkpoint, _images(checkpoint, given), settings=settings)


def _top_patches(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.measure.top_patches import top_patches
    from viz.sweep.run import Settings, sweep_images

    found = sweep_images(checkpoint, _images(checkpoint, given),
                         settings=Settings(("top",), seed=given.seed))  # fmt: skip
    return top_patches(checkpoint, found, None, _loudest(found), images=_images(checkpoint, given),
                       chosen_by="the most variable of some blocks")  # fmt: skip


def _loudest(found: Sweep) -> list[tuple[int, int]]:
    """Return the most variable depthwise channel of each of some blocks."""
    blocks = np.unique(np.linspace(0, found.depth - 1, _ROWS).round().astype(int)).tolist()
    return [(b, int(found.variance[found.row(b, "depthwise")].argmax())) for b in blocks]


def _draw_selectivity(result: Any) -> Figure:
    from viz.draw.sweep import draw_selectivity, selectivity_figure

    figure = selectivity_figure(result)
    draw_selectivity(result, figure)
    return figure


def _draw_patches(result: Any) -> Figure:
    from viz.draw.top_patches import draw_top_patches, top_patches_figure

    figure = top_patches_figure(result)
    draw_top_patches(result, figure)
    return figure


def _sentence(result: Any) -> str:
    rows = {(row["block"], row["stage"]): row for row in result.summary()["rows"]}
    first, last = rows[0, "depthwise"], rows[result.depth - 1, "depthwise"]
    words = f"On {result.n_images} images"
    if first["sparsity_median"] is not None:
        words += (
            f", the median depthwise channel is off at {100 * first['sparsity_median']:.0f} % of "
            f"the positions in the first block and at {100 * last['sparsity_median']:.0f} % in the "
            "last"
        )
    if last["selectivity_median"] is not None:
        words += (
            f"; its class selectivity goes from {first['selectivity_median']:.2f} to "
            f"{last['selectivity_median']:.2f} (without classes: "
            f"{last['selectivity_null_median']:.2f})"
        )
    return words + "."


VIEWS: tuple[View, ...] = (
    View(
        "top-patches",
        "What drives channels most",
        _top_patches,
        "viz.results.top_patches:TopPatches",
        (
            FigureRow(
                "top-patches",
                "Kernel, strongest image with the crop's place, the channel's map of it, and the "
                "patches with the largest values, each as large as the field that holds 90 % of "
                "the block's effective receptive field.",
                _draw_patches,
            ),
        ),
        "The largest values are the tail of a distribution: most of what a channel does is "
        "elsewhere. Patches that look alike may share what is not seen at a glance, and a batch "
        "norm of negative scale makes the smallest values the largest.",
        summary=lambda result: result.summary(),
        needs_images=True,
    ),
    View(
        "selectivity",
        "Sparsity and class selectivity by depth",
        _sweep,
        "viz.results.sweep:Sweep",
        (
            FigureRow(
                "selectivity",
                "Share of values at most 0, and class selectivity beside that of channels that "
                "know no classes, over the channels of each block.",
                _draw_selectivity,
            ),
        ),
        "Selectivity is large for any channel when classes have few images: only what exceeds the "
        "grey null counts. A selective channel need not be a useful one.",
        summary=lambda result: result.summary(),
        sentence=_sentence,
        needs_images=True,
    ),
)
