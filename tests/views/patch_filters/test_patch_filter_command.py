"""`viz patch-filters`: a quick mosaic, the description's figures, numbers as JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from viz.cli import main
from viz.views import view
from viz.views.patch_filters import measure as patch_filters
from viz.views.patch_filters.result import STRUCTURES


@pytest.fixture
def run(monkeypatch, small_file):
    monkeypatch.setattr(patch_filters, "_NULL_FILTERS", 200)

    def call(*arguments):
        done = CliRunner().invoke(main, ["patch-filters", str(small_file), *map(str, arguments)])
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_numbers_are_those_of_the_description(run, small):
    said = json.loads(run("--json"))
    found = patch_filters.describe_checkpoint(small)
    assert list(said["structures"]) == list(STRUCTURES)
    for kind in STRUCTURES:
        assert said["structures"][kind] == np.mean([k == kind for k in found.structure])
    assert said["medians"]["r2"] == np.median(found.r2)
    assert said["medians"]["chroma"] == np.median(found.chroma)
    assert (said["n"], said["patch_size"], said["in_channels"]) == (16, 4, 3)


def test_by_name_differs_and_numbers_may_come_along(run, tmp_path):
    files = [tmp_path / f"{name}.png" for name in ("plain", "name", "scale")]
    run("-o", files[0])
    said = json.loads(run("-o", files[1], "--order", "name", "--json"))
    run("-o", files[2], "--order", "name", "--scale", "figure")
    assert said["n"] == 16
    assert len({f.read_bytes() for f in files}) == 3
    assert json.loads(run("-o", tmp_path / "again.png", "--json")) == said


def test_the_finding_is_a_sentence_with_its_numbers(small, monkeypatch):
    monkeypatch.setattr(patch_filters, "_NULL_FILTERS", 200)
    found = patch_filters.describe_checkpoint(small)
    said = view("patch-filters").sentence(found)
    noise = np.mean([k == "noise" for k in found.structure])
    assert f"and {round(16 * noise)} noise." in said
    assert f"explains {100 * np.median(found.r2_map):.0f} %" in said
    assert said.endswith("of white noise.")
    smooth = replace(found, smooth_null_r2_map=np.array([0.1, 0.54, 0.9]))
    said = view("patch-filters").sentence(smooth)
    assert said.endswith("and 54 % of random filters as smooth as these.")
