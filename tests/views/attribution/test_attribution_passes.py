"""How attributions run: batches, threads, errors, and a network that stays as it was."""

import explained_networks as nets
import numpy as np
import pytest
import torch

from viz.network.convmixer import Block
from viz.views.attribution import network as module
from viz.views.attribution.measure import Effort, attribute, rate
from viz.views.attribution.network import drawn_anew
from viz.views.attribution.result import METHODS, SCORES

SOME = {"n_steps": 12, "n_samples": 5, "methods": METHODS}
LITTLE = Effort(n_curve=6, n_subsets=12, n_noise=1, n_stages=2, n_random=2)


def test_batch_size_changes_nothing_and_images_do_not_mix():
    loaded, x = nets.checkpoint(nets.busy("relu")), nets.busy_images(2)
    whole = rate(loaded, x, effort=LITTLE, **SOME)
    parts = rate(loaded, x, effort=LITTLE, batch_size=1, **SOME)
    for name in ("patches", *SCORES):
        np.testing.assert_allclose(
            getattr(parts, name), getattr(whole, name), rtol=2e-3, atol=1e-4, err_msg=name
        )
    np.testing.assert_array_equal(whole.patches, attribute(loaded, x, **SOME).patches)
    first = rate(loaded, x[:1], effort=LITTLE, **SOME)
    np.testing.assert_allclose(first.insertion_auc[0], whole.insertion_auc[0], atol=1e-6)


@pytest.mark.parametrize(
    ("method", "stop"), [("deeplift", 3), ("grad-cam", 40), ("occlusion", 400)]
)
def test_after_an_error_anywhere_the_model_is_as_it_was(method, stop, monkeypatch):
    loaded = nets.checkpoint(nets.busy("relu"))
    before, calls = nets.state(loaded.model), [0]
    for kind in (Block, module._TwoActivations):

        def fails_later(self, x, plain=kind.forward):
            calls[0] += 1
            if calls[0] > stop:
                raise RuntimeError("broken on purpose")
            return plain(self, x)

        monkeypatch.setattr(kind, "forward", fails_later)
    with pytest.raises(RuntimeError, match="on purpose"):
        rate(loaded, nets.busy_images(4), effort=LITTLE, batch_size=1, methods=[method])
    assert nets.same_state(before, nets.state(loaded.model))


def test_a_model_in_training_mode_stays_so_and_is_explained_as_in_evaluation():
    loaded = nets.checkpoint(nets.busy("relu"))
    expected = attribute(loaded, nets.busy_images(), **SOME)
    loaded.model.train().requires_grad_(True)
    before = nets.state(loaded.model)
    found = attribute(loaded, nets.busy_images(), **SOME)
    np.testing.assert_allclose(found.patches, expected.patches, rtol=1e-4, atol=1e-6)
    assert nets.same_state(before, nets.state(loaded.model))
    assert all(p.grad is None for p in loaded.model.parameters())


def test_only_the_parts_named_are_drawn_anew():
    network = nets.busy(dim=40)
    before = nets.state(network)
    short = drawn_anew(network, ["head"], seed=1).state_dict()
    made = drawn_anew(network, ["head", "blocks.1"], seed=1)
    assert nets.same_state(before, nets.state(network))
    for name, new in made.state_dict().items():
        old = before[0][name]
        if not name.startswith(("head", "blocks.1.")) or "tracked" in name:
            assert torch.equal(new, old), name
        elif "norm" in name:
            assert torch.equal(new, torch.full_like(old, float(name.endswith(("weight", "var")))))
        else:
            assert not torch.equal(new, old), name
            fan_in = made.get_submodule(name.rpartition(".")[0]).weight[0].numel()
            assert 0.8 * fan_in**-0.5 < new.abs().max() <= fan_in**-0.5
    assert torch.equal(short["head.weight"], made.state_dict()["head.weight"])
