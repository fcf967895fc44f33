"""`viz receptive-field` end to end: what it writes, prints and refuses."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from viz.cli import main


@pytest.fixture
def run():
    def call(*arguments):
        return CliRunner().invoke(main, ["receptive-field", *map(str, arguments)])

    return call


@pytest.fixture
def folder(tmp_path, rng):
    (tmp_path / "images").mkdir()
    for i in range(3):
        pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{i}.png")
    return tmp_path / "images"


def test_numbers_by_block(run, small_file):
    done = run(small_file, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["block"] for row in rows] == [0, 1, 2]
    assert [row["theoretical_px"] for row in rows] == [4 + 4 * (b + 1) * 4 for b in range(3)]
    assert [row["centre_px"] for row in rows] == [4 * 4 + 1.5] * 3
    for row in rows:
        assert 0 < row["r50_px"] < row["r90_px"] < row["r99_px"] < 32
        assert row["r50_interval_px"][0] <= row["r50_px"] <= row["r50_interval_px"][1]
        assert 0 < row["random"]["r50_px"] < row["random"]["r99_px"]
    assert "2 images" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--json", "--unit", "3"), "a row and a column"),
        (("--json", "--unit", "8,0"), "a row of 0 to 7"),
        (("--json", "--channels", "99"), "channel 99 found"),
        (("--json", "--blocks", "7"), "block 7 found"),
        (("--json", "--image-size", "3"), "at least one patch"),
        (("--json", "--memory", "1", "--image-size", "400"), "MB of working memory"),
        (("--json", "--device", "nowhere"), "not a device"),
        (("--json", "--memory", "nan"), "expected a positive number"),
        (("--json", "--memory", "inf"), "expected a positive number"),
        (("--json", "--seed", str(10**20)), "'--seed'"),
        (("--json", "--unit", "²,1"), "a row and a column"),
        (("--json", "--channels", "²"), "not a list of numbers"),
        (("--json", "--image-size", "100000"), "at most 8000"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, small_file, arguments, words):
    done = run(small_file, *arguments)
    assert done.exit_code == 2
    assert words in done.output
    assert "Traceback" not in done.output
