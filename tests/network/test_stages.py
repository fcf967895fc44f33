"""The staged forward pass against the layers' own outputs and the whole pass; what it refuses."""

import pytest
import torch
from foreign_networks import ACTIVATIONS, Residual, official, settle
from torch import nn

from viz.network.checkpoint import load
from viz.network.stages import BLOCK_STAGES, EMBEDDING_STAGES, stages


def by_its_modules(network, images):
    """What each layer of the network as its authors write it gives out."""
    seen = []
    layers = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, Residual, *ACTIVATIONS.values())
    for module in network.modules():
        if isinstance(module, layers):
            module.register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        network(images)
    return seen


@pytest.mark.parametrize(
    ("activation", "kernel_size"), [("gelu", 5), ("relu", 4), ("silu", 1), ("identity", 5)]
)
def test_every_stage_is_a_layers_output(activation, kernel_size):
    network = settle(official(dim=6, depth=2, k=kernel_size, n=3, act=activation))
    # 27 x 22: the patches leave pixels over on both sides.
    x = torch.randn(2, 3, 27, 22)
    found = list(stages(load(network).model, x))
    for stage, maps in zip(found, by_its_modules(network, x), strict=True):
        torch.testing.assert_close(stage.maps, maps, rtol=1e-4, atol=1e-5, msg=stage.name)
    names = [s.name for s in found]
    assert names == [*EMBEDDING_STAGES, *BLOCK_STAGES, *BLOCK_STAGES, "logits"]
    assert [s.block for s in found] == [None] * 3 + [0] * 7 + [1] * 7 + [None]


def test_the_numbers_are_those_of_the_plain_pass(small):
    inputs = torch.randn(3, 3, 32, 32)
    seen = []
    hook = small.model.blocks[1].register_forward_hook(lambda m, i, o: seen.append(o))
    with torch.inference_mode():
        plain = small.model(inputs)
    hook.remove()
    found = list(stages(small.model, inputs))
    assert torch.equal(found[-1].maps, plain)
    block = [s.maps for s in found if (s.block, s.name) == (1, "output")]
    assert torch.equal(block[0], seen[0])


def test_what_would_go_wrong_is_refused(small):
    for shape in [(3, 32, 32), (1, 1, 32, 32), (1, 3, 3, 32)]:
        with pytest.raises(ValueError, match=r"expected \(n, 3, height, width\)"):
            next(stages(small.model, torch.zeros(shape)))
    before = small.model.patch_norm.running_mean.clone()
    small.model.blocks[1].depthwise_norm.train()
    with pytest.raises(ValueError, match="training mode"):
        next(stages(small.model, torch.zeros(1, 3, 32, 32)))
    assert torch.equal(small.model.patch_norm.running_mean, before)
