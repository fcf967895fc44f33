"""`viz early-late` and `viz clusters` end to end, with descriptions made by hand."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from described import described

from viz.cli import main
from viz.views import view
from viz.views.clusters import measure as clusters
from viz.views.kernels import measure as depthwise
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Describing is tested elsewhere: here names are told."""

    def describe(checkpoint, **options):
        kernels = [checkpoint.model.depthwise_kernels(b).detach().numpy() for b in range(3)]
        names = np.array(KERNEL_NAMES)[np.arange(48) % 3]
        return described(np.concatenate(kernels), np.repeat(np.arange(3), 16), names)

    monkeypatch.setattr(depthwise, "describe_checkpoint", describe)
    monkeypatch.setattr(clusters, "MOST_CLUSTERS", 3)


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_the_verdict_is_printed(small_file):
    done = run("early-late", small_file)
    assert done.exit_code == 0, done.output
    said = json.loads(run("early-late", small_file, "--json").stdout)
    assert len(said["verdicts"]) == 2
    assert done.stdout.strip() == said["finding"]
    assert (said["early_blocks"], said["late_blocks"]) == ([0], [2])


def test_groups_are_taken_from_the_line(small_file):
    done = run("early-late", small_file, "--early", "0-1", "--late", "2", "--json")
    assert json.loads(done.stdout)["early_blocks"] == [0, 1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--early", "0-1", "--late", "1-2"], "block 1 is in both groups"),
        (["--late", "7"], "late group names block 7"),
        (["--early", "x"], "0-2,7"),
        (["--early", "2-0"], "names no block"),
    ],
)
def test_impossible_groups_are_one_sentence_before_any_work(
    small_file, options, sentence, monkeypatch
):
    monkeypatch.setattr(depthwise, "describe_checkpoint", None)
    done = run("early-late", small_file, *options)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("name", ["clusters", "mixing"])
def test_what_was_found_is_said_once(small_file, tmp_path, name):
    done = run(name, small_file, "-o", tmp_path / "figure.png")
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert lines
    assert len(set(lines)) == len(lines)


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize(
    ("name", "options", "n_narrow"), [("early-late", [], 3), ("clusters", ["--n-clusters", "2"], 0)]
)
def test_a_file_and_a_folder_are_written(small_file, tmp_path, name, options, n_narrow):
    out = tmp_path / "figure.png"
    done = run(name, small_file, "-o", out, *options)
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(b"\x89PNG")
    assert done.stdout.strip() == str(out)
    folder = tmp_path / "all"
    done = run(name, small_file, "-o", folder, "--json", *options)
    assert done.exit_code == 0, done.output
    row = view(name)
    names = [f.name for f in row.figures]
    narrow = [f"{f.name}-one-column" for f in row.figures if f.narrow]
    assert len(narrow) == n_narrow
    expected = {f"{f}.{s}" for f in names + narrow for s in ("png", "svg", "pdf")}
    expected |= {f"{name}.{s}" for s in ("npz", "csv", "json")}
    assert {p.name for p in folder.iterdir()} == expected
    assert json.loads(done.stdout) == json.loads((folder / f"{name}.json").read_text())
    again = row.summary(row.load(folder / f"{name}.npz"))
    assert json.loads(json.dumps(again)) == json.loads(done.stdout)


def test_clusters_say_whether_there_are_groups(small_file):
    said = json.loads(run("clusters", small_file, "--json").stdout)
    assert said["n"] == 48
    assert sum(row["n"] for row in said["clusters"]) == 48
    assert isinstance(said["beyond_null"], bool)
    assert said["beyond_null"] == (
        said["stability"]["median_excess"] > said["stability"]["needed_excess"]
    )
    for row in said["blocks"]:
        assert sum(row["clusters"]) == pytest.approx(1)
        assert {"effective_rank", "variance_entropy", "sparsity", "null"} <= set(row)
    assert "clusters" in run("clusters", small_file).stdout
