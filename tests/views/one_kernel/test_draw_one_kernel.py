"""What the figures of one kernel hold: its sum, and what it does for the answer."""

import numpy as np
import pytest
import torch
from readable import unreadable

from viz.core.network import Source
from viz.views.ablation.draw import draw_removal, removal_figure
from viz.views.ablation.result import Removal
from viz.views.kernels.measure import describe_checkpoint
from viz.views.one_kernel.draw import draw_shapes, shapes_figure
from viz.views.one_kernel.measure import shape_fit


@pytest.mark.parametrize("dead", [False, True])
def test_tiles_add_up(small, dead):
    if dead:
        with torch.no_grad():
            small.model.depthwise_kernels(1)[3] = 0
    found = shape_fit(describe_checkpoint(small, n_init=1), block=1, channel=3)
    figure = shapes_figure(found)
    kernel, total, rest, *shapes = (axes.get_images()[0] for axes in draw_shapes(found, figure))
    assert len(shapes) == len(found.shapes) == (0 if dead else found.r2_by_shapes.size)
    np.testing.assert_allclose(kernel.get_array(), total.get_array() + rest.get_array(), atol=1e-6)
    summed = sum((np.asarray(a.get_array()) for a in shapes), np.zeros((5, 5)))
    np.testing.assert_allclose(total.get_array(), summed, atol=1e-6)
    largest = np.abs(found.kernel).max() or 1
    for image in (kernel, total, rest, *shapes):
        assert image.get_clim() == (pytest.approx(-largest), pytest.approx(largest))
    assert unreadable(figure) == []


def made(n_images, rng, *, n_classes=12, changes=("removed", "fit", "shuffled")):
    return Removal(
        source=Source("a-rather-long-name-of-a-checkpoint-file-0123456789.safetensors", "0"),
        block=19, channel=1535, changes=changes,
        image_names=tuple(f"folder/of/images/with/a/long/name/{i:05}.jpg" for i in range(n_images)),
        class_names=tuple(f"n0{i:07}_a_class_with_a_long_name, or so" for i in range(n_classes)),
        logits=rng.normal(size=(1 + len(changes), n_images, n_classes)).astype(np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("n_images", [1, 9])
def test_removal_holds_the_differences(n_images, rng):
    found = made(n_images, rng)
    figure = removal_figure(found)
    panels = draw_removal(found, figure)
    assert len(panels) == min(n_images, 8)
    assert unreadable(figure) == []
    for i, axes in enumerate(panels):
        classes = found.top(i)
        for points, moved in zip(axes.collections[1:], found.difference[:, i], strict=True):
            np.testing.assert_allclose(points.get_offsets()[:, 0], moved[classes])
        low, high = axes.get_xlim()
        assert low == -high
        assert np.abs(found.difference[:, i, classes]).max() < high
    assert len({axes.get_xlim() for axes in panels}) == 1
