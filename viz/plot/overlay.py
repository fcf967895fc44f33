"""A signed map laid over a photograph."""

from __future__ import annotations

import numpy as np
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
