"""One filter or kernel from close up: against slow formulas and kernels with a known answer."""

import numpy as np
import pytest
import torch

from viz.views.close_up.draw import close_up_figure, draw_response
from viz.views.close_up.measure import filter_close_up, kernel_close_up, parts


def plant(checkpoint, block, channel, taps):
    with torch.no_grad():
        checkpoint.model.depthwise_kernels(block)[channel] = torch.as_tensor(taps).float()


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


def test_a_single_tap_lets_everything_through(planted_bank):
    taps = np.zeros((5, 5))
    taps[1, 3] = -2.0
    plant(planted_bank, 2, 0, taps)
    found = kernel_close_up(planted_bank, block=2, channel=0)
    np.testing.assert_allclose(found.response, 2.0)
    assert found.dc_share == pytest.approx(1 / 25)


def test_parts_add_up(small):
    found = parts(small)
    model = small.model
    counted = [
        [model.patch_embedding, model.patch_norm],
        *[[block] for block in model.blocks],
        [model.head],
    ]
    wanted = [sum(p.numel() for m in ms for p in m.parameters()) for ms in counted]
    assert found.parameters.tolist() == wanted
    assert found.filter_parameters.tolist() == [
        model.patch_embedding.weight.numel(),
        *[b.depthwise.weight.numel() for b in model.blocks],
        0,
    ]
    assert found.pointwise_parameters.tolist() == [
        0,
        *[b.pointwise.weight.numel() for b in model.blocks],
        model.head.weight.numel(),
    ]
    x = model.embed(torch.zeros(1, 3, 32, 32))
    for shape, block in zip(found.shape, [None, *model.blocks], strict=False):
        x = x if block is None else block(x)
        assert tuple(shape) == tuple(x.shape[1:])
    assert found.shape[-1].tolist() == [4, 1, 1]


def test_the_response_is_drawn_from_zero_to_its_own_largest_gain(planted_bank):
    found = filter_close_up(planted_bank, channel=9)
    figure = close_up_figure()
    image = draw_response(found, figure).get_images()[0]
    np.testing.assert_array_equal(image.get_array(), found.response)
    assert image.get_clim() == (0, pytest.approx(found.response.max()))
    assert figure.get_label() == "Frequency response of patch filter 9."
