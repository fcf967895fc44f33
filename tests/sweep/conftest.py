"""A folder of small generated pictures in class folders, two of them broken; and its sweep."""

import shutil

import pytest
from photographs import noise

from viz.network.checkpoint import load
from viz.sweep.result import Sweep
from viz.sweep.run import sweep_folder
from viz.sweep.tally import Settings


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Fourteen pictures and two broken files in three class folders."""
    names = [f"{('ant', 'bee', 'wasp')[i % 3]}/{i:02d}.png" for i in range(14)]
    root = noise(tmp_path_factory.mktemp("pictures"), *names, size=(36, 40))
    (root / "ant" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (root / "bee" / "empty.png").write_bytes(b"")
    return root


@pytest.fixture(scope="session")
def few():
    """Settings with small batches, three patches and no receptive field."""
    return Settings(n_top=3, batch_size=3, field_images=0)


@pytest.fixture(scope="session")
def swept_file(small_file, pictures, few, tmp_path_factory):
    path = tmp_path_factory.mktemp("swept") / "a.npz"
    sweep_folder(load(small_file), pictures, path, settings=few, shard_size=4)
    return path


@pytest.fixture
def swept(swept_file, tmp_path):
    """The sweep of all pictures, in the folder of the test as `a.npz`."""
    return Sweep.load(shutil.copy(swept_file, tmp_path / "a.npz"))
