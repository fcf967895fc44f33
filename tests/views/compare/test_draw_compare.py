"""Figures of two networks side by side: what the artists hold, and that they can be read."""

from dataclasses import replace

import numpy as np
import pytest
from described import described
from hand_made import kernels_of
from readable import unfit_of
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


def told(checkpoint, seed):
    """A description with names drawn at random."""
    kernels, rng = kernels_of(checkpoint), np.random.default_rng(seed)
    block = np.repeat(np.arange(checkpoint.config.depth), checkpoint.config.dim)
    names = rng.choice(KERNEL_NAMES, len(kernels))
    init = np.array(["unnamed"] * 20 + ["edge"])
    return described(kernels, block, names, r2=rng.uniform(size=len(kernels)), init_names=init)


def pair(first=SMALL, second=SMALL, name=None):
    a, b = network(0, *first), network(1, *second)
    if name:
        a, b = (replace(c, source=replace(c.source, name=name)) for c in (a, b))
    return a, b, (told(a, 0), told(b, 1))


def changes():
    a = network(0, *SMALL)
    rng = np.random.default_rng(0)
    both = told(a, 0), told(a, 1)
    kernels = both[1].kernels + 0.05 * rng.standard_normal(both[1].kernels.shape)
    return kernel_change(a, a, (both[0], replace(both[1], kernels=kernels.astype(np.float32))))


def test_networks_of_other_depths_and_long_names_go_into_a_paper():
    a, b, told_of = pair(SHALLOW, DEEP, LONG)
    measured = compare_networks(a, b, told_of), match_patch_filters(a, b, draws=3)
    for row, found in zip(COMPARISONS[:2], measured, strict=True):
        assert unfit_of(row.figures, found, (LONG,)) == []


def test_bars_stand_where_their_blocks_are_and_sum_to_all_kernels():
    found = compare_networks(*pair(DEEP, SHALLOW))
    axes = compare.draw_networks(found, new_figure(*compare.SIZES["networks"], dpi=100))
    for one, shares, init in zip(axes, found.of("shares"), found.of("init_names"), strict=True):
        depth = len(shares)
        bars = np.array([[b.get_x(), b.get_width(), b.get_height()] for b in one.patches])
        places = np.unique(bars[:, 0].round(9))
        np.testing.assert_allclose(places[:-1], np.arange(depth) / depth, atol=1e-8)
        for place, expected in zip(places, [*shares, init], strict=True):
            here = bars[np.abs(bars[:, 0] - place) < 1e-8]
            if place < 1:
                np.testing.assert_allclose(here[:, 1], 1 / depth)
            tall = here[:, 2]
            assert tall[-1] == pytest.approx(100 * expected[-1])
            assert tall.sum() == pytest.approx(100)


@pytest.mark.parametrize("names", [("run-at-3.pth.tar", "run-at-100.pt"), ("a" * 30, "b" * 30),
                                   ("a", "a"), ("imagenet/a-name-epoch-001-ema.pt",
                                                "imagenet/a-name-epoch-300-ema.pt")])  # fmt: skip
def test_what_differs_in_two_names_is_shown(names):
    found = changes()
    source = replace(found.source, name=names[0])
    a, b = compare.labels(replace(found, source=source, other={"name": names[1], "sha256": "1"}))
    assert a[2:] != b[2:] and max(len(a), len(b)) <= 25 and not a.endswith("tar")


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


def test_the_table_of_names_holds_shares_and_counts_of_names_that_occur():
    found = changes()
    gone = replace(found, label_a=np.where(found.label_a < "f", "bar", found.label_a))
    table, shares = compare_kernels.draw_migration(gone, new_figure(6, 5, dpi=100))
    rows = [t.get_text() for t in table.get_yticklabels()]
    assert sum(int(t.rsplit("(", 1)[1].rstrip(")")) for t in rows) == 48
    assert not any("edge" in t or "(0)" in t for t in rows)
    np.testing.assert_array_equal(shares.lines[0].get_ydata(), 100 * gone.stayed)
    np.testing.assert_allclose(np.asarray(table.images[0].get_array()).sum(1), 1)
    names, after = ([name for name in KERNEL_NAMES if (label == name).any()]
                    for label in (gone.label_a, gone.label_b))  # fmt: skip
    for cell in table.texts:
        x, y = cell.get_position()
        both = (gone.label_a == names[y]) & (gone.label_b == after[x])
        assert int(cell.get_text()) == both.sum()
    assert 0 < len(table.texts) <= 30 - len(rows)


def test_of_many_blocks_the_kernels_of_some_are_shown(monkeypatch):
    monkeypatch.setattr(compare_kernels, "_BLOCKS", 2)
    found = changes()
    mosaic = compare_kernels.moved_mosaic(found)
    assert [title.partition(":")[0] for title in mosaic.titles] == ["block 0", "block 2"]
    assert mosaic.note.endswith("; 2 of 3 blocks")
    change = found.relative_change[found.moved[24:]]
    assert f"{change.min():.2f} to {change.max():.2f}" in mosaic.titles[1]


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
