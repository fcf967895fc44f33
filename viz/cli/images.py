"""What the commands about images share: which images, how they are prepared, on which device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz.cli.common import adding, loading, open_checkpoint, preparing, say, whole

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint

_MANY = 64

looking = adding(
    loading,
    preparing,
    click.argument(
        "images", metavar="[IMAGE_OR_FOLDER]", required=False, type=click.Path(path_type=Path)
    ),
    whole("--limit", "Take at most so many images, evenly spread over the folder."),
    click.option(
        "--crop",
        metavar="SHARE",
        type=click.FloatRange(0, 1, min_open=True),
        help="Keep this share of the resized image in the centre crop.  "
        "[default: the checkpoint's]",
    ),
    click.option(
        "--interpolation",
        type=click.Choice(["bicubic", "bilinear"]),
        help="Resize images in this way.  [default: the checkpoint's]",
    ),
    click.option(
        "--device",
        metavar="NAME",
        default="cpu",
        show_default=True,
        help="Run the network on this device, such as cuda.",
    ),
)
"""What every command takes that shows a checkpoint at work on images: ``checkpoint`` (str),
``images`` (Path or None) and, in ``**options``, all that `open_with_images` takes."""


def open_with_images(
    checkpoint: str, images: Path | None, options: dict[str, Any]
) -> tuple[Checkpoint, ImageSet]:
    """Open a checkpoint and the images to show it; say how they are prepared."""
    from viz.images.reading import describe_preprocessing
    from viz.images.sets import open_images
    from viz.network.checkpoint import check_size

    load = dict(options)
    limit = load.pop("limit")
    check_device(load["device"])
    loaded = open_checkpoint(checkpoint, **load)
    preprocessing = loaded.preprocessing
    check_size(loaded.config, preprocessing.image_size)
    found = open_images(images, preprocessing, loaded.config.in_channels, limit=limit)
    if images is not None:
        found.check()
    fewer = " (--limit takes fewer)" if limit is None and len(found) > _MANY else ""
    say(f"viz: {len(found)} {'image' if len(found) == 1 else 'images'}{fewer}, "
        f"{describe_preprocessing(preprocessing)}")  # fmt: skip
    return loaded, found


def say_skipped(images: ImageSet) -> None:
    """Name the files that could not be read, once the images have been run through."""
    if images.note:
        say(f"viz: note: {images.note}")


def check_device(name: str) -> None:
    """Refuse a device that torch cannot use."""
    import torch

    try:
        torch.empty(1, device=name).add(1)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise click.BadParameter(
            f"{name!r} is not a device that torch can use here; try cpu.", param_hint="'--device'"
        ) from None
