"""Files that hold a ConvMixer in another form than a state dict of torch's, or nearly one."""

import json

import numpy as np
import pytest
import torch
from foreign_networks import TimmLike, assert_same_logits, settle
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

from viz.network.checkpoint import load
from viz.network.guards import CheckpointError, CheckpointWarning


@pytest.fixture
def network():
    return settle(TimmLike())


def nested(state):
    tree = {}
    for key, value in state.items():
        *path, leaf = key.split(".")
        here = tree
        for part in path:
            here = here.setdefault(part, {})
        here[leaf] = value
    return {"weights": tree, "epoch": 3}


def listed(state):
    return [{"lr": 0.1}, state, 5]


def two_parts(state):
    head = {key.removeprefix("head."): state[key] for key in state if key.startswith("head.")}
    body = {key: value for key, value in state.items() if not key.startswith("head.")}
    return {"encoder": body, "classifier": head, "epoch": 3}


def collections_of_flax(state):
    """Norms have their statistics in another collection, kernels are (height, width, in, out)."""
    leaves = {"running_mean": "mean", "running_var": "var"}
    made = {}
    for key, value in state.items():
        layer, _, leaf = key.replace(".weight", ".scale").rpartition(".")
        kind = "batch_stats" if leaf in leaves else "params"
        if value.ndim > 1:
            value = value.permute((2, 3, 1, 0) if value.ndim == 4 else (1, 0)).contiguous()
            leaf = "kernel"
        if value.ndim:
            made[f"{kind}/{layer.replace('.', '_')}/{leaves.get(leaf, leaf)}"] = value
    return made


@pytest.mark.filterwarnings("ignore::viz.network.guards.CheckpointWarning")
@pytest.mark.parametrize("form", [nested, listed, two_parts, collections_of_flax])
def test_other_forms_open_with_equal_logits(network, form, tmp_path):
    held = form(network.state_dict())
    torch.save(held, tmp_path / "n.pth")
    loaded = load(tmp_path / "n.pth", activation="gelu")
    assert_same_logits(loaded.model, network)
    assert not [note for note in loaded.source.warnings if "no bias" in note]
    if isinstance(held, dict):
        assert_same_logits(load(held, activation="gelu").model, network)


def in_keras_order(state):
    made = {}
    for key, value in state.items():
        if value.ndim == 4:
            value = value.permute((2, 3, 0, 1) if value.shape[1] == 1 else (2, 3, 1, 0))
        made[key] = (value.T if value.ndim == 2 else value).contiguous()
    return made


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_kernels_in_keras_order_are_turned_and_its_epsilon_taken(network, suffix, tmp_path):
    """Keras keeps (height, width, in, out), and adds 1e-3 to variances."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eps = 1e-3
    held, path = in_keras_order(network.state_dict()), tmp_path / f"n.{suffix}"
    save_file(held, path) if suffix == "safetensors" else torch.save(held, path)
    with pytest.warns(CheckpointWarning, match=r"\(height, width, in, out\).*epsilon of 1e-3"):
        loaded = load(path, activation="gelu")
    assert_same_logits(loaded.model, network)
    assert loaded.parts[-1].endswith("epsilon 1e-3")


@pytest.mark.parametrize(
    ("name", "value"), [("alphas.{}", torch.tensor(0.1)), ("scale_{}", torch.ones(16, 1, 1))]
)
def test_what_could_scale_blocks_from_outside_is_refused(network, name, value):
    """LayerScale or ReZero, with its numbers in a list beside the blocks."""
    state = {**network.state_dict(), **{name.format(i): value for i in range(3)}}
    with pytest.raises(CheckpointError, match=f"does not fit is {name.format(0)}"):
        load(state)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "change",
    [parametrizations.weight_norm, nn.utils.weight_norm,
     lambda conv: prune.l1_unstructured(conv, "weight", 0.3)],
)  # fmt: skip
def test_weights_in_parts_are_refused_with_the_way_out(network, change):
    change(network.blocks[0][1])
    with pytest.raises(CheckpointError, match=r"one part of a weight .*remove_parametrizations"):
        load(network.state_dict())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("form", "what"),
    [(torch.Tensor.numpy, "numpy arrays"),
     (lambda weights: torch.quantize_per_tensor(weights, 0.1, 0, torch.qint8), "quantised")],
)  # fmt: skip
def test_weights_that_are_no_tensors_are_named(network, form, what, tmp_path):
    state = {k: form(v) if v.ndim == 4 else v for k, v in network.state_dict().items()}
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(CheckpointError, match=f"of its entries are {what}"):
        load(tmp_path / "n.pth")


def test_the_hubs_preprocessor_settings_are_read(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"image_size": 64, "hidden_act": "gelu"}))
    settings = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    found = load(tmp_path / "model.safetensors").preprocessing
    assert (found.image_size, found.mean, found.std) == (64, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


@pytest.mark.parametrize("top", [1, 255])
def test_mean_and_std_among_the_tensors_are_used(network, top, tmp_path):
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    beside = {f"normalize.{name}": torch.tensor(values).view(1, 3, 1, 1) * top
              for name, values in (("mean", mean), ("std", std))}  # fmt: skip
    torch.save({**network.state_dict(), **beside}, tmp_path / "n.pth")
    loaded = load(tmp_path / "n.pth", activation="gelu")
    np.testing.assert_allclose((loaded.preprocessing.mean, loaded.preprocessing.std), (mean, std))
    assert "normalize.mean" in loaded.preprocessing.known
    assert not loaded.source.dropped
    told = load(tmp_path / "n.pth", activation="gelu", mean=[0.1] * 3).preprocessing
    assert told.mean == (0.1,) * 3


def test_a_mean_without_a_usable_std_is_not_used(network):
    state = {**network.state_dict(), "pixel_mean": torch.ones(3), "pixel_std": torch.zeros(3)}
    assert load(state, activation="gelu").preprocessing.known.startswith("assumed")


def test_norms_that_only_the_order_of_keys_tells_apart_are_warned_of(network):
    """Blocks that are one dictionary of four layers each, sorted as safetensors sorts."""
    words = {".0.fn.0": ".conv_x", ".0.fn.2": ".alpha", ".1.": ".conv_z.", ".3.": ".beta."}
    state = {}
    for key, value in network.state_dict().items():
        start, name = key[: len("blocks.0")], key[len("blocks.0") :]
        for old, new in words.items() if start.startswith("blocks") else ():
            name = name.replace(old, new)
        state[start + name] = value
    with pytest.warns(CheckpointWarning, match="does not say which of several batch norms"):
        load(dict(sorted(state.items())), activation="gelu")
