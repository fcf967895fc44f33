"""`viz kernels`: what it writes, prints and refuses."""

import json

import pytest
from click.testing import CliRunner

from viz.cli import main
from viz.views.kernels.result import DESCRIPTORS, KERNEL_NAMES


@pytest.fixture(autouse=True)
def few_random_kernels(monkeypatch):
    """Few random kernels: what is tested here is where numbers go."""
    from viz.views.kernels import measure as depthwise

    whole = depthwise.describe_checkpoint
    monkeypatch.setattr(depthwise, "describe_checkpoint", lambda *a, **k: whole(*a, n_init=20, **k))


def run(*arguments):
    return CliRunner().invoke(main, ["kernels", *(str(a) for a in arguments)])


def test_numbers_of_each_block_and_a_folder_of_everything(small_file, tmp_path):
    done = run(small_file, "-o", tmp_path / "all", "--json")
    assert done.exit_code == 0, done.output
    numbers = json.loads(done.stdout)
    assert [b["block"] for b in numbers["blocks"]] == [0, 1, 2]
    for block in numbers["blocks"]:
        assert block["n"] == 16
        assert list(block["shares"]) == list(KERNEL_NAMES)
        assert sum(block["shares"].values()) == pytest.approx(1)
        assert block["coverage"] == pytest.approx(1 - block["shares"]["unnamed"])
        assert 0 <= block["null_coverage"] <= 1
        assert len(block["r2"]["by_shapes"]) == 4
        assert set(block["descriptors"]) == set(DESCRIPTORS)
    names = {p.name for p in (tmp_path / "all").iterdir()}
    for figure in ("", "-by-name", "-dictionary", "-composition", "-fits"):
        assert f"kernels{figure}.png" in names
    assert {"kernels.csv", "kernels.npz", "kernels.json"} <= names


def test_some_blocks_alone_and_a_mosaic_by_name(small_file, tmp_path):
    out = tmp_path / "name.png"
    options = ["--order", "name", "--blocks", "1", "--per-block", "4", "--scale", "tile"]
    done = run(small_file, "-o", out, "--json", *options)
    assert done.exit_code == 0, done.output
    assert [b["block"] for b in json.loads(done.stdout)["blocks"]] == [1]
    assert out.read_bytes().startswith(b"\x89PNG")


def test_alone_it_says_what_it_found(small_file):
    done = run(small_file)
    assert done.exit_code == 0, done.output
    assert "of 48 depthwise kernels look clearly like something" in done.stdout
    assert "-o FILE" in done.stderr
