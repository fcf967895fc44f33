"""Folders of small pictures: noise, the same at every call."""

import numpy as np
from PIL import Image


def noise(root, *names, size=(32, 32)):
    """Write pictures of (height, width) under these names; return the folder."""
    rng = np.random.default_rng(3)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(root / name)
    return root
