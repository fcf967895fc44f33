"""The network against a plain nn.Sequential, published parameter counts and two identities."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from viz.network.convmixer import PAPER_CONFIGS, ConvMixer


class Residual(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fn(x) + x


def plain(dim, depth, k, p, n_classes, channels, activation):
    """The network as its authors describe it, with nothing of ours in it."""
    layers = [nn.Conv2d(channels, dim, p, stride=p), activation(), nn.BatchNorm2d(dim)]
    for _ in range(depth):
        depthwise = nn.Conv2d(dim, dim, k, groups=dim, padding="same")
        layers.append(Residual(nn.Sequential(depthwise, activation(), nn.BatchNorm2d(dim))))
        layers += [nn.Conv2d(dim, dim, 1), activation(), nn.BatchNorm2d(dim)]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(dim, n_classes)
    )


def randomised(network: nn.Module) -> nn.Module:
    """Batch norms at their start would hide a swapped one."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.running_var):
                    tensor.uniform_(0.5, 2)
                for tensor in (module.bias, module.running_mean):
                    tensor.normal_()
    return network


@pytest.mark.filterwarnings("ignore:Using padding='same' with even")
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("kernel_size", [3, 4, 9])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("training", [False, True])
def test_logits_equal_the_plain_network(activation, kernel_size, channels, training):
    torch.manual_seed(0)
    act = {"gelu": nn.GELU, "relu": nn.ReLU}[activation]
    reference = randomised(plain(16, 3, kernel_size, 5, 7, channels, act)).double()
    ours = ConvMixer(16, 3, kernel_size, 5, 7, in_channels=channels, activation=activation)
    # Both list their tensors in the order of the forward pass.
    theirs = list(reference.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs, strict=True)))
    ours.double()
    ours.train(training), reference.train(training)
    x = torch.randn(2, channels, 33, 41, dtype=torch.double)
    torch.testing.assert_close(ours(x), reference(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel_size", [3, 9])
def test_training_gradients_equal_the_plain_network(kernel_size):
    torch.manual_seed(0)
    reference = randomised(plain(8, 2, kernel_size, 2, 5, 3, nn.GELU)).double()
    ours = ConvMixer(8, 2, kernel_size, 2, 5)
    theirs = list(reference.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs, strict=True)))
    ours.double().train()
    x = torch.randn(3, 3, 14, 10, dtype=torch.double, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    ours(x).square().sum().backward()
    reference.train()(y).square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    for mine, theirs in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("convmixer_1536_20", 51_625_960),
        ("convmixer_768_32", 21_110_248),
        ("convmixer_1024_20_ks9_p14", 24_383_464),
    ],
)
def test_parameter_counts_are_the_published_ones(name, published):
    config = PAPER_CONFIGS[name]
    with torch.device("meta"):
        network = ConvMixer.from_config(config)
    assert sum(p.numel() for p in network.parameters()) == published
    assert config.n_parameters == published


def test_patch_embedding_is_a_linear_layer_on_flattened_patches():
    torch.manual_seed(0)
    network = ConvMixer(8, 1, 3, 4, 2).double()
    x = torch.randn(2, 3, 12, 20, dtype=torch.double)
    by_hand = torch.empty(2, 8, 3, 5, dtype=torch.double)
    matrix = network.patch_filters.detach().reshape(8, 3 * 4 * 4)
    for i in range(3):
        for j in range(5):
            patch = x[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].reshape(2, -1)
            by_hand[:, :, i, j] = patch @ matrix.T + network.patch_embedding.bias.detach()
    torch.testing.assert_close(network.patch_embedding(x), by_hand)


@pytest.mark.parametrize(
    ("kernel_size", "reaches_all"), [(3, False), (5, False), (7, True), (9, True)]
)
def test_shared_depthwise_kernel_is_one_doubly_block_toeplitz_token_mixer(kernel_size, reaches_all):
    n, dim = 4, 3
    torch.manual_seed(0)
    network = ConvMixer(dim, 1, kernel_size, 1, 2).double().eval()
    depthwise = network.blocks[0].depthwise
    kernel = torch.rand(kernel_size, kernel_size, dtype=torch.double) + 0.1
    with torch.no_grad():
        depthwise.weight.copy_(kernel.expand(dim, 1, -1, -1))
        depthwise.bias.zero_()
    reach = kernel_size // 2
    mixing = np.zeros((n * n, n * n))
    for yo in range(n):
        for xo in range(n):
            for yi in range(n):
                for xi in range(n):
                    dy, dx = yi - yo, xi - xo
                    if abs(dy) <= reach and abs(dx) <= reach:
                        mixing[yo * n + xo, yi * n + xi] = kernel[dy + reach, dx + reach]
    x = torch.randn(2, dim, n, n, dtype=torch.double)
    tokens = x.flatten(2) @ torch.from_numpy(mixing).T
    torch.testing.assert_close(depthwise(x).flatten(2), tokens)
    # From k = 2n - 1 on every token reaches every other.
    assert (mixing != 0).all() == reaches_all == (kernel_size >= 2 * n - 1)


def test_bfloat16_training_gradient_stays_near_the_exact_one():
    torch.manual_seed(0)
    network = ConvMixer(16, 1, 9, 1, 2).train()
    layer = network.blocks[0].depthwise
    x = torch.randn(8, 16, 12, 12)
    weights = torch.randn(8, 16, 12, 12)
    exact = torch.autograd.grad(
        (F.conv2d(x, layer.weight, layer.bias, padding=4, groups=16) * weights).sum(), layer.weight
    )[0]
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    assert out.dtype == torch.bfloat16
    near = torch.autograd.grad((out.float() * weights).sum(), layer.weight)[0]
    assert (near - exact).norm() / exact.norm() < 0.02
