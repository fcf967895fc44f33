"""What a file states beside its weights, in the spellings of strangers' scripts."""

import argparse
import functools

import numpy as np
import pytest
import torch
from foreign_networks import assert_same_logits, official, settle
from strangers import Custom
from torch import nn

from viz.network.checkpoint import load
from viz.network.guards import CheckpointError, CheckpointWarning

NAMES = tuple(f"class {i}" for i in range(7))
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


@pytest.fixture(scope="module")
def network():
    return settle(official())


def file(tmp_path, network, **beside):
    torch.save({"state_dict": network.state_dict(), **beside}, tmp_path / "n.pth")
    return tmp_path / "n.pth"


class Dotted(dict):
    """EasyDict and the like."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize(
    "beside",
    [
        {"class_names": NAMES},
        {"class_to_idx": {name: i for i, name in enumerate(NAMES)}},
        {"meta": {"CLASSES": NAMES, "epoch": 3}},
        {"config": Dotted(id2label={str(i): name for i, name in enumerate(NAMES)})},
        {"hyper_parameters": {"data": {"idx_to_class": dict(enumerate(NAMES))}}},
    ],
)
def test_class_names(network, tmp_path, beside):
    assert load(file(tmp_path, network, **beside)).classes == NAMES


def test_class_names_that_do_not_fit_are_left_out(network, tmp_path):
    for names in ({"a": 0, "b": 0}, [1, 2, 3, 4, 5, 6, 7]):
        assert load(file(tmp_path, network, classes=names)).classes == ()
    path = file(tmp_path, network, classes=["a", "b"])
    with pytest.warns(CheckpointWarning, match="names 2 classes .classes., the head has 7"):
        assert load(path).classes == ()


@pytest.mark.parametrize(
    "beside",
    [
        {"args": argparse.Namespace(img_size=96)},
        {"input_size": (3, 96, 96)},
        {"config": {"input_shape": (1, 3, 96, 96)}},
        {"hyper_parameters": {"resolution": (96, 96)}},
        {"config": Custom(image_size=96)},
        {"args": argparse.Namespace(mean=MEAN, std=STD)},
        {"config": {"pixel_mean": [v * 255 for v in MEAN], "pixel_std": [v * 255 for v in STD]}},
        {"transform": Custom(transforms=[Custom(size=9), Custom(mean=MEAN, std=STD)])},
        {"config": {"image_size": 96, "mean": MEAN, "std": [0.0, 0.2, 0.2]}},
        {"cfg": {"pipeline": 1, "data": {"preprocessor": {"mean": MEAN, "std": STD}}}},
    ],
)
def test_image_size_or_mean_and_std(network, tmp_path, beside):
    found = load(file(tmp_path, network, **beside)).preprocessing
    if "mean and std assumed" in found.known:
        assert found.image_size == 96
    else:
        np.testing.assert_allclose((found.mean, found.std), (MEAN, STD))


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("leaky_relu(negative_slope=0.2, inplace=True)", "leaky_relu(0.2)"), ("swish", "silu"),
        ("hard_swish", "hardswish"), ("torch.nn.CELU", "celu"), ("gelu_new", "gelu_tanh"),
        (nn.Mish, "mish"), (nn.LeakyReLU(0.2), "leaky_relu(0.2)"), ({"type": "SiLU"}, "silu"),
        (functools.partial(nn.GELU, approximate="tanh"), "gelu_tanh"),
        (torch.nn.functional.mish, "mish"),
    ],
)  # fmt: skip
def test_activations(network, tmp_path, stated, name):
    loaded = load(file(tmp_path, network, config={"activation": stated}))
    assert loaded.config.activation == name
    assert "config: activation" in loaded.source.activation_source


@pytest.mark.parametrize("stated", ["swiglu", "PReLU", "relu(3)"])
def test_an_activation_that_torch_lacks_is_an_error(network, tmp_path, stated):
    path = file(tmp_path, network, config={"activation": stated})
    with pytest.raises(CheckpointError, match="which torch does not have; say which"):
        load(path)
    assert_same_logits(load(path, activation="gelu").model, network)


@pytest.mark.parametrize(
    ("beside", "said", "told"),
    [
        ({"config": {"activation": "relu"}, "args": {"act": "silu"}}, "activation, relu", "gelu"),
        ({"config": {"activation": "relu"}}, "at odds with the batch-norm statistics", "gelu"),
        ({"config": {"img_size": 32}, "args": {"image_size": 64}}, "image size, 32", 48),
        ({"config": {"mean": MEAN, "std": STD}, "args": {"mean": STD}}, "mean, 0.5", MEAN),
        ({"classes": NAMES, "config": {"labels": NAMES[::-1]}}, "classes, class 0", NAMES),
    ],
)
def test_contradictions_are_refused_unless_told(network, tmp_path, beside, said, told):
    option = {"image size": "image_size", "mean": "mean", "classes": "classes"}.get(
        said.partition(",")[0], "activation"
    )
    path = file(tmp_path, network, **beside)
    with pytest.raises(CheckpointError, match=said) as refusal:
        load(path)
    assert f"--{option.replace('_', '-')}" in str(refusal.value)
    assert_same_logits(load(path, **{"activation": "gelu", option: told}).model, network)


def test_what_was_pretrained_yields_to_what_is(network, tmp_path):
    pretrained = {"input_size": (3, 224, 224), "mean": MEAN, "std": STD}
    path = file(tmp_path, network, args={"img_size": 64}, config={"pretrained_cfg": pretrained})
    found = load(path).preprocessing
    assert (found.image_size, found.mean) == (64, tuple(MEAN))


def test_options_win_and_say_so(network, tmp_path):
    path = file(tmp_path, network, config={"image_size": 96, "mean": MEAN, "std": STD})
    found = load(path, image_size=32, mean=[0.5], std=[0.5]).preprocessing
    assert (found.image_size, found.mean, found.std) == (32, (0.5,) * 3, (0.5,) * 3)
    assert found.known.startswith("image size, mean, std as told")
    with pytest.raises(ValueError, match="at least one patch of 4"):
        load(path, image_size=3)


def test_settings_among_tensors_and_metrics_are_not_statements(network, tmp_path):
    path = file(
        tmp_path, network, metrics={"mean": MEAN, "std": STD}, mean=torch.zeros(3),
        optimizer={"param_groups": [{"activation": "none"}]}, history=[{"img_size": 5}],
    )  # fmt: skip
    assert load(path).preprocessing.known.startswith("assumed")
