"""What drives channels most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.views.base import FigureRow, Given, View
from viz.views.swept import images_of, swept

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.network.checkpoint import Checkpoint

__all__ = ["VIEW"]


_ROWS = 6


def _top_patches(checkpoint: Checkpoint, given: Given) -> Result:
    from viz.sweep.opening import channels_of_sweep
    from viz.views.top_patches.measure import top_patches

    found = swept(checkpoint, given, ("top",), field_images=32)
    return top_patches(checkpoint, found, None, channels_of_sweep(found, _ROWS),
                       images=images_of(checkpoint, given),
                       chosen_by="the most variable of some blocks")  # fmt: skip


def _figures() -> tuple[FigureRow, ...]:
    from viz.plot.figures import drawn
    from viz.views.top_patches import draw

    return (
        FigureRow(
            "top-patches",
            "Kernel, strongest image with the crop's place, the channel's map of it, and the "
            "patches with the largest values, each as large as the field that holds 90 % of "
            "the block's effective receptive field.",
            drawn(draw.draw_top_patches, draw.top_patches_figure),
        ),
    )


VIEW = View(
    "top-patches",
    "What drives channels most",
    _top_patches,
    "viz.views.top_patches.result:TopPatches",
    _figures,
    "The largest values are the tail of a distribution: most of what a channel does is "
    "elsewhere. Patches that look alike may share what is not seen at a glance, and a batch "
    "norm of negative scale makes the smallest values the largest.",
    summary=lambda result: result.summary(),
    needs_images=True,
)
