"""Theoretical receptive fields against published numbers and brute-force autograd."""

import numpy as np
import pytest
import torch

from viz.core.network import Config
from viz.network.convmixer import PAPER_CONFIGS, ConvMixer
from viz.views.receptive_field.theoretical import (
    ReceptiveFieldError,
    passing_block,
    theoretical_field,
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
    field = theoretical_field(config, (224, 224))
    assert field.size[-1] == last
    assert field.passes == passes == passing_block(config, 224)
    assert (field.centre == centre).all()
    assert field.unseen == 0


def test_the_recurrence_of_layers():
    config = Config(8, 6, 6, 3)
    field, jump, sizes = 1, 1, []
    for k, stride in [(3, 3)] + [(6, 1), (1, 1)] * 6:
        field, jump = field + (k - 1) * jump, jump * stride
        sizes.append(field)
    assert theoretical_size(config, range(-1, 6)).tolist() == [sizes[0], *sizes[2::2]]


def support(network, size, unit, block):
    """First and last row and column at which any image changes the unit, by autograd."""
    x = torch.randn(4, 3, *size, dtype=torch.float64, requires_grad=True)
    y = network.embed(x)
    for part in network.blocks[: block + 1]:
        y = part(y)
    (g,) = torch.autograd.grad((y[:, :, unit[0], unit[1]] * torch.randn(4, 8)).sum(), x)
    seen = (g != 0).any(0).any(0).numpy()
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert seen[np.ix_(rows, columns)].all()
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_size_and_centre_are_those_of_the_gradient(k, p):
    torch.manual_seed(k * 10 + p)
    network = ConvMixer(8, 2, k, p, 2, activation="silu").double().eval()
    size = (19 * p, 21 * p + p - 1)
    for unit in ((9, 10), (8, 11)):
        field = theoretical_field(network.config, size, unit=unit)
        for b in (0, 1):
            top, bottom, left, right = support(network, size, unit, b)
            assert bottom - top + 1 == right - left + 1 == field.size[b]
            assert field.centre[b].tolist() == [(top + bottom) / 2, (left + right) / 2]
            assert field.box[b].tolist() == [top, left, bottom + 1, right + 1]


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("unit", [(0, 0), (5, 6), (0, 3)])
def test_the_image_cuts_the_field(k, unit):
    torch.manual_seed(k)
    network = ConvMixer(8, 3, k, 2, 2, activation="silu").double().eval()
    size = (13, 15)
    field = theoretical_field(network.config, size, unit=unit)
    for b in range(3):
        top, bottom, left, right = support(network, size, unit, b)
        assert field.box[b].tolist() == [top, left, bottom + 1, right + 1]


def test_pixels_that_no_unit_sees():
    torch.manual_seed(0)
    network = ConvMixer(8, 1, 3, 4, 2, activation="silu").double().eval()
    x = torch.randn(1, 3, 18, 23, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(network(x).square().sum(), x)
    unseen = (g == 0).all(1).sum()
    assert theoretical_field(network.config, (18, 23)).unseen == unseen == 18 * 23 - 16 * 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image_size": (3, 30)}, "at least one patch of 4 x 4"),
        ({"image_size": (16, 20), "unit": (4, 0)}, "a row of 0 to 3"),
        ({"image_size": (16, 20), "unit": (0, -1)}, "a column of 0 to 4"),
        ({"image_size": (16, 20), "blocks": [0, 3]}, "block 3 found, expected blocks of 0 to 2"),
        ({"image_size": (16, 20), "blocks": []}, "block none found"),
    ],
)
def test_what_is_not_there_is_named(arguments, words):
    size = arguments.pop("image_size")
    with pytest.raises(ReceptiveFieldError, match=words):
        theoretical_field(Config(8, 3, 5, 4), size, **arguments)
