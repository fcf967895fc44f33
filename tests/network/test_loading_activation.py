"""Where the activation comes from: the argument, the file, its name, the statistics, a guess."""

import argparse

import pytest
import torch
from foreign_networks import TimmLike, official, settle

from viz.network.activation import ENOUGH_CHANNELS, Evidence, evidence
from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer
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
    [
        ([-0.05], "gelu", ""),
        ([-0.169], "gelu", ""),
        ([-0.18], "silu", "taken as SiLU"),
        ([-0.27], "silu", "taken as SiLU"),
        ([-0.29], "identity", "taken as identity"),
        ([-5.0], "identity", "taken as identity"),
        ([], "relu", "speaks for ReLU"),
        ([0.0, 3.0], "relu", "speaks for ReLU"),
        ([-1e-7], "relu", "speaks for ReLU"),
    ],
)
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


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (with_means([], dim=16, depth=3), "assumed to be GELU.*none of the 112 trained"),
        (official(dim=64, depth=10).state_dict(), "still at their initial values"),
    ],
)
def test_too_little_decides_nothing(state, why):
    with pytest.warns(CheckpointWarning, match=why):
        loaded = load(state)
    assert loaded.config.activation == "gelu"
    assert loaded.source.activation_source.startswith("assumed")


def test_the_threshold_is_on_trained_channels():
    state = with_means([])
    names = [k for k in state if k.endswith("running_mean")]
    for name in names[:3]:
        state[name].zero_()
        state[name.replace("mean", "var")].fill_(1)
    assert evidence(state) == Evidence(1344 - 3 * 64, 0, pytest.approx(0.1))
    with pytest.warns(CheckpointWarning, match="fewer than 1,200 decide nothing"):
        assert load(state).config.activation == "gelu"
    assert 1344 > ENOUGH_CHANNELS > 1344 - 3 * 64


@pytest.mark.parametrize("act", ["gelu", "relu"])
def test_statistics_of_real_activations(act):
    """Running statistics measured on networks that really have the activation."""
    network = settle(official(dim=64, depth=10, p=2, act=act))
    found = evidence(network.state_dict())
    assert found.n_trained == 1344
    if act == "gelu":
        assert found.n_negative > 10
        assert found.impossible == ("relu",)
        assert load(network.state_dict()).config.activation == "gelu"
    else:
        assert found.lowest >= 0
        with pytest.warns(CheckpointWarning, match="speaks for ReLU"):
            assert load(network.state_dict()).config.activation == "relu"


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


# Names: 768/32, kernel 7, patch 7 is ReLU, but only if the weights are that network's.


@pytest.fixture(scope="module")
def relu_768():
    """A 768/32's shapes in 4-bit-cheap form would not do: the real shapes, all zeros but norms."""
    with torch.device("meta"):
        state = ConvMixer(768, 32, 7, 7, 10).state_dict()
    return {k: torch.zeros(v.shape, dtype=torch.float16 if v.ndim else torch.int64)
            for k, v in state.items()}  # fmt: skip


def large(state, low):
    out = dict(state)
    for key in [k for k in state if k.endswith("running_var")]:
        out[key] = torch.ones_like(state[key])
    out["patch_norm.running_mean"] = torch.full((768,), low, dtype=torch.float16)
    return out


def test_a_release_files_name_tells_the_activation_of_fitting_weights(relu_768, tmp_path):
    path = tmp_path / "convmixer_768_32_ks7_p7_relu.pth.tar"
    torch.save(large(relu_768, 0.5), path)
    loaded = load(path)
    assert loaded.config.activation == "relu"
    assert loaded.source.activation_source == "the official name convmixer_768_32"
    assert loaded.preprocessing.known == "the official weights' configuration"
    torch.save(settle(TimmLike()).state_dict(), path)
    assert "statistics" in load(path).source.activation_source


def test_an_architecture_name_tells_the_activation_of_fitting_weights(relu_768, tmp_path):
    path = tmp_path / "n.pth.tar"
    content = {"args": argparse.Namespace(model="timm/convmixer_768_32.in1k")}
    torch.save({"state_dict": large(relu_768, 0.5), **content}, path)
    loaded = load(path)
    assert loaded.config.activation == "relu"
    assert "architecture convmixer_768_32" in loaded.source.activation_source
    assert loaded.classes == ()
    # The same name on weights with negative means: the weights are believed.
    torch.save({"state_dict": large(relu_768, -0.1), **content}, path)
    with pytest.warns(CheckpointWarning, match="implies relu, which is not followed"):
        assert load(path).config.activation == "gelu"


def test_a_hub_folders_config_tells_the_activation(relu_768, tmp_path):
    state = large(relu_768, 0.5)
    torch.save(state, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(
        '{"architecture": "convmixer_768_32", "num_classes": 10, "pretrained_cfg": '
        '{"input_size": [3, 192, 192], "crop_pct": 0.9, "mean": [0.5, 0.5, 0.5], '
        '"std": [0.5, 0.5, 0.5], "interpolation": "bicubic"}}'
    )
    loaded = load(tmp_path / "pytorch_model.bin")
    assert loaded.config.activation == "relu"
    assert loaded.preprocessing.image_size == 192
    assert loaded.preprocessing.mean == (0.5, 0.5, 0.5)
    for junk in ("", "[", "[1]", '{"architecture": 3}', "[" * 100_000):
        (tmp_path / "config.json").write_text(junk)
        with pytest.warns(CheckpointWarning, match="fewer than 1,200 decide nothing"):
            assert load(tmp_path / "pytorch_model.bin").config.activation == "gelu"
