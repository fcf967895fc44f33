"""Every key layout, both ways, against networks built independently: logits, not just keys."""

import re

import pytest
import torch
from foreign_networks import BUILDERS, assert_same_logits, official, settle

from viz.network.checkpoint import load
from viz.network.guards import CheckpointError, CheckpointWarning, TensorRecord
from viz.network.recognise import recognise


def records(state):
    return {k: TensorRecord(tuple(v.shape), str(v.dtype)[6:]) for k, v in state.items()}


@pytest.mark.parametrize(
    "shape",
    [{"c": 1, "act": "relu"}, {"act": "identity"}, {"c": 2, "act": "silu"}, {"depth": 1},
     {"depth": 12, "dim": 8}, {"k": 1}, {"p": 1, "dim": 3}, {"n": 1}],
)  # fmt: skip
@pytest.mark.parametrize("layout", sorted(BUILDERS))
def test_logits_from_a_file_equal_the_source_network(layout, shape, tmp_path):
    whole = {"dim": 16, "depth": 3, "k": 5, "p": 4, "n": 7, "c": 3, "act": "gelu", **shape}
    size = 8 if whole["p"] == 1 else 32
    network = settle(BUILDERS[layout](**shape), whole["c"], size)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    loaded = load(tmp_path / "net.pth", activation=whole["act"])
    assert tuple(loaded.config.to_dict().values()) == tuple(whole.values())
    assert_same_logits(loaded.model, network, whole["c"], size)


@pytest.mark.parametrize("prefix", ["module._orig_mod.model.", "0.", "3.0."])
def test_prefixes(prefix):
    """Of wrappers, of a Sequential, and one that looks like part of the layout."""
    network = settle(official())
    loaded = load({prefix + k: v for k, v in network.state_dict().items()}, activation="gelu")
    assert loaded.source.prefix.rstrip(".").startswith(prefix.rstrip("."))
    assert_same_logits(loaded.model, network)


def test_every_shape_is_checked():
    """Each tensor in turn, given one more element in one dimension, is named."""
    good = records(official(dim=6, depth=2, n=4).state_dict())
    recognise(good, "f")
    for key, record in good.items():
        sizes = record.shape or (1,)
        grown = TensorRecord((*sizes[:-1], sizes[-1] + 1), record.dtype)
        if key == "7.weight":
            assert "does not take the 6 channels" in recognise({**good, key: grown}, "f").notes[0]
            continue
        with pytest.raises(CheckpointError) as refusal:
            recognise({**good, key: grown}, "f")
        text = str(refusal.value)
        # A wrong first tensor can make all others wrong; else the culprit is named.
        assert text.startswith("f: not a ConvMixer: ")
        assert key in text or key == "0.weight", text


def test_every_missing_tensor_is_told_except_the_count():
    good = records(official(dim=6, depth=2, n=4).state_dict())
    for key in good:
        rest = {k: v for k, v in good.items() if k != key}
        layer, _, leaf = key.rpartition(".")
        if leaf == "num_batches_tracked":
            recognise(rest, "f")
        elif key == "7.weight":
            assert recognise(rest, "f").config.n_classes == 0
        elif key in ("0.bias", "7.bias"):
            # The only ones of their kind: a convolution or a head without a bias.
            assert len(recognise(rest, "f").absent) == 1
        else:
            with pytest.raises(CheckpointError) as refusal:
                recognise(rest, "f")
            text = str(refusal.value)
            told = {"0.weight": "no patch embedding"}.get(
                key, "1 depthwise|2 pointwise|2 depthwise"
            )
            conv = len(good[key].shape) == 4
            assert re.search(told if conv else rf"{layer}\.(weight|bias|running_mean|running_var)",
                             text), (key, text)  # fmt: skip


def test_a_count_may_be_missing_or_stored_as_one_element():
    network = settle(official())
    state = network.state_dict()
    del state["2.num_batches_tracked"]
    state["3.3.num_batches_tracked"] = torch.tensor([41])
    loaded = load(state, activation="gelu")
    assert loaded.model.patch_norm.num_batches_tracked == 0
    assert loaded.model.blocks[0].pointwise_norm.num_batches_tracked == 41
    assert loaded.model.blocks[0].pointwise_norm.num_batches_tracked.shape == ()
    assert_same_logits(loaded.model, network)


@pytest.mark.parametrize(
    ("plain", "averaged"),
    [("encoder_q", "encoder_k"), ("student", "teacher"), ("net", "net_ema.module")],
)
def test_of_a_network_and_its_average_one_can_choose(plain, averaged):
    first, second = settle(official()), settle(official(), seed=3)
    state = {f"module.{plain}.{k}": v for k, v in first.state_dict().items()}
    state |= {f"module.{averaged}.{k}": v for k, v in second.state_dict().items()}
    for ema, expected in ((None, second), (True, second), (False, first)):
        with pytest.warns(CheckpointWarning, match="under several prefixes"):
            assert_same_logits(load(state, ema=ema, activation="gelu").model, expected)


def test_of_two_broken_copies_the_fault_is_told_not_that_there_are_two():
    broken = {k: v for k, v in official().state_dict().items() if k != "3.3.running_var"}
    state = {f"{p}.{k}": v for p in ("q", "k") for k, v in broken.items()}
    with pytest.raises(CheckpointError, match=r"q\.3\.3\.running_var is missing"):
        load(state)
