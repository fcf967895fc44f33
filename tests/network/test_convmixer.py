"""The network against a plain nn.Sequential, and the published parameter counts."""

import pytest
import torch
from foreign_networks import official, settle

from viz.network.convmixer import PAPER_CONFIGS, ConvMixer


@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize(("kernel_size", "channels"), [(3, 3), (4, 1), (9, 3)])
@pytest.mark.parametrize("training", [False, True])
def test_logits_equal_the_plain_network(activation, kernel_size, channels, training):
    # Batch norms at their start would hide a swapped one.
    reference = settle(official(k=kernel_size, p=5, c=channels, act=activation), channels).double()
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
