"""Theoretical receptive fields against published numbers and brute-force autograd."""

import numpy as np
import pytest
import torch

from viz.core.network import Config
from viz.network.convmixer import PAPER_CONFIGS, ConvMixer
from viz.views.receptive_field.theoretical import (
    ReceptiveFieldError,
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


def test_the_recurrence_of_layers():
    config = Config(8, 6, 6, 3)
    field, jump, sizes = 1, 1, []
    for k, stride in [(3, 3)] + [(6, 1), (1, 1)] * 6:
        field, jump = field + (k - 1) * jump, jump * stride
        sizes.append(field)
    assert theoretical_size(config, range(-1, 6)).tolist() == [sizes[0], *sizes[2::2]]


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


@pytest.mark.parametrize(
    ("size", "unit", "words"),
    [
        ((3, 30), None, "at least one patch of 4 x 4"),
        ((16, 20), (4, 0), "a row of 0 to 3"),
        ((16, 20), (0, -1), "a column of 0 to 4"),
    ],
)
def test_a_unit_that_is_not_there_is_named(size, unit, words):
    with pytest.raises(ReceptiveFieldError, match=words):
        chosen_unit(Config(8, 3, 5, 4), size, unit)
