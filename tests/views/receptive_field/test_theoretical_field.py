"""Theoretical receptive fields against published numbers and brute-force autograd."""

import numpy as np
import pytest
import torch

from viz.network.convmixer import PAPER_CONFIGS, ConvMixer
from viz.views.receptive_field.theoretical import (
    chosen_unit,
    field_centre,
    passing_block,
    theoretical_size,
)

OFFICIAL = {
    "convmixer_1536_20": (1127, 3, 115),
    "convmixer_768_32": (1351, 5, 115),
    "convmixer_1024_20_ks9_p14": (2254, 1, 118.5),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_networks_at_224(name):
    config = PAPER_CONFIGS[name]
    last, passes, centre = OFFICIAL[name]
    unit = chosen_unit(config, (224, 224), None)
    assert theoretical_size(config, [config.depth - 1])[0] == last
    assert passing_block(config, 224) == passes
    assert (field_centre(config, unit, np.arange(config.depth)) == centre).all()


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_size_and_centre_are_those_of_the_gradient(k, p):
    torch.manual_seed(k * 10 + p)
    network = ConvMixer(8, 2, k, p, 2, activation="silu").double().eval()
    x = torch.randn(4, 3, 19 * p, 21 * p + p - 1, dtype=torch.float64, requires_grad=True)
    y, unit = network.embed(x), (8, 11)
    centre = field_centre(network.config, unit, np.arange(2))
    for b, part in enumerate(network.blocks):
        y = part(y)
        output = (y[:, :, unit[0], unit[1]] * torch.randn(4, 8)).sum()
        (g,) = torch.autograd.grad(output, x, retain_graph=True)
        seen = (g != 0).any(0).any(0).numpy()
        for axis in (0, 1):
            (line,) = np.nonzero(seen.any(1 - axis))
            assert np.ptp(line) + 1 == theoretical_size(network.config, [b])[0]
            assert centre[b, axis] == (line[0] + line[-1]) / 2
