"""The built wheel works outside the clone, with all that it needs inside."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy: building in the clone would leave files there, and take stale ones from there.
    for name in ("viz", "checkpoints"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(unpacked, cwd, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_and_data_file_is_inside(unpacked):
    tracked = subprocess.run(
        ["git", "ls-files", "viz", "checkpoints"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in tracked:
        if name == "viz/shipped":
            continue
        inside = name.replace("checkpoints/", "viz/shipped/")
        assert (unpacked / inside).is_file(), name
    assert not (unpacked / "tests").exists()
    assert (unpacked / "viz" / "py.typed").exists()


def test_it_runs_where_no_clone_is(unpacked, tmp_path, small_file):
    """A shipped network is opened by its name; a section on a small one comes with methods."""
    shipped = sorted((unpacked / "viz" / "shipped").glob("*.safetensors"))
    assert shipped
    opened = f"import viz; print(viz.__file__); print(viz.load({shipped[0].stem!r}).config)"
    done = run(unpacked, tmp_path, "-c", opened)
    assert done.stdout.startswith(str(unpacked)), done.stderr
    assert "dim=" in done.stdout
    words = ["report", small_file, "-o", "r", "--only", "patch-filters", "--formats", "svg"]
    done = run(unpacked, tmp_path, "-m", "viz", *map(str, words))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r" / "index.html").read_text("utf-8")
    methods = unpacked / "viz" / "views" / "patch_filters" / "method.md"
    assert re.search(r"^# (.*)$", methods.read_text("utf-8"), re.MULTILINE)[1] in page
