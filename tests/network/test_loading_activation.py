"""Where the activation comes from: the argument, the file, its name, the statistics, a guess."""

import argparse
import json

import pytest
import torch
from foreign_networks import official, settle

from viz.core.network import Config
from viz.network import zoo
from viz.network.activation import ENOUGH_CHANNELS, Evidence, evidence
from viz.network.checkpoint import load
from viz.network.guards import CheckpointWarning


def with_means(means, *, dim=64, depth=10, var=1.7):
    """A state dict whose (2 * depth + 1) * dim = 1,344 running means start with these."""
    state = official(dim=dim, depth=depth, p=2, k=3).state_dict()
    values = torch.full(((2 * depth + 1) * dim,), 0.1)
    values[: len(means)] = torch.tensor(means)
    names = [k for k in state if k.endswith("running_mean")]
    for name, chunk in zip(names, values.split(dim), strict=True):
        state[name] = chunk.clone()
        state[name.replace("mean", "var")] = torch.full((dim,), var)
    return state


@pytest.mark.parametrize(
    ("means", "expected", "warned"),
    [([-0.05], "gelu", ""), ([-0.27], "silu", "taken as SiLU"), ([], "relu", "speaks for ReLU"),
     ([-0.29], "identity", "taken as identity"), ([-5.0], "identity", "taken as identity"),
     ([-1e-7], "relu", "speaks for ReLU")],
)  # fmt: skip
def test_statistics_decide(means, expected, warned):
    state = with_means(means)
    if warned:
        with pytest.warns(CheckpointWarning, match=warned):
            loaded = load(state)
    else:
        loaded = load(state)
    assert loaded.config.activation == expected
    assert isinstance(loaded.model.activation, type(official(act=expected)[1]))
    assert "statistics" in loaded.source.activation_source


def test_untrained_statistics_decide_nothing():
    with pytest.warns(CheckpointWarning, match="assumed to be GELU.*still at their initial values"):
        loaded = load(official(dim=64, depth=10).state_dict())
    assert loaded.source.activation_source.startswith("assumed")


def test_the_threshold_is_on_trained_channels():
    state = with_means([])
    names = [k for k in state if k.endswith("running_mean")]
    for name in names[:3]:
        state[name].zero_()
        state[name.replace("mean", "var")].fill_(1)
    assert evidence(state) == Evidence(1344 - 3 * 64, 0, pytest.approx(0.1))
    with pytest.warns(CheckpointWarning, match="only from 1,200 on would that speak for ReLU"):
        assert load(state).config.activation == "gelu"
    assert 1344 > ENOUGH_CHANNELS > 1344 - 3 * 64


def test_not_a_number_is_no_evidence():
    found = evidence(with_means([float("nan"), -float("inf"), -0.05]))
    assert (found.n_trained, found.n_negative) == (1342, 1)
    assert found.lowest == pytest.approx(-0.05)


def test_the_argument_wins_and_contradictions_are_told():
    state = with_means([-0.05])
    with pytest.warns(CheckpointWarning, match="relu is at odds with .* mean is -0.050"):
        loaded = load(state, activation="relu")
    assert loaded.config.activation == "relu"
    assert loaded.source.activation_source == "the argument"
    assert load(state, activation="silu").source.warnings == ()
    with pytest.raises(ValueError, match="must be one of gelu, relu, silu, identity"):
        load(state, activation="swiglu")
    with pytest.raises(ValueError, match="floating-point"):
        load(state, dtype=torch.int64)


# An official name tells the activation, but only if the weights are that network's: here small ones


NAME = "convmixer_768_32"


@pytest.fixture
def released(monkeypatch):
    """Weights of the shapes that the official name stands for."""
    network = settle(official(act="relu"))
    weights = zoo.OfficialWeights(NAME, Config(16, 3, 5, 4, 7, 3, "relu"), 1.0, "", "")
    monkeypatch.setattr(zoo, "OFFICIAL", {NAME: weights})
    return network.state_dict()


def test_a_release_files_name_tells_the_activation_of_fitting_weights(released, tmp_path):
    path = tmp_path / f"{NAME}_ks7_p7_relu.pth.tar"
    torch.save(released, path)
    loaded = load(path)
    assert loaded.config.activation == "relu"
    assert loaded.source.activation_source == f"the official name {NAME}"
    assert loaded.preprocessing.known == "the official weights' configuration"
    torch.save(settle(official(dim=24)).state_dict(), path)
    assert "statistics" in load(path).source.activation_source


def test_an_architecture_name_tells_the_activation_of_fitting_weights(released, tmp_path):
    path = tmp_path / "n.pth.tar"
    content = {"args": argparse.Namespace(model=f"timm/{NAME}.in1k")}
    torch.save({"state_dict": released, **content}, path)
    loaded = load(path)
    assert loaded.config.activation == "relu"
    assert f"architecture {NAME}" in loaded.source.activation_source
    assert loaded.classes == ()
    # The same name on weights with negative means: the weights are believed.
    torch.save({"state_dict": settle(official()).state_dict(), **content}, path)
    with pytest.warns(CheckpointWarning, match="implies relu, which is not followed"):
        assert load(path).config.activation == "gelu"


def test_a_hub_folders_config_tells_the_activation(released, tmp_path):
    torch.save(released, tmp_path / "pytorch_model.bin")
    stated = {"input_size": [3, 192, 192], "crop_pct": 0.9, "mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"architecture": NAME, "num_classes": 7, "pretrained_cfg": stated}
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load(tmp_path / "pytorch_model.bin")
    assert loaded.config.activation == "relu"
    assert loaded.preprocessing.image_size == 192
    assert loaded.preprocessing.mean == (0.5, 0.5, 0.5)
    for junk in ("[", "[1]", '{"architecture": 3}'):
        (tmp_path / "config.json").write_text(junk)
        with pytest.warns(CheckpointWarning, match="only from 1,200 on would that speak for ReLU"):
            assert load(tmp_path / "pytorch_model.bin").config.activation == "gelu"
