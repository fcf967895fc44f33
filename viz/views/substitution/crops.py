"""Many crops of a few photographs, where a folder of images is not at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.images.reading import prepare, read_pixels
from viz.images.sets import ImageSet, default_images

SIDES = (0.35, 1.0)
"""Smallest and largest side of a crop, as shares of the photograph's short side."""


def photograph_crops(
    preprocessing: Preprocessing,
    in_channels: int = 3,
    *,
    n: int = 64,
    seed: int = 0,
) -> tuple[ImageSet, NDArray[np.int64]]:
    """Cut photographs into crops at random places and of random sizes.

    Crops of one photograph share its content: many crops of two photographs measure those two
    photographs well and say nothing about others.
    """
    if n < 1:
        raise Refusal(f"at least 1 crop of each photograph is needed, not {n}.")
    rng = np.random.default_rng(seed)
    whole = replace(preprocessing, crop=1.0)
    entries: list[tuple[str, Path | Tensor]] = []
    for path in default_images():
        pixels, _ = read_pixels(path, in_channels)
        height, width = pixels.shape[:2]
        side = (rng.uniform(*SIDES, n) * min(height, width)).round().astype(int).clip(1)
        top = (rng.uniform(size=n) * (height - side + 1)).astype(int)
        left = (rng.uniform(size=n) * (width - side + 1)).astype(int)
        for i, (s, y, x) in enumerate(zip(side, top, left, strict=True)):
            crop = prepare([pixels[y : y + s, x : x + s]], whole, in_channels=in_channels)[0]
            entries.append((f"{path.name} crop {i}", crop))
    return ImageSet(entries, preprocessing, in_channels), np.repeat(np.arange(len(entries) // n), n)
