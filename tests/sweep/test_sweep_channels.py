"""Channels chosen by a sweep: rankings, slowly; what is refused; views that are given a sweep."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from photographs import noise

from viz.cli import main
from viz.images.sets import open_images
from viz.network.checkpoint import load
from viz.sweep.opening import OtherSweepError, channels_of_sweep, open_sweep
from viz.sweep.run import sweep_folder
from viz.sweep.tally import Settings
from viz.views import Given, view
from viz.views.top_patches.measure import TopPatchesError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    names = [f"{'ab'[i % 2]}/{i}.png" for i in range(8)]
    return noise(tmp_path_factory.mktemp("pictures"), *names)


@pytest.fixture(scope="module")
def path(small_file, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("swept") / "a.npz"
    sweep_folder(load(small_file), folder, path, settings=Settings(n_top=4, field_images=2))
    return path


def test_rankings_against_sorted_lists(small, path):
    found = open_sweep(path, small)
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
        slow = sorted(range(16), key=lambda c, s=score: -s[c])
        assert channels_of_sweep(found, 5, by=by, block=1) == [(1, c) for c in slow[:5]]
        one_each = channels_of_sweep(found, 2, by=by)
        assert [b for b, _ in one_each] == [0, 2]
        assert one_each[1] == channels_of_sweep(found, 1, by=by, block=2)[0]
    assert channels_of_sweep(found, 2, stage="patch embedding")[0][0] == -1
    dead = replace(found, variance=np.where(np.arange(16) == 3, np.nan, found.variance))
    assert len(channels_of_sweep(dead, 99, block=1)) == 15


def test_a_sweep_that_does_not_suit_is_refused(small, path):
    found = open_sweep(path, small)
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    with pytest.raises(OtherSweepError, match="hashes differ"):
        open_sweep(path, other)
    for name in ("top-patches", "selectivity"):
        with pytest.raises(OtherSweepError, match="hashes differ"):
            view(name).measure(other, Given(sweep=path))
    bare = replace(found, selectivity=np.zeros((0, 16)), top_value=np.zeros((0, 16, 0)))
    with pytest.raises(OtherSweepError, match="knows no selectivity"):
        channels_of_sweep(bare, by="selectivity")
    with pytest.raises(OtherSweepError, match="kept no top patches"):
        channels_of_sweep(bare, by="peak")
    with pytest.raises(ValueError, match="variance, selectivity, peak, not by 'size'"):
        channels_of_sweep(found, by="size")
    with pytest.raises(IndexError, match="blocks are 0 to 2"):
        channels_of_sweep(found, block=3)


def test_views_use_the_sweep_that_they_are_given(small, path, folder, monkeypatch):
    def images():
        return open_images(folder, small.preprocessing)

    def never(*args, **kwargs):
        raise AssertionError("a pass of its own")

    made = view("selectivity").measure(small, Given(images=images))
    assert not made.class_names
    monkeypatch.setattr("viz.sweep.run.sweep_images", never)
    given = Given(images=images, sweep=path)
    assert view("selectivity").measure(small, given) == open_sweep(path, small)
    shown = view("top-patches").measure(small, given)
    wanted = channels_of_sweep(open_sweep(path, small), 6)
    assert list(zip(shown.block, shown.channel, strict=True)) == wanted
    with pytest.raises(TopPatchesError, match="not among the images given"):
        view("top-patches").measure(small, Given(sweep=path))


@pytest.mark.parametrize("block", [0, 2])
def test_limits_of_a_sweep_against_all_its_values(small, folder, tmp_path, block):
    from viz.network.stages import stages
    from viz.views.feature_maps.result import MAPS
    from viz.views.feature_maps.sweep_limits import limits_of_sweep

    rng = np.random.default_rng(block)
    with torch.no_grad():
        for part in small.model.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.copy_(torch.from_numpy(rng.normal(size=16)))
                part.bias.copy_(torch.from_numpy(rng.normal(size=16)))
                part.running_mean.copy_(torch.from_numpy(rng.normal(size=16) / 5))
                part.running_var.copy_(torch.from_numpy(rng.uniform(0.05, 1, 16)))
    settings = Settings((), field_images=0)
    found = sweep_folder(small, folder, tmp_path / "b.npz", settings=settings)
    every = {}
    for batch in open_images(folder, small.preprocessing).batches(8):
        every = {(s.block, s.name): s.maps.numpy() for s in stages(small.model, batch.inputs)}
    limits = limits_of_sweep(small, found, block, [4, 9])
    for name, limit in zip(MAPS, limits, strict=True):
        key = (block, name)
        if name == "input":
            key = (None, "tokens") if block == 0 else (block - 1, "output")
        if name in ("depthwise", "pointwise"):
            assert np.isnan(limit)
            continue
        values = every[key][:, [4, 9]].transpose(1, 0, 2, 3).reshape(2, -1)
        reach = np.abs(values.mean(1)) + 3 * values.std(1)
        assert limit == pytest.approx(reach.max(), rel=1e-3), name


def test_feature_maps_by_a_sweep(small, small_file, path, folder, tmp_path):
    from viz.views.feature_maps.draw import map_limits
    from viz.views.feature_maps.measure import feature_maps

    found = open_sweep(path, small)
    images = open_images(folder, small.preprocessing, limit=1)
    made = feature_maps(small, images, block=1, sweep=found, by="peak", by_depth=False,
                        patches=False)  # fmt: skip
    wanted = [c for _, c in channels_of_sweep(found, 4, by="peak", block=1)]
    assert made.channel.tolist() == wanted
    assert made.chosen_by == "the most peaked on 8 images"
    bare = feature_maps(small, images, block=1, by_depth=False, patches=False)
    with pytest.raises(ValueError, match="measured without a sweep"):
        map_limits(bare, "sweep")
    limits = map_limits(made, "sweep")
    assert limits["residual"] == made.sweep_limits[4]
    assert limits["over"] == made.sweep_limits[3]
    assert limits["depthwise"] == map_limits(made, "stage")["depthwise"]
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    with pytest.raises(OtherSweepError, match="hashes differ"):
        feature_maps(other, images, sweep=found)
    words = ["feature-maps", small_file, folder, "--limit", 1, "--scale", "sweep", "-o",
             tmp_path / "a.svg"]  # fmt: skip
    done = CliRunner().invoke(main, [str(w) for w in words])
    assert done.exit_code == 2
    assert "measured without a sweep" in done.stderr
    done = CliRunner().invoke(main, [str(w) for w in [*words, "--sweep", path]])
    assert done.exit_code == 0, done.output
    figure = view("feature-maps").figures[0].make(made, scale="sweep")
    assert "the same for every image of a sweep" in figure.get_label()
