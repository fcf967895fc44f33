"""One pass over the images for the views that need one, or the sweep that was made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viz.core.refusal import Refusal

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.sweep.result import Sweep
    from viz.views.base import Given


def images_of(checkpoint: Checkpoint, given: Given) -> ImageSet:
    """Return the images that were given, or scikit-learn's two photographs."""
    from viz.images.sets import open_images

    if given.images is not None:
        return given.images()
    return open_images(None, checkpoint.preprocessing, checkpoint.config.in_channels)


def swept(
    checkpoint: Checkpoint, given: Given, parts: tuple[str, ...], field_images: int = 0
) -> Sweep:
    """Return the sweep that is given, or one made here of the images."""
    if given.sweep is not None:
        from viz.sweep.opening import open_sweep

        found = open_sweep(given.sweep, checkpoint)
        names = found.image_names
        if given.images is not None and names and set(names).isdisjoint(given.images().names):
            raise Refusal(
                f"{names[0]}: swept, but not among the images given; give those that were swept, "
                "or sweep these."
            )
        return found
    from viz.sweep.run import sweep_images
    from viz.sweep.tally import Settings

    settings = Settings(parts, field_images=field_images, seed=given.seed)
    return sweep_images(checkpoint, images_of(checkpoint, given), settings=settings)
