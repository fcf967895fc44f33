"""The staged forward pass against scipy and the network's own pass; what it refuses."""

import numpy as np
import pytest
import torch
from foreign_networks import official, settle
from scipy.signal import correlate2d
from scipy.special import erf

from viz.network.checkpoint import load
from viz.network.stages import BLOCK_STAGES, EMBEDDING_STAGES, stages

SLOW = {
    "gelu": lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2))),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "identity": lambda x: x,
}


def norm(maps, part):
    mean, var, gain, shift = (
        t.double().numpy()[:, None, None]
        for t in (part.running_mean, part.running_var, part.weight, part.bias)
    )
    return (maps - mean) / np.sqrt(var + part.eps) * gain + shift


def by_hand(model, image):
    """Every stage of one image with loops over channels, in float64."""
    act, p = SLOW[model.config.activation], model.config.patch_size
    weights, bias = (t.double().numpy() for t in model.patch_embedding.parameters())
    h, w = image.shape[1] // p, image.shape[2] // p
    x = np.empty((len(weights), h, w))
    for c, (kernel, b) in enumerate(zip(weights, bias, strict=True)):
        for i in range(h):
            for j in range(w):
                x[c, i, j] = (image[:, p * i : p * i + p, p * j : p * j + p] * kernel).sum() + b
    yield None, "patches", x
    yield None, "patches_activation", (x := act(x))
    yield None, "tokens", (x := norm(x, model.patch_norm))
    for number, block in enumerate(model.blocks):
        kernels, bias = (t.double().numpy() for t in block.depthwise.parameters())
        k = kernels.shape[-1]
        y = np.empty_like(x)
        for c in range(len(x)):
            # "same" of torch: an even kernel hangs over by one more on the far side.
            near, far = (k - 1) // 2, k // 2
            padded = np.pad(x[c], ((near, far), (near, far)))
            y[c] = correlate2d(padded, kernels[c, 0], mode="valid") + bias[c]
        yield number, "depthwise", y
        yield number, "depthwise_activation", (y := act(y))
        yield number, "depthwise_norm", (y := norm(y, block.depthwise_norm))
        yield number, "residual", (x := x + y)
        weights, bias = (t.double().numpy() for t in block.pointwise.parameters())
        x = np.tensordot(weights[:, :, 0, 0], x, 1) + bias[:, None, None]
        yield number, "pointwise", x
        yield number, "pointwise_activation", (x := act(x))
        yield number, "output", (x := norm(x, block.pointwise_norm))
    weights, bias = (t.double().numpy() for t in model.head.parameters())
    yield None, "logits", weights @ x.mean((1, 2)) + bias


@pytest.mark.parametrize("activation", SLOW)
@pytest.mark.parametrize("kernel_size", [1, 4, 5])
def test_every_stage_is_its_formula(activation, kernel_size, rng):
    model = load(settle(official(dim=6, depth=2, k=kernel_size, n=3, act=activation))).model
    # 27 x 22: the patches leave pixels over on both sides.
    images = rng.normal(size=(2, 3, 27, 22))
    found = list(stages(model, torch.from_numpy(images)))
    for n, image in enumerate(images):
        wanted = list(by_hand(model, image))
        assert [(s.block, s.name) for s in found] == [(b, name) for b, name, _ in wanted]
        for stage, (_, name, maps) in zip(found, wanted, strict=True):
            np.testing.assert_allclose(stage.maps[n].numpy(), maps, rtol=1e-3, atol=1e-4,
                                       err_msg=name)  # fmt: skip
    names = [s.name for s in found]
    assert names == [*EMBEDDING_STAGES, *BLOCK_STAGES, *BLOCK_STAGES, "logits"]


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
