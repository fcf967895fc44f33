"""Sweeps against slow loops over whole images; what lies in the folder, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import viz
from viz.core.refusal import Refusal
from viz.core.result import ResultFileError
from viz.images.reading import ImageError
from viz.images.sets import open_images
from viz.network.stages import stages
from viz.sweep.plan import listed
from viz.sweep.result import Sweep
from viz.sweep.run import SweepError, shards_folder, sweep_folder, sweep_images
from viz.sweep.tally import Settings, Tally


@pytest.fixture(scope="module")
def whole(small_file, pictures):
    """Every map of every readable image, kept: stage name and block to (n, dim, h, w)."""
    small = viz.load(small_file)
    names = [n for n in listed(pictures).names if "broken" not in n and "empty" not in n]
    images = open_images([pictures / n for n in names], small.preprocessing)
    batch = images.all()
    kept = {(s.block, s.name): s.maps.double().numpy() for s in stages(small.model, batch.inputs)}
    return names, kept


ROWS = {"patch embedding": "patches_activation", "depthwise": "depthwise_activation",
        "residual": "residual", "pointwise": "pointwise_activation"}  # fmt: skip


def maps_of(whole, block, stage):
    return whole[1][None if block < 0 else int(block), ROWS[str(stage)]]


def test_moments_and_sparsity_of_the_whole_set(swept, whole):
    assert swept.n_images == 14
    assert swept.grid == (8, 8)
    assert swept.image_size == (32, 32)
    assert len(swept.block) == 10
    assert (swept.class_names, swept.class_count.tolist()) == (("ant", "bee", "wasp"), [5, 5, 4])
    for r, (block, stage) in enumerate(zip(swept.block, swept.stage, strict=True)):
        maps = maps_of(whole, block, stage)
        np.testing.assert_allclose(swept.mean[r], maps.mean((0, 2, 3)), atol=1e-5)
        np.testing.assert_allclose(swept.variance[r], maps.var((0, 2, 3)), rtol=1e-4, atol=1e-8)
        if stage == "residual":
            assert np.isnan(swept.sparsity[r]).all() and np.isnan(swept.selectivity[r]).all()
        else:
            np.testing.assert_allclose(swept.sparsity[r], (maps <= 0).mean((0, 2, 3)), atol=2e-3)


def test_top_patches_of_the_whole_set(swept, whole):
    names, _ = whole
    for r, (block, stage) in enumerate(zip(swept.block, swept.stage, strict=True)):
        flat = maps_of(whole, block, stage).reshape(14, 16, -1)
        for channel in range(16):
            best = flat[:, channel].max(1)
            order = np.argsort(-best, kind="stable")[:3]
            np.testing.assert_allclose(swept.top_value[r, channel], best[order], rtol=1e-4,
                                       atol=1e-6)  # fmt: skip
            if np.diff(np.sort(best)[-4:]).min() > 1e-4:
                found = [swept.image_names[i] for i in swept.top_image[r, channel]]
                assert found == [names[i] for i in order]
                wanted = flat[order, channel].argmax(1)
                assert swept.top_position[r, channel].tolist() == wanted.tolist()


def test_the_file_opens_and_is_a_table(swept, tmp_path):
    found = viz.load_result(tmp_path / "a.npz")
    assert found == swept == Sweep.load(tmp_path / "a.npz")
    frame = found.to_frame()
    assert len(frame) == 10 * 16
    row = frame[(frame.block == 2) & (frame.stage == "depthwise") & (frame.channel == 7)].iloc[0]
    r = swept.row(2, "depthwise")
    assert row["mean"] == swept.mean[r, 7]
    assert row["top_value"] == swept.top_value[r, 7, 0]
    assert row["top_image"] == swept.image_names[swept.top_image[r, 7, 0]]
    assert row["top_row"] * 8 + row["top_column"] == swept.top_position[r, 7, 0]
    json.dumps(found.summary(), allow_nan=False)
    with pytest.raises(IndexError, match="blocks are 0 to 2"):
        found.row(3, "depthwise")
    (tmp_path / "other.npz").write_bytes(b"nothing")
    with pytest.raises(ResultFileError, match=r"other\.npz: not a saved viz result"):
        viz.load_result(tmp_path / "other.npz")


def test_images_in_memory_give_the_same(swept, small, pictures, few):
    found = sweep_images(small, open_images(pictures, small.preprocessing), settings=few)
    np.testing.assert_allclose(found.mean, swept.mean, atol=1e-5)
    np.testing.assert_array_equal(found.top_position, swept.top_position)
    assert found.class_names == ()
    assert found.n_skipped == 2


def test_the_effective_field_is_measured_on_images_of_the_folder(small, pictures, tmp_path):
    from viz.views.receptive_field.measure import receptive_field

    settings = Settings(parts=("top",), n_top=1, field_images=4)
    found = sweep_folder(small, pictures, tmp_path / "b.npz", settings=settings)
    assert found.field_images == 4
    assert len(found.sparsity) == len(found.selectivity) == 0
    good = [n for n in listed(pictures).names if "broken" not in n and "empty" not in n]
    some = [pictures / good[i] for i in np.linspace(0, 13, 4).round().astype(int)]
    slow = receptive_field(small, some, random=False)
    np.testing.assert_allclose(found.field_radius_px, slow.radius_px[:, 1])
    np.testing.assert_allclose(found.field_interval_px, slow.radius_interval_px[:, 1])


def test_refusals(small, pictures, few, tmp_path):
    (tmp_path / "b.npz").touch()
    with pytest.raises(Refusal, match="--force"):
        sweep_folder(small, pictures, tmp_path / "b.npz", settings=few)
    shards_folder(tmp_path / "c.npz").mkdir()
    (shards_folder(tmp_path / "c.npz") / "mine").touch()
    with pytest.raises(SweepError, match="not of a sweep"):
        sweep_folder(small, pictures, tmp_path / "c.npz", settings=few, force=True)
    only = tmp_path / "only"
    only.mkdir()
    (only / "a.jpg").write_bytes(b"no")
    with pytest.raises(ImageError, match="none of 1 images can be read"):
        sweep_folder(small, only, tmp_path / "d.npz", settings=few)


@pytest.mark.parametrize("wrong", ["an image", "the weights"])
def test_values_that_are_not_finite_are_refused(small, wrong):
    inputs = torch.rand(3, 3, 24, 24)
    if wrong == "an image":
        inputs[1, 0, 5, 5] = float("inf")
        said = "^two: patch embedding gives values that"
    else:
        small.model.blocks[1].depthwise.bias.data[3] = float("nan")
        said = "^one: depthwise of block 1 gives values that"
    tally = Tally(small.config, Settings(), classes=True)
    with pytest.raises(SweepError, match=said):
        tally.update(small.model, inputs, [0, 1, 2], ["one", "two", "three"], [0, 1, 0])


def test_a_folder_without_classes_and_one_image(small, pictures, few, tmp_path):
    one = sorted(Path(pictures / "ant").glob("*.png"))[0]
    found = sweep_folder(small, one, tmp_path / "b.npz", settings=few)
    assert found.n_images == 1
    assert (found.top_image[..., 1:] == -1).all()
    assert np.isnan(found.top_value[..., 1:]).all()
    assert found.class_names == ()
    assert len(found.selectivity) == 0


def test_vanished_and_odd_files_are_named(small, pictures, few, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(pictures, folder)
    (folder / "bee" / "zz-folder.png").mkdir()
    vanishing = folder / "wasp" / "11.png"

    found = sweep_folder(
        small, folder, tmp_path / "b.npz", settings=few, shard_size=3,
        progress=lambda *at: vanishing.unlink(missing_ok=True),
    )  # fmt: skip
    assert set(found.skipped) == {"ant/broken.jpg", "bee/empty.png", "wasp/11.png"}
    assert "11.png" in found.skipped["wasp/11.png"]
    assert found.n_images == 13
    assert found.class_count.tolist() == [5, 5, 3]


def test_an_image_outside_of_all_class_folders_means_that_there_are_none(tmp_path):
    for name in ("one/a.png", "two/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert listed(tmp_path).class_names == ("one", "two")
    (tmp_path / "c.png").touch()
    assert listed(tmp_path).class_names == listed(tmp_path).classes == ()
