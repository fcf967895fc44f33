"""Every command that takes images refuses useless ones before it describes or measures anything."""

import click
import pytest
from click.testing import CliRunner

from viz.cli import main

_MORE = {
    "sweep": ["-o", "a.npz"],
    "report": ["-o", "folder", "--only", "substitution"],
    "top-patches": ["--sweep", "none.npz", "--by-name", "--json"],
    "preferred-inputs": ["--sweep", "none.npz", "--json"],
}
COMMANDS = [
    name
    for name, command in main.commands.items()
    if any(p.name == "images" for p in command.params) and name not in ("explore", "train")
]


@pytest.fixture
def no_work(monkeypatch):
    """Whatever takes long is an error."""

    def work(*given, **options):
        raise AssertionError("work began before an image was opened")

    for module in ("kernels", "patch_filters"):
        monkeypatch.setattr(f"viz.views.{module}.measure.describe_checkpoint", work)
    monkeypatch.setattr("viz.sweep.opening.open_sweep", lambda path, checkpoint: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_of_broken_images_is_refused_at_once(
    no_work, small_file, tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photographs"
    folder.mkdir()
    for each in ("a.jpg", "b.png"):
        (folder / each).write_text("no image")
    params = main.commands[name].params
    given = [small_file for p in params if p.name in ("checkpoint", "checkpoints", "other")]
    option = next(p for p in params if p.name == "images")
    given += ["--images", folder] if isinstance(option, click.Option) else [folder]
    arguments = [name, *given, *_MORE.get(name, ["--json"])]
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 2, done.output
    assert "none of 2 images can be read; the first: a.jpg" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]
