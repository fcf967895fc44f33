"""A folder of small generated pictures in class folders, two of them broken; and its sweep."""

import numpy as np
import pytest
from PIL import Image

from viz.sweep.run import sweep_folder
from viz.sweep.tally import Settings


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Fourteen pictures and two broken files in three class folders."""
    rng = np.random.default_rng(5)
    root = tmp_path_factory.mktemp("pictures")
    for i in range(14):
        folder = root / ("ant", "bee", "wasp")[i % 3]
        folder.mkdir(exist_ok=True)
        pixels = rng.integers(0, 255, (32 + i, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    (root / "ant" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (root / "bee" / "empty.png").write_bytes(b"")
    return root


@pytest.fixture
def few():
    """Settings with small batches, three patches and no receptive field."""
    return Settings(n_top=3, bins=8, batch_size=3, field_images=0)


@pytest.fixture
def swept(small, pictures, few, tmp_path):
    """The sweep of all pictures, in the folder of the test as `a.npz`."""
    return sweep_folder(small, pictures, tmp_path / "a.npz", settings=few, shard_size=4)
