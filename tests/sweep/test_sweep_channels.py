"""Channels chosen by a sweep: rankings, slowly; what is refused; views that are given a sweep."""

from dataclasses import replace

import numpy as np
import pytest

from viz.core.refusal import Refusal
from viz.images.sets import open_images
from viz.sweep.opening import channels_of_sweep, open_sweep
from viz.views import Given, view
from viz.views.top_patches.measure import TopPatchesError


def test_rankings_against_sorted_lists(small, swept_file):
    found = open_sweep(swept_file, small)
    row = found.row(1, "depthwise")
    scores = {
        "variance": [float(v) for v in found.variance[row]],
        "selectivity": [
            float(found.selectivity[row, c] - found.selectivity_null[row, c]) for c in range(16)
        ],
        "peak": [
            float((found.top_value[row, c].max() - found.mean[row, c]) / found.variance[row, c]**.5)
            for c in range(16)
        ],
    }  # fmt: skip
    for by, score in scores.items():
        # A channel that no class drives comes last.
        slow = sorted(range(16), key=lambda c, s=score: np.inf if np.isnan(s[c]) else -s[c])
        assert channels_of_sweep(found, 5, by=by, block=1) == [(1, c) for c in slow[:5]]
        one_each = channels_of_sweep(found, 2, by=by)
        assert [b for b, _ in one_each] == [0, 2]
        assert one_each[1] == channels_of_sweep(found, 1, by=by, block=2)[0]
    assert channels_of_sweep(found, 2, stage="patch embedding")[0][0] == -1
    dead = replace(found, variance=np.where(np.arange(16) == 3, np.nan, found.variance))
    assert len(channels_of_sweep(dead, 99, block=1)) == 15


def test_a_sweep_that_does_not_suit_is_refused(small, swept_file):
    found = open_sweep(swept_file, small)
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    for name in ("top-patches", "selectivity"):
        with pytest.raises(Refusal, match="hashes differ"):
            view(name).measure(other, Given(sweep=swept_file))
    bare = replace(found, selectivity=np.zeros((0, 16)), top_value=np.zeros((0, 16, 0)))
    with pytest.raises(Refusal, match="knows no selectivity"):
        channels_of_sweep(bare, by="selectivity")
    with pytest.raises(Refusal, match="kept no top patches"):
        channels_of_sweep(bare, by="peak")
    with pytest.raises(ValueError, match="variance, selectivity, peak, not by 'size'"):
        channels_of_sweep(found, by="size")
    with pytest.raises(IndexError, match="blocks are 0 to 2"):
        channels_of_sweep(found, block=3)


def test_views_use_the_sweep_that_they_are_given(small, swept_file, pictures, monkeypatch):
    def images():
        return open_images(pictures, small.preprocessing)

    def never(*args, **kwargs):
        raise AssertionError("a pass of its own")

    made = view("selectivity").measure(small, Given(images=images))
    assert not made.class_names
    monkeypatch.setattr("viz.sweep.run.sweep_images", never)
    given = Given(images=images, sweep=swept_file)
    assert view("selectivity").measure(small, given) == open_sweep(swept_file, small)
    shown = view("top-patches").measure(small, given)
    wanted = channels_of_sweep(open_sweep(swept_file, small), 6)
    assert list(zip(shown.block, shown.channel, strict=True)) == wanted
    with pytest.raises(TopPatchesError, match="not among the images given"):
        view("top-patches").measure(small, Given(sweep=swept_file))


def test_feature_maps_by_a_sweep(small, swept_file, pictures):
    from viz.views.feature_maps.measure import feature_maps

    found = open_sweep(swept_file, small)
    images = open_images(pictures, small.preprocessing, limit=1)
    given = {"block": 1, "by": "peak", "by_depth": False, "patches": False}
    made = feature_maps(small, images, sweep=found, **given)
    wanted = [c for _, c in channels_of_sweep(found, 3, by="peak", block=1)]
    assert made.channel.tolist() == wanted
    assert made.chosen_by == "the most peaked on 14 images"
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    with pytest.raises(Refusal, match="hashes differ"):
        feature_maps(other, images, sweep=found, **given)
