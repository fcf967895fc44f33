"""The training pass as matrix products against torch's convolutions, and the pick of a way."""

import copy

import pytest
import torch
import torch.nn.functional as F

from viz.network.convmixer import ConvMixer
from viz.training import fast as fast_training
from viz.training.fast import ARITHMETICS, matrix_logits, pick_way


def passes(kernel_size, activation, dtype, size=13):
    """Return logits, gradients and running statistics of the plain and of the matrix pass."""
    torch.manual_seed(0)
    plain = ConvMixer(16, 2, kernel_size, 2, 5, activation=activation).train()
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    other = copy.deepcopy(plain)
    x, y = torch.randn(6, 3, size, size), torch.randint(0, 5, (6,))
    found = []
    for network, out in ((plain, plain(x)), (other, matrix_logits(other, x, dtype))):
        F.cross_entropy(out, y).backward()
        gradients = {name: p.grad for name, p in network.named_parameters()}
        running = {n: t for n, t in network.named_buffers() if "running" in n}
        found.append((out.detach(), gradients, running))
    return found


@pytest.mark.parametrize(("kernel_size", "activation"), [(3, "gelu"), (4, "relu"), (9, "gelu")])
def test_matrices_compute_what_convolutions_do(kernel_size, activation):
    plain, ours = passes(kernel_size, activation, torch.float32)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
    assert all(gradient.abs().max() > 1e-4 for n, gradient in plain[1].items() if "weight" in n)


def test_bfloat16_stays_near():
    plain, near = passes(9, "gelu", torch.bfloat16)
    assert near[0].dtype == torch.float32
    for name, exact in plain[1].items():
        if "depthwise.weight" in name or "pointwise.weight" in name:
            assert 0 < (near[1][name] - exact).norm() / exact.norm() < 0.05, name


def picked(monkeypatch, seconds, steps=10, size=14, **given):
    """Pick by these seconds for (arithmetic, compiled) and what else was asked for."""
    asked = []

    def measured(model, x, way, best):
        asked.append((way.arithmetic, way.threads, way.compiled))
        took = seconds[way.arithmetic, way.compiled]
        if isinstance(took, Exception):
            raise took
        return took / way.threads

    monkeypatch.setattr(fast_training, "_seconds", measured)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    way = pick_way(ConvMixer(16, 2, 3, 2, 5), (4, size), steps, **given)
    assert asked.pop() == way.threads
    return way, asked


TABLE = {("float32", False): 3.0, ("float32-matrices", False): 2.0,
         ("bfloat16-matrices", False): 8.0, ("float32-matrices", True): 1.0}  # fmt: skip


def test_the_quickest_way_is_picked(monkeypatch):
    way, asked = picked(monkeypatch, TABLE)
    assert way[:3] == ("float32-matrices", 4, False)
    assert str(way) == "float32-matrices, 4 threads"
    assert set(asked[:-1]) == {(name, n, False) for name in ARITHMETICS for n in (1, 4)}
    assert len(asked) == 7 and asked[-1] == way[:3]


def test_only_what_is_left_open_is_measured(monkeypatch):
    way, asked = picked(monkeypatch, TABLE, arithmetic="bfloat16-matrices", threads=2)
    assert set(asked) == {("bfloat16-matrices", 2, False)}
    assert str(way._replace(threads=1)) == "bfloat16-matrices, 1 thread"


def test_matrices_that_would_fill_the_memory_are_not_tried(monkeypatch):
    way, asked = picked(monkeypatch, TABLE, size=200)
    assert way.arithmetic == "float32" and {name for name, *_ in asked} == {"float32"}


def test_long_trainings_are_compiled_where_that_works_and_helps(monkeypatch):
    assert picked(monkeypatch, TABLE, steps=10**6)[0].compiled
    behind = TABLE | {("float32", False): 1.5}
    assert picked(monkeypatch, behind, steps=10**6)[0].compiled
    assert picked(monkeypatch, behind)[0].arithmetic == "float32"
    slower = TABLE | {("float32-matrices", True): 3.0}
    assert not picked(monkeypatch, slower, steps=10**6)[0].compiled
    fails = TABLE | {("float32-matrices", True): RuntimeError("no compiler")}
    assert not picked(monkeypatch, fails, steps=10**6)[0].compiled


def test_measuring_leaves_the_network_as_it_was():
    network = ConvMixer(16, 1, 3, 2, 5).eval()
    before = copy.deepcopy(network.state_dict())
    way = pick_way(network, (4, 8), 10)
    assert way.seconds > 0 and not network.training and network.head.weight.grad is None
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
