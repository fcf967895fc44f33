"""One output, none, four input channels, patches of one pixel, one block."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from quick import CHEAP, small_nulls

import viz
from viz.core.refusal import Refusal
from viz.images.sets import open_images
from viz.network.checkpoint import adapted
from viz.network.convmixer import ConvMixer
from viz.views import Given, view
from viz.views.attribution.network import Explained

sys.path.insert(0, str(Path(__file__).parent / "network"))
from foreign_networks import settle

USUAL = {"dim": 16, "depth": 2, "kernel_size": 3, "patch_size": 4, "n_classes": 5}
UNUSUAL = {"one output": {"n_classes": 1}, "4 channels": {"in_channels": 4},
           "patches of one pixel": {"patch_size": 1}, "one block": {"depth": 1}}  # fmt: skip


def made(**changes):
    model = settle(ConvMixer(**{**USUAL, **changes}), changes.get("in_channels", 3))
    return adapted(viz.load(model), image_size=32)


def given(checkpoint, folder):
    """Arrays in files, as anybody would bring them."""
    rng = np.random.default_rng(0)
    channels = checkpoint.config.in_channels
    for i in range(2):
        np.save(folder / f"{i}.npy", rng.random((40, 36, channels), dtype=np.float32))
    paths = sorted(folder.glob("*.npy"))
    return Given(lambda: open_images(paths, checkpoint.preprocessing, channels))


@pytest.mark.parametrize("name", ["patch-filters", "receptive-field", "feature-maps",
                                  "attribution", "evidence", "decision-by-depth"])  # fmt: skip
@pytest.mark.parametrize("what", UNUSUAL)
def test_views_of_unusual_networks(what, name, tmp_path):
    checkpoint = made(**UNUSUAL[what])
    row = view(name)
    if what == "one output" and name in ("evidence", "decision-by-depth"):
        with pytest.raises(Refusal, match="one output found"):
            row.measure(checkpoint, given(checkpoint, tmp_path))
        return
    with small_nulls():
        result = row.measure(checkpoint, given(checkpoint, tmp_path), **CHEAP.get(name, {}))
    for figure in row.figures:
        figure.make(result).canvas.draw()
    for option in row.options:
        for value in option.kind if option.draws and isinstance(option.kind, tuple) else ():
            row.figures[0].make(result, **{option.name: value})
    if row.sentence is not None:
        assert "1 blocks" not in row.sentence(result)


def test_a_single_logits_softmax_says_nothing_and_is_not_used():
    logits = torch.tensor([[-2.0], [0.0], [3.0]])
    assert torch.equal(logits.softmax(1), torch.ones(3, 1))
    found = Explained(0).probability(logits)
    assert found.tolist() == pytest.approx([1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-3))])


def test_without_a_head_maps_work_and_answers_are_refused(tmp_path):
    model = settle(ConvMixer(**USUAL))
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("head")}
    with pytest.warns(UserWarning, match="holds no linear head"):
        checkpoint = adapted(viz.load(state, activation="gelu"), image_size=32)
    for name in ("patch-filters", "receptive-field", "feature-maps", "selectivity"):
        view(name).measure(checkpoint, given(checkpoint, tmp_path))
    for name in ("attribution", "substitution"):
        with pytest.raises(Refusal):
            view(name).measure(checkpoint, given(checkpoint, tmp_path))


def test_weights_that_are_zero_or_not_finite_are_told(tmp_path):
    checkpoint = made()
    for block in checkpoint.model.blocks:
        block.depthwise.weight.data.zero_()
    said = view("kernels").sentence(view("kernels").measure(checkpoint, Given()))
    assert said.startswith("None of the 32 ") and "taps in random order" not in said
    checkpoint.model.patch_embedding.weight.data.zero_()
    field = view("receptive-field")
    assert "no pixel has" in field.sentence(field.measure(checkpoint, given(checkpoint, tmp_path)))
    filters = view("patch-filters")
    assert ". None of 16 are coloured" in filters.sentence(filters.measure(checkpoint, Given()))
    checkpoint.model.blocks[0].depthwise.weight.data[0] = torch.nan
    with pytest.raises(Refusal, match="not finite numbers"):
        view("substitution").measure(checkpoint, given(checkpoint, tmp_path))


def test_a_network_whose_parts_cannot_be_told_apart_is_refused():
    """One channel, kernels of one tap: its patch embedding has a depthwise kernel's shape."""
    state = settle(ConvMixer(1, 1, 1, 2, 3, in_channels=1), 1).state_dict()
    with pytest.raises(Refusal, match="not a ConvMixer"):
        viz.load(state)
