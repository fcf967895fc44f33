"""Mosaics against loops written out."""

import numpy as np
import pytest

from viz.plot.mosaic import grid_layout, limits, rgb_tiles, signed_tiles


@pytest.mark.parametrize("sizes", [[7], [4, 4, 4], [5, 2, 3]])
@pytest.mark.parametrize("tile", [(3, 3), (2, 5)])
def test_every_tile_stands_once_where_the_layout_says(sizes, tile, rng):
    n = sum(sizes)
    tiles = rng.integers(0, 200, (n, *tile, 3)).astype(np.uint8)
    layout = grid_layout(sizes, tile, gap=2, head=4)
    picture = layout.place(tiles, fill=255)
    covered = np.zeros(layout.shape, int)
    for i in range(n):
        y, x = layout.y[i], layout.x[i]
        np.testing.assert_array_equal(picture[y : y + tile[0], x : x + tile[1]], tiles[i])
        covered[y : y + tile[0], x : x + tile[1]] += 1
    assert covered.max() == 1
    assert (picture[covered == 0] == 255).all()


def test_groups_hold_their_own_tiles_and_no_other():
    sizes = [5, 2, 3]
    layout = grid_layout(sizes, (3, 3), head=2)
    group = np.repeat([0, 1, 2], sizes)
    for g, (left, top, right, bottom) in enumerate(layout.groups):
        inside = (
            (layout.x >= left)
            & (layout.x + 3 <= right)
            & (layout.y >= top + 2)
            & (layout.y + 3 <= bottom)
        )
        np.testing.assert_array_equal(inside, group == g)


def test_a_click_finds_the_tile_under_it_and_nothing_between():
    layout = grid_layout([6, 6], (4, 4), gap=1, head=3)
    for i in range(12):
        assert layout.locate(layout.x[i] + 3.9, layout.y[i] + 0.1) == i
    assert layout.locate(layout.x[0] + 4.5, layout.y[0]) is None
    assert layout.locate(-1, -1) is None


def test_zero_is_white_and_signs_are_mirrored():
    values = np.array([[[0.0, 1.0], [-1.0, np.nan]]])
    tile = signed_tiles(values, np.array([1.0]))[0]
    assert tile[0, 0].tolist() == [255, 255, 255]
    red, blue = tile[0, 1].astype(int), tile[1, 0].astype(int)
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert len(set(tile[1, 1].tolist())) == 1
    assert tile[1, 1, 0] < 255


def test_colour_depends_on_the_ratio_to_the_limit_alone(rng):
    values = rng.normal(size=(4, 3, 3))
    scale = np.array([1e-6, 1.0, 7.0, 1e6])
    same = signed_tiles(values * scale[:, None, None], scale)
    np.testing.assert_array_equal(same, signed_tiles(values, np.ones(4)))


def test_rgb_tiles_put_zero_at_mid_grey():
    filters = np.zeros((1, 3, 2, 2))
    filters[0, 0, 0, 0], filters[0, 2, 1, 1] = 2.0, -2.0
    tile = rgb_tiles(filters, np.array([2.0]))[0]
    assert tile[0, 1].tolist() == [128, 128, 128]
    assert tile[0, 0].tolist() == [255, 128, 128]
    assert tile[1, 1].tolist() == [128, 128, 1]


def test_limits_follow_their_definition(rng):
    values = rng.normal(size=(6, 5, 5)) * np.arange(1, 7)[:, None, None]
    group = np.array([0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(limits(values, "tile", group), np.abs(values).max((1, 2)))
    everything = np.sort(np.abs(values).ravel())
    one = limits(values, "figure", group)
    assert (one == one[0]).all()
    assert (everything <= one[0]).mean() == pytest.approx(0.995, abs=0.01)
    per = limits(values, "block", group)
    assert per[0] == limits(values[:3], "figure", group[:3])[0]
    assert per[5] == limits(values[3:], "figure", group[3:])[0]
    assert (limits(np.zeros((2, 3, 3)), "tile", group[:2]) == 1).all()
    with pytest.raises(ValueError, match="figure, block, tile"):
        limits(values, "row", group)


def test_what_is_not_a_number_is_hatched_and_nothing_else():
    kernels = np.zeros((2, 6, 6))
    kernels[1] = np.nan
    plain, bad = signed_tiles(kernels, np.ones(2)).astype(int)
    filters = np.zeros((2, 3, 6, 6))
    filters[1, 2] = np.nan
    grey, worse = rgb_tiles(filters, np.ones(2)).astype(int)
    assert (plain == 255).all()
    assert (grey == 128).all()
    for tile in (bad, worse):
        shades = {tuple(pixel) for pixel in tile.reshape(-1, 3).tolist()}
        assert len(shades) == 2
        assert all(len(set(shade)) == 1 for shade in shades)
        # Stripes: equal along one diagonal, both shades in every row and column.
        np.testing.assert_array_equal(tile[1:, :-1], tile[:-1, 1:])
        assert all(len(np.unique(line)) == 2 for line in (*tile[..., 0], *tile[..., 0].T))
