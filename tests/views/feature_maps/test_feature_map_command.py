"""viz feature-maps end to end, and the options that all commands about images share."""

from contextlib import nullcontext

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from viz.cli import main


@pytest.fixture
def run():
    def call(*arguments):
        return CliRunner().invoke(main, ["feature-maps", *(str(a) for a in arguments)])

    return call


@pytest.fixture
def folder(tmp_path, rng):
    """Four images of other sizes and kinds, and a text in disguise."""
    place = tmp_path / "images"
    place.mkdir()
    for i, mode in enumerate(("RGB", "L", "RGBA", "P")):
        pixels = rng.integers(0, 256, (40 + 9 * i, 50, 3)).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(place / f"{i}.png")
    (place / "broken.jpg").write_text("no image")
    return place


def test_progress_is_told_image_by_image(run, small_file, folder, monkeypatch):
    told = []
    monkeypatch.setattr(
        "viz.cli.views.progress_bar", lambda: nullcontext(lambda *step: told.append(step))
    )
    (folder / "broken.jpg").unlink()
    done = run(small_file, folder, "--json", "--batch-size", 1)
    assert done.exit_code == 0, done.output
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_is_told_is_used_and_said(run, small_file, folder, tmp_path):
    done = run(
        small_file, folder / "0.png", "-o", tmp_path / "a.png", "--image-size", 21, "--crop", 0.7,
        "--mean", "0.5", "--std", "0.1,0.2,0.3", "--interpolation", "bicubic",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (
        "1 image, short side resized to 30 px (bicubic), centre 21 x 21 px, mean 0.5, 0.5, 0.5, "
        "std 0.1, 0.2, 0.3 (image size, crop, mean, std, interpolation as told)" in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{file}", "nowhere", "--json"], "nowhere: no such file or folder"),
        (["{file}", "{empty}", "--json"], "found no image file here"),
        (["{file}", "{images}/broken.jpg", "--json"], "broken.jpg: not an image"),
        (["{file}", "--json", "--block", "9"], "no block 9: blocks are 0 to 2"),
        (["{file}", "--json", "--channels", "99"], "no channel 99: they are 0 to 15"),
        (["{file}", "--json", "--filters", "16"], "no patch filter 16"),
        (["{file}", "--json", "--name", "squiggle"], "'squiggle' is not a name"),
        (["{file}", "--json", "--name", "edge", "--channels", "1"], "either --channels or"),
        (["{file}", "--json", "--device", "nonsense"], "not a device that torch can use"),
        (["{file}", "--json", "--mean", "a,b,c"], "not a list of numbers"),
        (["{file}", "--json", "--mean", "1,2"], "mean of 2 values found, expected 3"),
        (["{file}", "--json", "--image-size", "3"], "at least one patch of 4"),
        (["missing.pth", "--json"], "missing.pth"),
        (["{file}", "-o", "no/a.png"], "does not exist"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_code_2(
    run, small_file, folder, tmp_path, arguments, sentence
):
    (tmp_path / "empty").mkdir()
    places = {"file": small_file, "empty": tmp_path / "empty", "images": folder}
    done = run(*[a.format(**places) for a in arguments])
    assert done.exit_code == 2, done.output
    assert sentence in done.stderr
    assert "Traceback" not in done.output
