"""Top patches: the crops lie where the channel is largest; what is not the sweep's is refused."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from photographs import noise
from PIL import Image

from viz.core.refusal import Refusal
from viz.images.reading import ImageError
from viz.images.sets import open_images
from viz.network.stages import stages
from viz.sweep.run import sweep_folder
from viz.sweep.tally import Settings
from viz.views.top_patches.measure import (
    BEYOND,
    TopPatchesError,
    _same_class,
    channels_by_name,
    channels_named,
    top_patches,
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("pictures"), *(f"{i}.png" for i in range(6)))


@pytest.fixture
def swept(small, pictures, tmp_path):
    settings = Settings(("top",), n_top=4, field_images=3)
    return sweep_folder(small, pictures, tmp_path / "a.npz", settings=settings)


def test_crops_lie_where_the_channel_is_largest(small, swept, pictures):
    found = top_patches(small, swept, pictures, [(1, 5), (0, 2)], shown=3)
    for i, (block, channel) in enumerate([(1, 5), (0, 2)]):
        best = []
        for k in range(6):
            batch = open_images(pictures / f"{k}.png", small.preprocessing).all()
            every = {(s.block, s.name): s.maps for s in stages(small.model, batch.inputs)}
            maps = every[block, "depthwise_activation"][0, channel].numpy()
            best.append((float(maps.max()), k, divmod(int(maps.argmax()), 8), maps))
        best.sort(key=lambda entry: -entry[0])
        np.testing.assert_allclose(found.maps[i], best[0][3], atol=1e-5)
        for j, (value, k, (row, column), _) in enumerate(best[:3]):
            assert found.value[i, j] == pytest.approx(value, abs=1e-5)
            assert found.image_names[found.image[i, j]] == f"{k}.png"
            assert (found.row[i, j], found.column[i, j]) == (row, column)
            pixels = np.array(Image.open(pictures / f"{k}.png"))
            side = int(found.side[i])
            assert side == np.clip(np.ceil(2 * swept.field_radius_px[block]), 4, 32)
            for y in range(0, side, 5):
                for x in range(0, side, 7):
                    at = np.floor(np.array([row, column]) * 4 + 2 - side / 2 + [y, x]).astype(int)
                    inside = (at >= 0).all() and (at < 32).all()
                    wanted = pixels[tuple(at)] if inside else [BEYOND] * 3
                    assert found.crop(i, j)[y, x].tolist() == list(wanted)
    np.testing.assert_array_equal(found.kernels[0], small.model.depthwise_kernels(1)[5].numpy())


def test_the_finding_is_how_rare_the_top_responses_are(small, swept, pictures):
    found = top_patches(small, swept, pictures, [(1, 5), (0, 2)], shown=3)
    batch = open_images(pictures, small.preprocessing).all()
    every = {(s.block, s.name): s.maps for s in stages(small.model, batch.inputs)}
    for i, (block, channel) in enumerate([(1, 5), (0, 2)]):
        maps = every[block, "depthwise_activation"][:, channel].double().numpy()
        assert found.peak[i] == pytest.approx((maps.max() - maps.mean()) / maps.std(), rel=1e-4)
    noise = np.random.default_rng(0).standard_normal((4000, 6 * 64))
    for stage, values in (("residual", noise), ("depthwise", noise.clip(0))):
        tops = (values.max(1) - values.mean()) / values.std()
        assert replace(found, stage=stage).normal_peak == pytest.approx(np.median(tops), abs=0.03)
    assert "class" not in found.sentence()
    # Of a, a, b two in three pairs differ; of six images in two halves six pairs in 15 agree.
    names = ("a/0.png", "a/1.png", "b/2.png")
    found = replace(found, image=np.array([[0, 1, 2], [1, 2, -1]]), image_names=names,
                    same_class=_same_class(np.array([3, 3])))  # fmt: skip
    assert "one class in 25 % of pairs, against 40 % of" in found.sentence()


def test_patches_of_patch_filters_are_the_patches_themselves(small, swept, pictures):
    found = top_patches(small, swept, pictures, [(-1, 3)], stage="patch embedding")
    assert found.crops.shape[2:] == (4, 4, 3)
    row, column = found.row[0, 0], found.column[0, 0]
    pixels = np.array(Image.open(pictures / found.image_names[found.image[0, 0]]))
    patch = pixels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
    np.testing.assert_array_equal(found.crop(0, 0), patch)


def test_without_a_field_the_theoretical_one_serves(small, swept, pictures):
    bare = replace(swept, field_radius_px=np.zeros(0))
    found = top_patches(small, bare, pictures, [(0, 1), (2, 1)])
    # A 5 x 5 kernel on patches of 4 pixels sees 20; two blocks more, beyond the image.
    assert found.side.tolist() == [20, 32]
    assert "theoretical" in found.side_from


def test_refusals(small, swept, pictures, tmp_path):
    with pytest.raises(TopPatchesError, match="no channel is given"):
        top_patches(small, swept, pictures, [])
    with pytest.raises(IndexError, match="blocks are 0 to 2"):
        top_patches(small, swept, pictures, [(3, 0)])
    with pytest.raises(IndexError, match="no channel 16"):
        top_patches(small, swept, pictures, [(0, 16)])
    other = replace(small, source=replace(small.source, sha256="1" * 64))
    with pytest.raises(Refusal, match="hashes differ"):
        top_patches(other, swept, pictures, [(0, 0)])
    copy = tmp_path / "copy"
    shutil.copytree(pictures, copy)
    for path in copy.iterdir():
        Image.new("RGB", (32, 32)).save(path)
    with pytest.raises(TopPatchesError, match=r"^\d\.png: not the image of that name"):
        top_patches(small, swept, copy, [(0, 0)])
    for path in copy.iterdir():
        path.unlink()
    with pytest.raises(ImageError, match=r"\d\.png: no such file"):
        top_patches(small, swept, copy, [(0, 0)])


def test_channels_of_a_name():
    described = SimpleNamespace(
        name=np.array(["edge", "bar", "edge", "edge", "edge", "unnamed"]),
        block=np.array([0, 0, 0, 1, 0, 1]),
        channel=np.array([3, 4, 5, 6, 7, 8]),
        r2=np.array([0.5, 0.9, 0.8, 0.6, 0.7, 0.99]),
    )
    assert channels_named(described, "edge", 3) == [(0, 5), (0, 7), (1, 6)]
    assert channels_named(described, "edge", 2) == [(0, 5), (1, 6)]
    assert channels_by_name(described) == ([(0, 5), (0, 4)], ["edge", "bar"])
    with pytest.raises(TopPatchesError, match="no kernel is named 'ring'; there are edge, bar"):
        channels_named(described, "ring")
    described.name[:] = "unnamed"
    with pytest.raises(TopPatchesError, match="none of any name"):
        channels_by_name(described)
