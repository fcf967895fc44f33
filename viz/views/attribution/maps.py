"""Which parts of an image a network's answer rests on: several methods on one patch grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from viz.core.counting import Progress
from viz.core.own_torch import own_torch
from viz.core.refusal import NoSuch
from viz.images.sets import ImageSet, open_images
from viz.views.attribution.gathering import Collected
from viz.views.attribution.maps_result import Attributions
from viz.views.attribution.methods import (
    AttributionError,
    Explainer,
    Settings,
    chosen,
)
from viz.views.attribution.network import MEMORY

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

Images = ImageSet | Tensor | str | Path | Sequence[str | Path] | None
KEEP = 16
"""Images whose raw maps are kept, by default."""


@own_torch()
def attribute(
    checkpoint: Checkpoint,
    images: Images = None,
    *,
    methods: Sequence[str] | None = None,
    target: str | int = "predicted",
    block: int | None = None,
    n_steps: int = 50,
    n_samples: int = 25,
    seed: int = 0,
    keep: int = KEEP,
    memory: int = MEMORY,
    batch_size: int | None = None,
    progress: Progress | None = None,
) -> Attributions:
    """Explain a class's logit, or the difference of two, for each image.

    The baseline of every method that has one is an input of zeros, the mean colour of the
    training images, except gradient SHAP's: grey images of a random level.
    """
    given = open_images_for(checkpoint, images)
    settings = settled(
        checkpoint, block=block, n_steps=n_steps, n_samples=n_samples, seed=seed
    )  # fmt: skip
    names = chosen(methods, checkpoint.config.activation)
    counter = Counter(progress)
    explainer = Explainer(
        checkpoint.model, checkpoint.preprocessing, settings, memory=memory,
        batch_size=batch_size, count=counter,
    )  # fmt: skip
    collected = Collected(checkpoint, names, target, keep)
    for batch in given.batches(1):
        x = explainer.split.cropped(whole(batch.inputs, checkpoint))
        if not counter.total:
            each = sum(explainer.passes(m, explainer.grid(x)) for m in names) + 2
            counter.total = each * len(given)
        seen = collected.look(explainer, x)
        raw = {m: explainer.raw(m, x, seen.explained) for m in names}
        collected.add(batch.names[0], batch.pixels[0], seen, raw)
    counter.finish()
    return Attributions(**collected.fields(given, settings, {}))


class Counter:
    """Turns counts of images sent through the network into progress.

    Parameters
    ----------
    progress : callable or None
        Called with (done, in all).
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def __call__(self, n: int) -> None:
        """Count n more images."""
        self.done += n
        if self.progress is not None and self.total:
            self.progress(min(self.done, self.total - 1), self.total)

    def finish(self) -> None:
        """Say that all is done."""
        if self.progress is not None:
            self.progress(max(self.total, 1), max(self.total, 1))


def open_images_for(checkpoint: Checkpoint, images: Images) -> ImageSet:
    """Open images as this network takes them; an `ImageSet` stays what it is."""
    if isinstance(images, ImageSet):
        return images
    return open_images(images, checkpoint.preprocessing, checkpoint.config.in_channels)


def settled(checkpoint: Checkpoint, *, block: int | None, **others: Any) -> Settings:
    """Return the settings of the methods for this network."""
    depth = checkpoint.config.depth
    last = depth - 1 if block is None else block
    if not 0 <= last < depth:
        raise NoSuch(f"There is no block {last}: blocks are 0 to {depth - 1}.")
    return Settings(block=last, **others)


def whole(inputs: Tensor, checkpoint: Checkpoint) -> Tensor:
    """Return network input that holds at least one patch, or say that it does not."""
    p = checkpoint.config.patch_size
    if min(inputs.shape[-2:]) < p:
        raise AttributionError(
            f"an image of {inputs.shape[-1]} x {inputs.shape[-2]} pixels found, at least one patch "
            f"of {p} x {p} expected; give a larger one."
        )
    return inputs
