"""viz evidence and viz decision-by-depth end to end."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from viz.cli import main


@pytest.fixture
def run():
    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments])

    return call


@pytest.fixture
def folder(tmp_path, rng):
    """Six images in each of two folders that are named as outputs, and one that is none."""
    for name in ("bee", "cat"):
        place = tmp_path / "images" / name
        place.mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{i}.png")
    (tmp_path / "images" / "bee" / "x.png").write_text("no image")
    return tmp_path / "images"


def test_evidence_of_a_folder(run, small_file, folder):
    done = run("evidence", small_file, folder, "--json", "--target", "dog", "--against", "0")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert len(facts["images"]) == 12
    assert {row["target"] for row in facts["images"]} == {"dog"}
    assert {row["against"] for row in facts["images"]} == {"ant"}
    assert "1 of 13 images skipped: x.png" in done.stderr


def test_decision_of_a_folder(run, small_file, folder):
    done = run("decision-by-depth", small_file, folder, "--json", "--draws", 1)
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert [row["block"] for row in facts["depth"]] == [-1, 0, 1, 2]
    assert facts["depth"][-1]["agreement"] == 1
    assert facts["fitted_to"] == "folder"
    assert facts["depth"][0]["accuracy_random"] is not None
