"""The network to scale: fields around one patch, bars that add up to the parameters."""

from dataclasses import replace

import numpy as np
import pytest
from readable import unreadable

from viz.views.close_up.draw_network import draw_network, network_figure
from viz.views.close_up.measure import parts


def test_to_scale(small):
    found = parts(small)
    figure = network_figure(found)
    fields, bars = draw_network(found, figure)
    sides = [p.get_width() for p in fields.patches]
    # Background and outline of the image, the patch, and what fits: 4 + 4 (b + 1) (5 - 1) pixels.
    assert sides == [32, 32, 4, 20, 36]
    centres = {(p.get_x() + p.get_width() / 2, p.get_y() + p.get_height() / 2)
               for p in fields.patches[2:]}  # fmt: skip
    assert centres == {(18.0, 18.0)}
    assert [t.get_text() for t in fields.texts] == ["0", "1"]
    assert "(later: larger)" in fields.get_title(loc="left")
    widths = np.array([p.get_width() for p in bars.patches]).reshape(3, -1)
    np.testing.assert_allclose(widths.sum(0), found.parameters)
    np.testing.assert_allclose(widths[0], found.filter_parameters)
    assert bars.texts[0].get_text() == "16 × 8 × 8"
    assert unreadable(figure) == []


@pytest.mark.parametrize("depth", [1, 20])
def test_any_depth(small, depth):
    found = parts(small)
    rows = [0, *[1] * depth, 4]
    arrays = ("parameters", "median_norm", "filter_parameters", "pointwise_parameters", "shape")
    deep = replace(
        found,
        part=("patch embedding", *(f"block {b}" for b in range(depth)), "head"),
        receptive_field=np.append(4 + 16 * np.arange(depth + 1), -1),
        **{name: getattr(found, name)[rows] for name in arrays},
    )
    figure = network_figure(deep)
    draw_network(deep, figure)
    assert unreadable(figure) == []
