"""What the weight figures hold: the right tile at the right place, a stated scale, whole pixels."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from viz.plot.style import save_figure
from viz.views.weights.draw import (
    draw_mosaic,
    drawn_mosaic,
    kernel_mosaic,
    mosaic_figure,
    patch_filter_mosaic,
)
from viz.views.weights.measure import depthwise_kernels, patch_filters


@pytest.mark.parametrize("order", ["index", "norm", "similarity"])
def test_kernels_are_each_shown_once_under_their_block(planted_bank, order):
    result = depthwise_kernels(planted_bank, per_block=None, order=order)
    assert sorted(zip(result.block.tolist(), result.channel.tolist(), strict=True)) == [
        (b, c) for b in range(3) for c in range(10)
    ]
    # The planted centre tap is 100 * block + channel + 0.12.
    np.testing.assert_allclose(
        result.kernels[:, 2, 2], 100 * result.block + result.channel + 0.12, rtol=1e-5
    )
    assert result.block.tolist() == sorted(result.block.tolist())


def test_the_choice_is_seeded_and_the_same_in_every_block(planted_bank):
    one = depthwise_kernels(planted_bank, per_block=4, seed=3)
    again = depthwise_kernels(planted_bank, per_block=4, seed=3)
    other = depthwise_kernels(planted_bank, per_block=4, seed=4)
    assert one == again
    assert one.channel.tolist() != other.channel.tolist()
    assert len({tuple(one.channel[one.block == b]) for b in range(3)}) == 1


def test_similar_kernels_become_neighbours(planted_bank, rng):
    prototypes = rng.normal(size=(2, 5, 5))
    kind = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    noisy = prototypes[kind] + 0.1 * rng.normal(size=(10, 5, 5))
    with torch.no_grad():
        planted_bank.model.depthwise_kernels(0).copy_(torch.from_numpy(noisy))
    found = kind[depthwise_kernels(planted_bank, blocks=[0], order="similarity").channel]
    assert np.abs(np.diff(found)).sum() == 1


def test_orientation_order_follows_the_stripes(planted_bank):
    angles = np.deg2rad([150, 20, 80, 110, 50, 170, 95, 5, 65, 130])
    y, x = np.mgrid[0:4, 0:4] - 1.5
    # Rows grow downward, so going up is -y: stripes at angle a vary along (sin a, cos a).
    waves = [np.cos(1.2 * (np.sin(a) * x + np.cos(a) * y) + 0.4) for a in angles]
    with torch.no_grad():
        planted_bank.model.patch_filters.copy_(
            torch.from_numpy(np.array(waves))[:, None].expand(-1, 3, -1, -1)
        )
    channel = patch_filters(planted_bank, order="orientation").channel
    assert channel.tolist() == np.argsort(angles).tolist()


@pytest.mark.parametrize("order", ["norm", "hue", "orientation"])
def test_every_order_takes_filters_that_are_not_finite(planted_bank, order):
    with torch.no_grad():
        planted_bank.model.patch_filters[1, 0, 0, 0] = np.inf
        planted_bank.model.patch_filters[3] = np.nan
    result = patch_filters(planted_bank, order=order)
    assert sorted(result.channel.tolist()) == list(range(10))
    assert "hatched is not a number" in patch_filter_mosaic(result).scale_text


def test_hue_order_puts_grey_first_and_opposite_colours_together(planted_bank, rng):
    colours = np.array(
        [[1, -1, 0], [1, 1, 1], [-1, 1, 0], [1, 1, -2], [1, 1, 1], [-1, -1, 2], [1, -1, 0.1],
         [1, 1, -1.9], [0.9, 1, 1.1], [-1, 1, 0.1]]
    )  # fmt: skip
    maps = rng.normal(size=(10, 1, 4, 4))
    with torch.no_grad():
        planted_bank.model.patch_filters.copy_(torch.from_numpy(colours[:, :, None, None] * maps))
    order = patch_filters(planted_bank, order="hue").channel.tolist()
    assert set(order[:3]) == {1, 4, 8}
    family = [0 if c in (0, 2, 6, 9) else 1 for c in order[3:]]
    assert sum(a != b for a, b in pairwise(family)) <= 2


def test_every_weight_is_a_whole_number_of_pixels(planted_bank, tmp_path):
    result = patch_filters(planted_bank)
    mosaic = patch_filter_mosaic(result)
    figure = mosaic_figure(mosaic, dpi=100)
    axes = draw_mosaic(mosaic, figure)
    path = save_figure(figure, tmp_path / "a.png")
    rows, columns = mosaic.layout.shape
    box = axes.get_window_extent()
    zoom = box.width / columns
    assert zoom == pytest.approx(round(zoom), abs=0.01)
    pixels = np.asarray(Image.open(path).convert("RGB"))
    colours = {tuple(c) for c in mosaic.picture.reshape(-1, 3)}
    left, top = round(box.x0), pixels.shape[0] - round(box.y1)
    inside = pixels[
        top + 1 : top + round(zoom) * rows - 1, left + 1 : left + round(zoom) * columns - 1
    ]
    assert {tuple(c) for c in inside.reshape(-1, 3)} <= colours


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_figure_saved_twice_is_the_same_file(planted_bank, tmp_path, suffix):
    files = []
    for name in "ab":
        figure = drawn_mosaic(kernel_mosaic(depthwise_kernels(planted_bank)))
        files.append(save_figure(figure, tmp_path / f"{name}{suffix}").read_bytes())
    assert files[0] == files[1]
