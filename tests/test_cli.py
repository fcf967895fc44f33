"""The commands end to end on a small file: what they write, print and refuse."""

import hashlib
import json

import click
import pytest
import torch
from click.testing import CliRunner
from photographs import noise
from quick import small_nulls
from safetensors.numpy import load_file

from viz.cli import main
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint


@pytest.fixture
def run():
    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments])

    return call


def test_info_prints_what_the_file_holds(run, small_file):
    done = run("info", small_file, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    expected = {
        "dim": 16, "depth": 3, "kernel_size": 5, "patch_size": 4, "in_channels": 3,
        "n_classes": 4, "activation": "gelu",
        "layout": "patch_embedding, blocks.0.depthwise, blocks.0.pointwise, head",
    }  # fmt: skip
    assert {name: facts[name] for name in expected} == expected
    assert "metadata" in facts["activation_source"]
    assert facts["sha256"] == hashlib.sha256(small_file.read_bytes()).hexdigest()
    trainable = {n: a for n, a in load_file(small_file).items() if "running" not in n}
    tracked = sum("num_batches" in n for n in trainable)
    assert facts["parameters"] == sum(a.size for a in trainable.values()) - tracked


def test_info_tells_what_a_file_states_where_it_is_a_number(run, tmp_path):
    stated = {"held_out_accuracy": float("nan"), "held_out_n": "\x1b[31m", "crops_seen": 5}
    before = {"crops_seen": 5, "before": {"crops_seen": "2", "before": {"crops_seen": 7}}}
    path = save_checkpoint(
        ConvMixer(8, 1, 3, 2, 2), tmp_path / "n.safetensors", training=stated | {"before": before}
    )
    facts = json.loads(run("info", path, "--json").stdout)
    assert [facts[name] for name in stated] == [None, None, 17]


def test_a_guessed_activation_is_told_once_in_words_of_the_command_line(run, tmp_path):
    torch.save(ConvMixer(8, 1, 3, 2, 2).state_dict(), tmp_path / "net.pth")
    said = run("info", tmp_path / "net.pth").output
    assert said.count("activation assumed to be GELU") == 1
    assert said.count("say which with --activation") == 1
    assert len(json.loads(run("info", tmp_path / "net.pth", "--json").stdout)["warnings"]) == 1


def test_force_replaces(run, small_file, tmp_path):
    out = tmp_path / "a.png"
    out.write_bytes(b"mine")
    with small_nulls():
        assert run("patch-filters", small_file, "-o", out, "--force").exit_code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_training_from_the_command_line(run, tmp_path):
    noise(tmp_path / "images", *(f"{'ab'[i % 2]}/{i}.png" for i in range(10)))
    small = "--dim 4 --depth 1 --kernel-size 3 --patch-size 2 --image-size 8 --epochs 1"
    out = tmp_path / "net.safetensors"
    done = run("train", tmp_path / "images", "-o", out, "--snapshots", 2, *small.split())
    assert done.exit_code == 0, done.output
    facts = json.loads(run("info", out, "--json").stdout)
    assert (facts["dim"], facts["n_classes"], facts["class_names"]) == (4, 2, 2)
    assert "% of the held-out images" in done.stdout and "Crops of 4 px" in done.stderr
    assert len(list(tmp_path.glob("net-at-*.safetensors"))) == 2
    done = run("train", tmp_path / "images" / "a", "-o", tmp_path / "b.safetensors")
    assert done.exit_code == 2 and "lies in no folder of its class" in done.stderr
    # Started from a network of another activation, it keeps that one.
    begun = save_checkpoint(
        ConvMixer(4, 1, 3, 2, 2, activation="relu"), tmp_path / "relu.safetensors"
    )
    done = run("train", tmp_path / "images", "-o", tmp_path / "c.safetensors", *small.split(),
               "--start", begun)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (
        json.loads(run("info", tmp_path / "c.safetensors", "--json").stdout)["activation"] == "relu"
    )


def test_every_command_and_option_has_help(run):
    for name, command in main.commands.items():
        assert command.help, name
        assert all(p.help for p in command.params if isinstance(p, click.Option)), name
        assert run(name, "--help").exit_code == 0


def test_seeds_that_cannot_be_are_refused_by_every_command(run, small_file, tmp_path):
    seeded = [n for n, c in main.commands.items() if any(p.name == "seed" for p in c.params)]
    assert {"clusters", "kernels", "mixing", "substitution", "sweep", "train"} <= set(seeded)
    for name in seeded:
        done = run(name, small_file, "-o", tmp_path / "a.npz", "--seed", 2**32)
        assert done.exit_code == 2, name
        assert "invalid value for '--seed'" in done.stderr, name
        assert not any(tmp_path.iterdir())
