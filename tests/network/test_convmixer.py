"""The network against a plain nn.Sequential, and the published parameter counts."""

import pytest
import torch
from foreign_networks import Residual
from torch import nn

from viz.network.convmixer import PAPER_CONFIGS, ConvMixer


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
