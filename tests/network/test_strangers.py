"""Strangers' networks open, whatever their keys are called: equal logits."""

import random

import pytest
import torch
from foreign_networks import assert_same_logits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from strangers import LAYOUTS, OFFICIAL, ORDERED, Layout, built, everything_beside, lightning

from viz.network.checkpoint import load
from viz.network.layers import _LOSS

pytestmark = pytest.mark.filterwarnings("ignore::viz.network.guards.CheckpointWarning")


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return {name: built(layout) for name, layout in LAYOUTS.items()}


@pytest.mark.parametrize(("form", "protocol"), [(lightning, 2), (everything_beside, 5)])
def test_what_is_saved_beside_the_weights_does_not_matter(networks, form, protocol, tmp_path):
    network, state = networks["labml"]
    torch.save(form(state), tmp_path / "n.pth", pickle_protocol=protocol)
    assert_same_logits(load(tmp_path / "n.pth", activation="gelu").model, network)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_strangers_network_opens_whatever_the_order_of_its_keys(networks, name, tmp_path):
    network, state = networks[name]
    orders = [list(state)]
    if name not in ORDERED:
        orders += [sorted(state), sorted(state, key=lambda k: k[::-1]),
                   random.Random(0).sample(list(state), len(state))]  # fmt: skip
    for keys in orders:
        loaded = load({key: state[key] for key in keys}, activation="gelu")
        assert_same_logits(loaded.model, network)
        assert len(loaded.parts) >= 4 + 4 * loaded.config.depth - 1
    if name not in ORDERED:
        # safetensors keeps its tensors in an order of its own.
        save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "n.safetensors")
        assert_same_logits(load(tmp_path / "n.safetensors", activation="gelu").model, network)


WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Nd"), exclude_characters="."),
    min_size=1,
    max_size=8,
).filter(lambda word: not _LOSS.search(word.lower()))  # what is named so is beside the network


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_names_and_nestings(data):
    """Every part of a key but the numbers of blocks and the last is renamed, and put deeper."""
    network, state = built(Layout(OFFICIAL))
    words: dict[str, str] = {}

    def renamed(path):
        parts = []
        for i in range(1, len(path) + 1):
            here = ".".join(path[:i])
            if here not in words:
                deeper = data.draw(st.lists(WORD, max_size=2))
                number = path[i - 1] if path[i - 1].isdigit() else ""
                # Two places may not get one name, nor a name a number that means something else.
                own = f"{data.draw(WORD)}{chr(0x3B1 + len(words) % 24)}{len(words) // 24 * 'x'}"
                words[here] = ".".join([*deeper, number or own])
            parts.append(words[here])
        return parts

    new = {}
    for key, value in state.items():
        *path, leaf = key.split(".")
        new[".".join([*renamed(path), leaf])] = value
    assert len(new) == len(state)
    assert_same_logits(load(new, activation="gelu").model, network)


def test_absent_biases_are_told(networks):
    _, state = networks["no biases"]
    with pytest.warns(UserWarning, match="no bias for patch_embedding and 7 more: taken as zero"):
        loaded = load(state, activation="gelu")
    assert float(loaded.model.patch_embedding.bias.abs().max()) == 0
    assert "patch_embedding <- stem.0.weight (bias taken as zero)" in loaded.parts
