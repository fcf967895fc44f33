"""One filter or kernel from close up: against slow formulas and kernels with a known answer."""

import numpy as np
import pytest
from torch import nn
from two_networks import plant

from viz.views.close_up.draw import close_up_figure, draw_response
from viz.views.close_up.measure import filter_close_up, kernel_close_up, parts


def slow_gain(weights, fx, fy):
    """The transform as it is written down, y upwards."""
    total = 0.0
    for plane in weights:
        amount = 0j
        for y, row in enumerate(plane):
            for x, value in enumerate(row):
                amount += value * np.exp(-2j * np.pi * (fx * x - fy * y))
        total += abs(amount) ** 2
    return np.sqrt(total)


def test_response_is_the_transform(planted_bank, rng):
    plant(planted_bank, 1, 3, rng.normal(size=(5, 5)))
    for found in (
        kernel_close_up(planted_bank, block=1, channel=3),
        filter_close_up(planted_bank, channel=2),
    ):
        m = len(found.frequency)
        for row, column in ((0, 0), (0, m - 1), (m // 2, m // 2), (10, 40), (50, 12)):
            wanted = slow_gain(
                found.weights.astype(float), found.frequency[column], found.frequency[m - 1 - row]
            )
            assert found.response[row, column] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        flat = np.broadcast_to(found.weights.mean((1, 2), keepdims=True), found.weights.shape)
        shares = [np.square(each.astype(float)).sum() for each in (flat, found.weights)]
        assert found.dc_share == pytest.approx(shares[0] / shares[1], rel=1e-5)


@pytest.mark.parametrize(
    ("across", "up", "stripes"),
    [(0.25, 0.0, 90), (0.0, 0.25, 0), (0.2, 0.2, 135), (0.2, -0.2, 45)],
)
def test_stripes_are_found(planted_bank, across, up, stripes):
    """cos(2 pi (fx x + fy y)) has its stripes at right angles to (fx, fy)."""
    y, x = np.mgrid[2:-3:-1, -2:3]
    plant(planted_bank, 0, 4, np.cos(2 * np.pi * (across * x + up * y)))
    found = kernel_close_up(planted_bank, block=0, channel=4)
    assert found.stripes == pytest.approx(stripes, abs=3)
    assert found.peak_frequency == pytest.approx(np.hypot(across, up), abs=0.05)


def test_parts_are_counted_as_the_modules_are(small):
    found, model = parts(small), small.model
    modules = [nn.ModuleList([model.patch_embedding, model.patch_norm]), *model.blocks, model.head]
    wanted = [sum(p.numel() for p in module.parameters()) for module in modules]
    assert found.parameters.tolist() == wanted
    kernels, links = ([getattr(b, part).weight.numel() for b in model.blocks]
                      for part in ("depthwise", "pointwise"))  # fmt: skip
    assert found.filter_parameters.tolist() == [model.patch_filters.numel(), *kernels, 0]
    assert found.pointwise_parameters.tolist() == [0, *links, model.head.weight.numel()]
    assert found.shape.tolist() == [[16, 8, 8]] * 4 + [[4, 1, 1]]


def test_the_response_is_drawn_from_zero_to_its_own_largest_gain(planted_bank):
    found = filter_close_up(planted_bank, channel=9)
    image = draw_response(found, close_up_figure()).get_images()[0]
    np.testing.assert_array_equal(image.get_array(), found.response)
    assert image.get_clim() == (0, pytest.approx(found.response.max()))
