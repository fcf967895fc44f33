"""`viz compare` end to end, with descriptions made by hand."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from described import described
from hand_made import kernels_of

from viz.cli import main
from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.views import COMPARISONS
from viz.views.kernels import measure as depthwise
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Describing is tested elsewhere: here names are told."""

    def describe(checkpoint, **options):
        kernels, config = kernels_of(checkpoint), checkpoint.config
        block = np.repeat(np.arange(config.depth), config.dim)
        return described(kernels, block, np.array(KERNEL_NAMES)[np.arange(len(block)) % 3])

    monkeypatch.setattr(depthwise, "describe_checkpoint", describe)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A later snapshot of the small network, one of grey images, and one of another shape."""
    folder = tmp_path_factory.mktemp("others")

    def saved(name, network, channels=3):
        seen = Preprocessing(32, 1.0, (0.5,) * channels, (0.25,) * channels, "bilinear", "the file")
        return save_checkpoint(network.eval(), folder / f"{name}.safetensors", preprocessing=seen)

    torch.manual_seed(0)
    later = ConvMixer(16, 3, 5, 4, 4)
    with torch.no_grad():
        later.depthwise_kernels(1).mul_(1.5)
    return {
        "later": saved("later", later),
        "grey": saved("grey", ConvMixer(16, 3, 5, 4, 4, in_channels=1), 1),
        "shallow": saved("shallow", ConvMixer(8, 2, 3, 2, 5)),
    }


def run(*arguments):
    return CliRunner().invoke(main, ["compare", *(str(a) for a in arguments)])


@pytest.mark.usefixtures("bare_figures")
def test_snapshots_give_everything(small_file, others, tmp_path, monkeypatch):
    monkeypatch.setattr("viz.report.folder.FORMATS", (".svg",))  # each is tested elsewhere
    out = tmp_path / "out"
    done = run(small_file, others["later"], "-o", out, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert list(said) == [row.name for row in COMPARISONS] + ["left_out"]
    assert said["left_out"] == {}
    made = {path.name for path in out.iterdir()}
    for row in COMPARISONS:
        assert {f"{f.name}.svg" for f in row.figures} | {f"{row.name}.npz"} <= made
        assert row.summary(row.load(out / f"{row.name}.npz")) == said[row.name]
    change = [block["relative_change"][1] for block in said["compare-kernels"]["blocks"]]
    assert change == pytest.approx([0, 0.5, 0])
    assert run(small_file, others["later"], "-o", out).exit_code == 2  # it exists


def test_one_network_twice_is_said(small_file, others, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(small_file.read_bytes())
    note = f"viz: note: {small_file.name} and copy.safetensors are the same file"
    arguments = (small_file, copy, "-o", tmp_path / "c.png")
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert done.stderr.count(note) == 1
    other = run(small_file, others["later"], *arguments[2:], "--force")
    assert "same file" not in other.stderr


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_one_figure_is_written_by_its_name(small_file, others, tmp_path, monkeypatch, more):
    drawn = []
    monkeypatch.setattr("viz.plot.style.save_figure", lambda made, *_, **__: drawn.append(made))
    words = ("-o", tmp_path / "a.png", "--figure", "compare-kernels-change", *more)
    assert run(small_file, others["later"], *words).exit_code == 0
    assert "relative change" in drawn[0].axes[0].get_ylabel()
    done = run(small_file, others["grey"], *words)
    assert done.exit_code == 2 and "compare-kernels-change cannot be drawn: the" in done.stderr


def test_what_two_networks_do_not_allow_is_left_out(small_file, others):
    done = run(small_file, others["grey"], "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert set(said) == {"compare", "left_out"}
    assert "3 and 1 input channels" in said["left_out"]["compare-patch-filters"]
    assert "do not correspond" in said["left_out"]["compare-kernels"]
    assert said["compare"]["architecture"]["input channels"] == {
        "a": "3", "b": "1", "differs": True
    }  # fmt: skip


def test_images_give_effective_fields(small_file, others, tmp_path):
    from PIL import Image

    Image.fromarray(np.full((40, 40, 3), 120, np.uint8)).save(tmp_path / "a.png")
    done = run(small_file, others["shallow"], "--images", tmp_path / "a.png", "--json")
    assert done.exit_code == 0, done.output
    fields = json.loads(done.stdout)["compare"]["fields"]
    assert len(fields["a"]) == 3 and len(fields["b"]) == 2
    assert all(row["r90_px"] > 0 for side in "ab" for row in fields[side])
