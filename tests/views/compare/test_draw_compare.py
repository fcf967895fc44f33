"""Figures of two networks side by side: what the artists hold, and that they can be read."""

from dataclasses import replace

import numpy as np
import pytest
from described import described
from readable import unfit_of, unreadable
from two_networks import network

from viz.plot.mosaic import limits, rgb_tiles, signed_tiles
from viz.plot.style import new_figure
from viz.views import COMPARISONS
from viz.views.compare import draw as compare
from viz.views.compare.measure import compare_networks
from viz.views.compare_kernels import draw as compare_kernels
from viz.views.compare_kernels.measure import kernel_change
from viz.views.compare_patch_filters import draw as compare_filters
from viz.views.compare_patch_filters.measure import match_patch_filters
from viz.views.kernels.result import KERNEL_NAMES

LONG = "a_checkpoint_with_a_very_long_name_$of_convmixer_1536_20_漢.pth.tar"
SMALL, DEEP, SHALLOW = (16, 3, 5, 4, 4), (4, 20, 3, 2, 4), (16, 2, 9, 7, 1000)


def told(checkpoint, seed, labels=KERNEL_NAMES):
    """A checkpoint and a description made by hand."""
    config = checkpoint.config
    rng = np.random.default_rng(seed)
    n = config.dim * config.depth
    kernels = np.concatenate(
        [checkpoint.model.depthwise_kernels(b).detach().numpy() for b in range(config.depth)]
    )
    return described(
        kernels, np.repeat(np.arange(config.depth), config.dim),
        np.array(labels)[rng.integers(0, len(labels), n)], r2=rng.uniform(size=n),
        init_names=np.array(["unnamed"] * 20 + ["edge"]),
    )  # fmt: skip


def pair(first=SMALL, second=SMALL, name=None, labels=KERNEL_NAMES):
    a, b = network(0, *first), network(1, *second)
    if name:
        a, b = (replace(c, source=replace(c.source, name=name)) for c in (a, b))
    return a, b, (told(a, 0, labels), told(b, 1, labels))


def networks(*shapes, **options):
    return compare_networks(*pair(*shapes, **options))


def changes(shape=SMALL, name=None, labels=KERNEL_NAMES):
    a, _, _ = pair(shape, shape, name)
    rng = np.random.default_rng(0)
    both = told(a, 0, labels), told(a, 1, labels)
    kernels = both[1].kernels + 0.05 * rng.standard_normal(both[1].kernels.shape)
    return kernel_change(a, a, (both[0], replace(both[1], kernels=kernels.astype(np.float32))))


@pytest.fixture(scope="module")
def result():
    return networks()


def faults(row, found):
    """What cannot be read, at few pixels: text is as large in any number of them."""
    figure = row.make(found)
    figure.set_dpi(72)
    return unreadable(figure, slack=0.8)


def drawn(module, name, result):
    figure = new_figure(*module.SIZES[name], dpi=100)
    return figure, getattr(module, f"draw_{name}")(result, figure)


@pytest.mark.parametrize(("shapes", "name"), [((), LONG), ((SHALLOW, DEEP), LONG)])
def test_networks_can_be_read(shapes, name):
    found = networks(*shapes, name=name)
    for row in COMPARISONS[0].figures:
        assert faults(row, found) == [], row.name
    assert unfit_of(COMPARISONS[0].figures, found, (LONG,)) == []


@pytest.mark.parametrize(("shapes", "name"), [((), LONG), ((DEEP, SHALLOW), None)])
def test_matches_can_be_read(shapes, name):
    found = match_patch_filters(*pair(*shapes, name=name)[:2], draws=3)
    for row in COMPARISONS[1].figures:
        assert faults(row, found) == [], row.name


@pytest.mark.parametrize(
    ("shape", "name", "labels"), [(DEEP, LONG, KERNEL_NAMES), (SMALL, None, ["bar"])]
)  # fmt: skip
def test_changes_can_be_read(shape, name, labels):
    found = changes(shape, name, labels)
    for row in COMPARISONS[2].figures:
        assert faults(row, found) == [], row.name


def test_bars_stand_where_their_blocks_are_and_sum_to_all_kernels():
    found = networks(DEEP, SHALLOW)
    _, axes = drawn(compare, "networks", found)
    for one, shares, init in zip(
        axes,
        (found.shares_a, found.shares_b),
        (found.init_names_a, found.init_names_b),
        strict=True,
    ):
        depth = len(shares)
        bars = np.array([[b.get_x(), b.get_width(), b.get_height()] for b in one.patches])
        places = np.unique(bars[:, 0].round(9))
        np.testing.assert_allclose(places[:-1], np.arange(depth) / depth, atol=1e-8)
        for place, expected in zip(places, [*shares, init], strict=True):
            here = bars[np.abs(bars[:, 0] - place) < 1e-8]
            if place < 1:
                np.testing.assert_allclose(here[:, 1], 1 / depth)
            tall = np.sort(here[:, 2])
            np.testing.assert_allclose(tall, 100 * np.sort(expected)[-len(tall) :], atol=1e-9)
            assert tall.sum() == pytest.approx(100)


def test_the_caption_says_which_is_which_and_what_differs():
    found = networks(SMALL, SHALLOW)
    figure, _ = drawn(compare, "networks", found)
    note = figure.get_label()
    assert note.startswith(f"A: {found.names[0]}; B: {found.names[1]}. They differ in ")
    first = {name: values for name, *values in found.facts}
    for name in found.differing:
        a, b = first[name]
        assert f"{name} ({a} and {b})" in note


def test_effects_hold_deltas_and_intervals(result):
    _, axes = drawn(compare, "effects", result)
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xdata(), result.delta)
    ends = np.array([segment[:, 0] for segment in axes.collections[0].get_segments()])
    np.testing.assert_array_equal(ends, result.delta_interval)
    strokes = next(line for line in axes.lines if line.get_marker() == "|")
    assert sorted(strokes.get_xdata()) == sorted(result.delta_by_block.ravel())


def test_pairs_stand_above_each_other():
    found = match_patch_filters(*pair()[:2], draws=2)
    mosaic = compare_filters.pairs(found)
    zero = np.zeros(16, int)
    above = rgb_tiles(found.filters_a, limits(found.filters_a, "tile", zero))
    below = rgb_tiles(found.filters_b, limits(found.filters_b, "tile", zero))
    for i, (a, b) in enumerate(zip(found.channel_a, found.channel_b, strict=True)):
        x, y = mosaic.layout.x[i], mosaic.layout.y[i]
        np.testing.assert_array_equal(mosaic.picture[y : y + 4, x : x + 4], above[a])
        np.testing.assert_array_equal(mosaic.picture[y + 5 : y + 9, x : x + 4], below[b])


def test_the_table_of_names_holds_the_shares_of_every_row():
    found = changes()
    figure = new_figure(6, 5, dpi=100)
    table, shares = compare_kernels.draw_migration(found, figure)
    rows = [t.get_text() for t in table.get_yticklabels()]
    assert sum(int(t.rsplit("(", 1)[1].rstrip(")").replace(",", "")) for t in rows) == 48
    np.testing.assert_array_equal(shares.lines[0].get_ydata(), 100 * found.stayed)
    picture = table.images[0]
    assert picture.get_clim() == (0, 1)
    total = np.asarray(picture.get_array()).sum(1)
    assert ((np.abs(total - 1) < 1e-9) | (total == 0)).all()


def test_moved_kernels_share_a_scale_with_themselves_before():
    found = changes()
    mosaic = compare_kernels.moved_mosaic(found)
    both = np.concatenate([found.kernels_a, found.kernels_b], axis=1)
    limit = np.abs(both).max((1, 2))
    for i in (0, 13, 35):
        x, y = mosaic.layout.x[i], mosaic.layout.y[i]
        before, after = (signed_tiles(k[i : i + 1], limit[i : i + 1])[0]
                         for k in (found.kernels_a, found.kernels_b))  # fmt: skip
        np.testing.assert_array_equal(mosaic.picture[y : y + 5, x : x + 5], before)
        np.testing.assert_array_equal(mosaic.picture[y + 6 : y + 11, x : x + 5], after)
