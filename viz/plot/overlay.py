"""A signed map laid over a photograph."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from viz.plot.style import SIGNED


def pale(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Grey and light, so that colours of a map on it are those of the map."""
    grey = image.astype(np.float64) @ (0.299, 0.587, 0.114) / 255
    return np.repeat(0.35 + 0.65 * grey[..., None], 3, axis=2)


def laid_over(values: NDArray[np.floating], limit: float) -> NDArray[np.float64]:
    """Colours of a map, the more opaque the larger the value; nothing where it is not a number."""
    scaled = np.clip(np.nan_to_num(values.astype(np.float64) / limit), -1, 1)
    colours: NDArray[np.float64] = np.array(SIGNED(scaled / 2 + 0.5))
    colours[..., 3] = np.abs(scaled)
    return colours


def show_over(
    axes: Axes,
    image: NDArray[np.uint8],
    values: NDArray[np.floating],
    limit: float,
    corner: tuple[float, float, float],
) -> None:
    """Draw an image, grey, and a map over it; the corner is left, top, and the pixels of a value.

    Coordinates are the image's pixels.
    """
    left, top, p = corner
    (down, across), (h, w) = image.shape[:2], values.shape
    axes.imshow(pale(image), extent=(left, left + across, top + down, top),
                interpolation="nearest", aspect="auto")  # fmt: skip
    axes.imshow(laid_over(values, limit), extent=(left, left + p * w, top + p * h, top),
                interpolation="nearest", aspect="auto")  # fmt: skip
