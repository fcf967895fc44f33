"""Image size, mean, std, activation and class names mean the same to every command."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner
from photographs import noise

from viz.cli import main
from viz.cli.common import progress_bar
from viz.sweep.result import Sweep

OPTIONS = ["--image-size", "32", "--mean", "0.5,0.4,0.3", "--std", "0.25", "--activation", "mish"]


def run(*words, code=0):
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("images"), "0.png", "1.png", "2.png", size=(70, 90))


@pytest.fixture(scope="module")
def swept(small_file, folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "s.npz"
    run("sweep", small_file, folder, "-o", out, "--image-size", "32", "--field-images", "0")
    return out


def test_info_says_what_was_told(small_file):
    facts = json.loads(run("info", small_file, *OPTIONS, "--json").stdout)
    assert (facts["image_size"], facts["mean"], facts["std"]) == (32, [0.5, 0.4, 0.3], [0.25] * 3)
    assert (facts["activation"], facts["activation_source"]) == ("mish", "the argument")
    assert facts["parts"][0] == "patch_embedding <- patch_embedding"


@pytest.mark.parametrize("words", [("feature-maps",), ("receptive-field", "--no-random")])
def test_commands_that_run_the_network_take_them(small_file, folder, words):
    name, *more = words
    said = run(name, small_file, folder, *more, *OPTIONS, "--json").stderr
    assert "centre 32 x 32 px, mean 0.5, 0.4, 0.3, std 0.25, 0.25, 0.25" in said
    assert "image size, mean, std as told" in said


def test_a_report_is_measured_with_them_and_says_so(small_file, folder, tmp_path, bare_figures):
    run("report", small_file, "-o", tmp_path / "r", "--images", folder, "--only", "selectivity",
        "--formats", "png", *OPTIONS)  # fmt: skip
    manifest = (tmp_path / "r" / "manifest.json").read_text()
    said = json.loads(manifest)["checkpoints"][0]
    assert said["preprocessing"]["image_size"] == 32
    assert said["config"]["activation"] == "mish"
    assert "--image-size 32" in manifest and "--mean 0.5,0.4,0.3" in manifest


def test_a_sweeps_file_remembers_its_input_and_readers_use_it(small_file, folder, swept):
    assert Sweep.load(swept).image_size == (32, 32)
    run("top-patches", small_file, folder, "--sweep", swept, "--json")
    refused = run("top-patches", small_file, folder, "--sweep", swept, "--json", "--image-size", 64,
                  code=2)  # fmt: skip
    assert "the sweep was made with the image size 32, not 64" in refused.stderr


def test_a_view_writes_one_figure_by_its_name(small_file, folder, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("viz.plot.style.save_figure", lambda made, *_, **__: drawn.append(made))
    words = ("feature-maps", small_file, folder / "0.png", "-o", tmp_path / "a.png")
    for more in (("--width", "column"), (), ("--figure", "feature-maps-by-depth")):
        said = run(*words, *more).stderr
        assert ("feature-maps has one width only" in said) is ("--width" in more)
    refused = run(*words, *more, "--scale", "stage", code=2)
    assert "--scale is about the figure feature-maps alone" in refused.stderr
    labels = [{axes.get_xlabel() for axes in made.axes} for made in drawn]
    assert "block" not in labels[1] and "block" in labels[2]
    run(*words, *more, "--width", "column")
    millimetres = [round(25.4 * made.get_figwidth()) for made in drawn]
    assert millimetres == [178, 178, 178, 85]
    refused = run(*words[:3], "--width", "column", code=2)
    assert "--width column needs -o with a .png" in refused.stderr


def test_without_a_terminal_progress_is_told_in_lines(monkeypatch, capsys):
    clock = iter([0, 5, 6, 8, 9, 18])
    monkeypatch.setattr("viz.cli.common.time.monotonic", lambda: next(clock))
    with progress_bar(" images") as tell:
        for done in (1, 2, 4, 5, 8):
            tell(done, 10)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"viz: {n} of 10 images, about {s} s left." for n, s in ((4, 6), (8, 4))]


def test_progress_is_told_image_by_image(small_file, folder, monkeypatch):
    told = []
    bar = nullcontext(lambda *step: told.append(step))
    monkeypatch.setattr("viz.cli.views.progress_bar", lambda: bar)
    run("feature-maps", small_file, folder, "--json", "--batch-size", 1)
    assert told == [(1, 3), (2, 3), (3, 3)]
