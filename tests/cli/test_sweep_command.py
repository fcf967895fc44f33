"""The commands about folders, end to end."""

import json

import pytest
from click.testing import CliRunner
from photographs import noise

import viz
from viz.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    names = [f"{('ant', 'bee')[i % 2]}/{i}.png" for i in range(6)]
    root = noise(tmp_path_factory.mktemp("images"), *names)
    (root / "bee" / "broken.jpg").write_bytes(b"no")
    return root


@pytest.fixture(scope="module")
def swept(small_file, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("swept") / "a.npz"
    done = run("sweep", small_file, folder, "-o", path, "--top", 2, "--field-images", 2)
    assert done.exit_code == 0, done.output
    return path, done


def test_a_sweep_is_written_and_tells_what_it_did(swept):
    path, done = swept
    assert done.stdout.strip() == str(path)
    assert "7/7" in done.stderr and "images/s" in done.stderr
    assert "note: skipped bee/broken.jpg: broken.jpg: not an image" in done.stderr
    found = viz.load_result(path)
    assert found.n_images == 6
    assert found.class_names == ("ant", "bee")


def test_figures_of_a_sweep(swept, small_file, folder, tmp_path):
    path, _ = swept
    done = run("selectivity", small_file, folder, "--sweep", path, "-o", tmp_path / "folder")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "folder" / "selectivity.csv").read_text().count("\n") == 1 + 10 * 16
    done = run("top-patches", small_file, folder, "--sweep", path, "--block", 1, "--channels",
               "0-2", "--json", "-o", tmp_path / "a.svg")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    numbers = json.loads(done.stdout)
    assert [c["channel"] for c in numbers["channels"]] == [0, 1, 2]
    assert len(numbers["channels"][0]["patches"]) == 2


@pytest.mark.parametrize("command", [["preferred-inputs"], ["top-patches", "--by-name"]])
def test_another_folder_is_refused_before_kernels_are_described(
    swept, small_file, tmp_path, command, monkeypatch
):
    monkeypatch.setattr("viz.views.kernels.measure.describe_checkpoint", None)
    other = noise(tmp_path / "other", "a.png")
    done = run(*command, small_file, other, "--sweep", swept[0], "--json")
    assert done.exit_code == 2
    assert "swept, but not among the images given" in done.stderr


def test_parts_are_chosen(small_file, folder, tmp_path):
    done = run("sweep", small_file, folder, "-o", tmp_path / "a.npz", "--without",
               "sparsity,classes", "--field-images", 0, "--json", "--limit", 3)  # fmt: skip
    assert done.exit_code == 0, done.output
    found = viz.load_result(tmp_path / "a.npz")
    # Every third of seven files, the last of which is broken.
    assert found.n_images == 2 == json.loads(done.stdout)["images"]
    assert len(found.top_value)
    assert not len(found.sparsity)


def test_an_interrupted_sweep_says_how_to_go_on(small_file, folder, tmp_path, monkeypatch):
    from viz.sweep import shards

    original = shards.write_shard

    def interrupted(work, shard, counted):
        if shard == 1:
            raise KeyboardInterrupt
        original(work, shard, counted)

    monkeypatch.setattr(shards, "write_shard", interrupted)
    arguments = ["sweep", small_file, folder, "-o", tmp_path / "a.npz", "--shard-size", 3,
                 "--field-images", 0]  # fmt: skip
    done = run(*arguments)
    assert done.exit_code == 130
    assert "the same command with --resume goes on" in done.stderr
    monkeypatch.undo()
    done = run(*arguments)
    assert done.exit_code == 2
    assert "go on with --resume" in done.stderr
    done = run(*arguments, "--resume")
    assert done.exit_code == 0, done.output
    assert "7/7" in done.stderr
    assert viz.load_result(tmp_path / "a.npz").n_images == 6
    done = run(*arguments, "--resume")
    assert "a.npz is finished: 6 images" in done.stderr
    assert "nothing is left to do" in done.stderr
