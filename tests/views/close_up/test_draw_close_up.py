"""What the artists of a close-up hold."""

import numpy as np
import pytest
import torch

from viz.views.close_up.draw import close_up_figure, draw_weights
from viz.views.close_up.measure import filter_close_up, kernel_close_up


def test_kernel_in_colour_and_numbers(planted_bank, rng):
    taps = rng.normal(size=(5, 5)) * 0.02
    with torch.no_grad():
        planted_bank.model.depthwise_kernels(0)[3] = torch.as_tensor(taps).float()
    figure = close_up_figure()
    (axes,) = draw_weights(kernel_close_up(planted_bank, block=0, channel=3), figure)
    image = axes.get_images()[0]
    np.testing.assert_allclose(image.get_array(), taps, rtol=1e-6)
    low, high = image.get_clim()
    assert low == -high == pytest.approx(-np.abs(taps).max())
    unit = float(axes.get_title(loc="left").rsplit(" ", 1)[1])
    written = {tuple(map(int, t.get_position())): t.get_text() for t in axes.texts}
    assert len(written) == 25
    for (x, y), text in written.items():
        assert float(text.replace("−", "-")) * unit == pytest.approx(
            taps[y, x], abs=unit / 2 + 1e-9
        )
    assert "−0" not in written.values()
    assert figure.get_label() == "Weights of block 0, kernel 3; white is zero."


def test_filter_in_colour_and_by_channel(planted_bank):
    found = filter_close_up(planted_bank, channel=9)
    figure = close_up_figure()
    colour, *channels = draw_weights(found, figure)
    limit = np.abs(found.weights).max()
    tile = np.asarray(colour.get_images()[0].get_array())
    # Mid grey is zero; the largest weight is at the end of its channel's range.
    np.testing.assert_allclose(
        tile.astype(float).transpose(2, 0, 1), 128 + 127 * found.weights / limit, atol=1
    )
    assert [a.get_title(loc="left") for a in channels] == ["red", "green", "blue"]
    for axes, weights in zip(channels, found.weights, strict=True):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), weights)
        assert axes.get_images()[0].get_clim() == (pytest.approx(-limit), pytest.approx(limit))
