"""When two sweeps are the same."""

import numpy as np


def alike(one, two):
    """Equal up to rounding; top patches exactly."""
    for name in ("mean", "variance", "sparsity", "selectivity", "top_value"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-5)
    for name in ("top_image", "top_position", "class_count"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.image_names == two.image_names
    assert dict(one.source.images) == dict(two.source.images)
    assert (one.n_images, one.top1, one.judged) == (two.n_images, two.top1, two.judged)
