"""How attributions run: batches, memory, threads, errors, and a network that stays as it was."""

import threading

import explained_networks as nets
import numpy as np
import pytest
import torch

from viz.network.convmixer import Block
from viz.views.attribution.maps import attribute
from viz.views.attribution.maps_result import METHODS, Attributions
from viz.views.attribution.network import drawn_anew

SOME = {"n_steps": 12, "n_samples": 5}


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_changes_nothing(batch_size):
    loaded, x = nets.checkpoint(nets.busy("relu")), nets.busy_images(2)
    whole = attribute(loaded, x, methods=METHODS, **SOME)
    parts = attribute(loaded, x, methods=METHODS, batch_size=batch_size, **SOME)
    np.testing.assert_allclose(parts.patches, whole.patches, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts.raw, whole.raw, rtol=1e-4, atol=1e-5)


def test_two_threads_on_one_model_get_what_one_gets():
    loaded = nets.checkpoint(nets.busy("relu"))
    inputs = [nets.busy_images(seed=s) for s in (1, 2)]
    alone = [attribute(loaded, x, methods=METHODS, **SOME) for x in inputs]
    found, failed = {}, []

    def work(i):
        try:
            found[i] = [attribute(loaded, inputs[i], methods=METHODS, **SOME) for _ in range(3)]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for i in (0, 1):
        for result in found[i]:
            np.testing.assert_allclose(result.patches, alone[i].patches, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_after_an_error_inside_a_pass_the_model_is_as_it_was(method, monkeypatch):
    loaded = nets.checkpoint(nets.busy("relu"))
    before, calls = nets.state(loaded.model), [0]
    plain = Block.forward

    def fails_later(self, x):
        calls[0] += 1
        if calls[0] > 3:  # after the two blocks of the first look
            raise RuntimeError("broken on purpose")
        return plain(self, x)

    monkeypatch.setattr(Block, "forward", fails_later)
    if method in ("deeplift", "guided-backprop"):
        import viz.views.attribution.network as network

        monkeypatch.setattr(
            network._TwoActivations, "forward", lambda self, x: fails_later(self, x)
        )
        calls[0] = 1
    with pytest.raises(RuntimeError, match="on purpose"):
        attribute(loaded, nets.busy_images(), methods=[method], **SOME)
    assert nets.same_state(before, nets.state(loaded.model))


def test_a_model_in_training_mode_stays_so_and_is_explained_as_in_evaluation():
    loaded = nets.checkpoint(nets.busy("relu"))
    expected = attribute(loaded, nets.busy_images(), methods=METHODS, **SOME)
    loaded.model.train().requires_grad_(True)
    before = nets.state(loaded.model)
    found = attribute(loaded, nets.busy_images(), methods=METHODS, **SOME)
    np.testing.assert_allclose(found.patches, expected.patches, rtol=1e-4, atol=1e-6)
    assert nets.same_state(before, nets.state(loaded.model))
    assert all(p.grad is None for p in loaded.model.parameters())


def test_random_numbers_of_the_process_are_left_alone():
    loaded = nets.checkpoint(nets.busy())
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.rand(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    attribute(loaded, nets.busy_images(), **SOME)
    assert torch.equal(torch.rand(2), expected[0])
    assert (np.random.rand(2) == expected[1]).all()  # noqa: NPY002


@pytest.mark.parametrize("norms", [True, False])
def test_only_the_parts_named_are_drawn_anew(norms):
    network = nets.busy(dim=40)
    before = nets.state(network)
    short = drawn_anew(network, ["head"], seed=1, norms=norms).state_dict()
    made = drawn_anew(network, ["head", "blocks.1"], seed=1, norms=norms)
    assert nets.same_state(before, nets.state(network))
    for name, new in made.state_dict().items():
        old = before[0][name]
        drawn = name.startswith(("head", "blocks.1."))
        if ("norm" in name and not norms) or not drawn or "tracked" in name:
            assert torch.equal(new, old), name
        elif "norm" in name:
            assert torch.equal(new, torch.full_like(old, float(name.endswith(("weight", "var")))))
        else:
            assert not torch.equal(new, old), name
            fan_in = made.get_submodule(name.rpartition(".")[0]).weight[0].numel()
            assert 0.8 * fan_in**-0.5 < new.abs().max() <= fan_in**-0.5
    assert torch.equal(short["head.weight"], made.state_dict()["head.weight"])


def test_a_result_comes_back_and_tells_what_made_it(tmp_path):
    calls = []
    loaded = nets.checkpoint(nets.busy())
    x = nets.busy_images(3)
    result = attribute(loaded, x, methods=["saliency", "grad-cam"], keep=2, block=0,
                       progress=lambda *given: calls.append(given))  # fmt: skip
    assert result.raw.shape == (2, 1, 3, 22, 21)
    assert result.patches.shape == (3, 2, 5, 5)
    assert result.target_name[0] == f"class {result.predicted[0]}"
    assert Attributions.load(result.save(tmp_path / "a.npz")) == result
    assert result.source.settings["block"] == 0
    assert set(result.source.images) == set(result.names)
    done = [d for d, _ in calls]
    assert done == sorted(done) and calls[-1][0] == calls[-1][1] == 3 * 3
    shares = result.share()
    np.testing.assert_allclose(np.abs(shares).sum((2, 3)), 1)
    assert (np.sign(shares) == np.sign(result.patches)).all()
    assert len(result.to_frame()) == 6
