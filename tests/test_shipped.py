"""The shipped checkpoints: they load, their cards are true, and their pictures can be made."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import viz
from viz.cli import main
from viz.images.sets import open_images

FOLDER = Path(__file__).parents[1] / "checkpoints"
NAMES = ("imagenette-p7", "imagenette-p14", "cifar10-p2")
SHAPES = {"imagenette-p7": (9, 7), "imagenette-p14": (9, 14), "cifar10-p2": (9, 2)}


@pytest.fixture(scope="module", params=NAMES)
def shipped(request):
    return request.param, viz.load(request.param)


def test_every_file_has_a_card_and_is_small():
    files = {path.stem for path in FOLDER.glob("*.safetensors")}
    assert files == set(NAMES)
    assert all((FOLDER / f"{name}.md").is_file() for name in NAMES)
    assert all(path.stat().st_size < 3e6 for path in FOLDER.glob("*.safetensors"))


def test_the_card_is_about_this_file(shipped):
    name, checkpoint = shipped
    card = (FOLDER / f"{name}.md").read_text("utf-8")
    data = (FOLDER / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() in card
    accuracy = checkpoint.training["held_out_accuracy"]
    assert f"{100 * accuracy:.1f} %" in card
    assert f"{checkpoint.training['crops_seen']:,}" in card
    numbers = re.findall(r"[\d,]+(?= parameters)", card)
    weights = sum(p.numel() for p in checkpoint.model.parameters())
    assert numbers == [f"{weights:,}"]


def test_the_architecture_is_the_promised_one(shipped):
    name, checkpoint = shipped
    assert (checkpoint.config.kernel_size, checkpoint.config.patch_size) == SHAPES[name]
    assert len(checkpoint.classes) == checkpoint.config.n_classes
    assert checkpoint.config.activation == "gelu"
    assert all(torch.isfinite(p).all() for p in checkpoint.model.parameters())


@pytest.mark.parametrize(("name", "floor"), [("imagenette-p7", 0.84), ("imagenette-p14", 0.78)])
def test_the_networks_know_something(name, floor):
    checkpoint = viz.load(name)
    low, high = checkpoint.training["held_out_interval"]
    assert low < checkpoint.training["held_out_accuracy"] < high
    assert checkpoint.training["held_out_accuracy"] > floor
    batch = open_images(None, checkpoint.preprocessing).all()
    with torch.inference_mode():
        china, _ = checkpoint.model(batch.inputs).argmax(1)
    # A temple's roof; of the ten classes a church is nearest.
    assert checkpoint.classes[china] == "church"


@pytest.mark.slow
def test_pictures_from_the_command_line(shipped, tmp_path):
    name, checkpoint = shipped
    for command in ("patch-filters", "kernels"):
        out = tmp_path / f"{command}.png"
        done = CliRunner().invoke(main, [command, name, "-o", str(out)])
        assert done.exit_code == 0, done.output
        assert np.asarray(Image.open(out)).std() > 5
    facts = json.loads(CliRunner().invoke(main, ["info", name, "--json"]).stdout)
    assert facts["dim"] == checkpoint.config.dim
