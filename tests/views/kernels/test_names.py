"""Every name has a colour of its own, also for colour-blind readers and in black and white."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from viz.views.kernels.colours import NAME_COLOURS
from viz.views.kernels.result import KERNEL_NAMES

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
}  # fmt: skip


def cielab(colours, matrix):
    rgb = np.array([to_rgb(c) for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = (linear @ matrix.T).clip(0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    f = np.cbrt(seen @ to_xyz.T / [0.9505, 1.0, 1.089])
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize("vision", VISION)
def test_colours_differ_also_for_colour_blind_readers(vision):
    found = cielab(NAME_COLOURS.values(), VISION[vision])
    distance = np.linalg.norm(found[:, None] - found[None], axis=-1)
    assert distance[np.triu_indices(len(found), 1)].min() > 10
    # Alike in shape, so that frames must differ clearly.
    for one, other in (("identity", "shift"), ("on-centre", "off-centre"), ("blob+", "blob-")):
        assert distance[KERNEL_NAMES.index(one), KERNEL_NAMES.index(other)] > 35


def test_without_colour_neighbours_of_a_stack_still_differ():
    light = cielab(NAME_COLOURS.values(), np.eye(3))[:, 0]
    assert (np.abs(np.diff(light)) > 15).all()
