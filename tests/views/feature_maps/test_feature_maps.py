"""Feature maps of a block: which channels, which images, the numbers by depth, and no traces."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from viz.images.sets import open_images
from viz.network.stages import stages
from viz.views.feature_maps.measure import feature_maps
from viz.views.feature_maps.result import MAPS, STATISTICS
from viz.views.feature_maps.statistics import effective_rank, off_share


@pytest.fixture
def inputs():
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def opened(small, inputs):
    return open_images(inputs, small.preprocessing)


def by_stage(small, inputs):
    return {(s.block, s.name): s.maps for s in stages(small.model, inputs)}


@pytest.mark.parametrize("block", [0, 2])
def test_the_maps_are_the_networks(small, inputs, block):
    result = feature_maps(small, opened(small, inputs), block=block, channels=[7, 3], shown=3)
    wanted = by_stage(small, inputs[:3])
    wanted[block, "input"] = wanted[(None, "tokens") if block == 0 else (block - 1, "output")]
    for name in MAPS:
        np.testing.assert_allclose(
            result.of(name), wanted[block, name][:, [7, 3]].numpy(), rtol=1e-4, atol=1e-5
        )
    kernels = small.model.depthwise_kernels(block)[[7, 3]].numpy()
    np.testing.assert_array_equal(result.kernels, kernels)
    assert result.chosen_by == "given"
    assert result.image_names == ("input 0", "input 1", "input 2")
    assert set(result.source.images) == {f"input {i}" for i in range(5)}


def test_the_most_active_are_those_that_add_most_variation(small, inputs):
    result = feature_maps(
        small, opened(small, inputs), block=1, most_active=5, shown=2, filters=[5, 0]
    )
    np.testing.assert_array_equal(result.filters, small.model.patch_filters[[5, 0]].numpy())
    added = by_stage(small, inputs[:2])[1, "depthwise_norm"].double().numpy()
    activity = np.mean([[one[c].std() for c in range(16)] for one in added], axis=0)
    np.testing.assert_allclose(result.activity, activity, rtol=1e-4)
    assert result.channel.tolist() == np.argsort(-activity)[:5].tolist()


def test_channels_of_one_name(small, inputs, monkeypatch):
    names = np.full(16, "blob+")
    names[[3, 8, 11]] = "edge"
    asked = []

    def describe(checkpoint, *, blocks, n_init, seed):
        asked.append(blocks)
        return SimpleNamespace(name=names)

    monkeypatch.setattr("viz.views.kernels.measure.describe_checkpoint", describe)
    images, given = opened(small, inputs), {"block": 1, "by_depth": False}
    feature_maps(small, images, **given)
    assert not asked
    result = feature_maps(small, images, name="edge", most_active=2, **given)
    assert asked == [[1]]
    assert result.channel.tolist() == sorted([3, 8, 11], key=lambda c: -result.activity[c])[:2]
    assert result.name.tolist() == ["edge", "edge"]
    assert result.chosen_by == "the most active of 3 named edge"
    with pytest.raises(ValueError, match="no kernel of block 1 is named bar; there are blob"):
        feature_maps(small, images, name="bar", **given)


def test_numbers_by_depth_are_those_of_the_activations(small, inputs):
    result = feature_maps(small, opened(small, inputs), batch_size=2)
    maps = by_stage(small, inputs)
    assert result.statistic_block.tolist() == [-1, 0, 0, 1, 1, 2, 2]
    for r, (block, part) in enumerate(
        zip(result.statistic_block, result.statistic_part, strict=True)
    ):
        where = None if block == -1 else int(block)
        name = "patches" if block == -1 else str(part)
        before, after = maps[where, name], maps[where, f"{name}_activation"]
        np.testing.assert_allclose(result.off[r], off_share(before).numpy())
        np.testing.assert_allclose(result.rank[r], effective_rank(after).numpy(), rtol=1e-3)
    # 64 positions would allow more, 16 channels do not.
    assert result.rank_bound == 16
    frame = result.to_frame()
    assert len(frame) == 7 * 5
    row = frame[(frame.block == 1) & (frame.part == "pointwise") & (frame.image == "input 3")]
    assert row["rank"].item() == result.rank[4, 3]
    mean = result.summary()["depth"][4]
    assert mean["off"] == pytest.approx(result.off[4].mean())


def test_a_rank_is_below_the_number_of_positions(small):
    """Of 16 channels on 3 x 3 positions: 8 directions about the mean."""
    result = feature_maps(small, opened(small, torch.rand(1, 3, 12, 12)))
    assert result.rank_bound == 8
    assert (result.rank <= 8).all()


def test_batches_change_nothing(small, inputs):
    one = feature_maps(small, opened(small, inputs), shown=3, batch_size=1)
    all_ = feature_maps(small, opened(small, inputs), shown=3, batch_size=5)
    assert one.channel.tolist() == all_.channel.tolist()
    for name in ("maps", "activity", "answers", "kept_energy", *STATISTICS):
        np.testing.assert_allclose(
            getattr(one, name), getattr(all_, name), rtol=1e-3, atol=1e-5, err_msg=name
        )
    np.testing.assert_array_equal(one.images, all_.images)


def test_grey_networks_and_single_patches(rng, tmp_path):
    import viz
    from viz.network.convmixer import ConvMixer

    torch.manual_seed(0)
    checkpoint = viz.load(ConvMixer(8, 1, 3, 4, 2, in_channels=1, activation="identity"))
    Image.fromarray(rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)).save(tmp_path / "a.png")
    from viz.images.reading import told

    pre = told(checkpoint.preprocessing, 1, image_size=4)
    result = feature_maps(checkpoint, open_images(tmp_path, pre, 1))
    assert result.maps.shape == (8, 1, 3, 1, 1)
    assert (result.rank == 0).all()
    assert result.answers.shape[2:] == (1, 1)
    # An identity switches nothing off.
    assert np.isnan(result.kept_energy).all() and np.isnan(result.off).all()
    told = result.summary()
    assert told["patch_grid"]["kept_energy_median"] is told["depth"][0]["off"] is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"channels": []}, "no channel was given"), ({"most_active": 0}, "from 1"),
     ({"shown": 0}, "from 1")],
)  # fmt: skip
def test_what_cannot_be_shown_is_said_before_any_work(small, inputs, wrong, sentence):
    images = opened(small, inputs)
    images.batches = None
    with pytest.raises(ValueError, match=sentence):
        feature_maps(small, images, **wrong)
