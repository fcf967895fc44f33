"""What the figures of a sweep hold."""

import numpy as np
import pytest
from readable import unreadable

from viz.core.network import Source
from viz.sweep.result import Sweep, sweep_rows
from viz.views.selectivity.draw import draw_selectivity, selectivity_figure
from viz.views.top_patches.draw import draw_top_patches, top_patches_figure
from viz.views.top_patches.result import TopPatches


def made_sweep(depth, dim=6):
    rng = np.random.default_rng(0)
    block, stage = sweep_rows(depth)
    shape = (len(block), dim)
    values = rng.random(shape)
    values[stage == "residual"] = np.nan
    none = np.zeros(0)
    return Sweep(
        source=Source("a-very-long-name-of-a-checkpoint" * 4, "0" * 64), block=block, stage=stage,
        n_images=30, image_size=(32, 32), grid=(8, 8), patch_size=4, kernel_size=5,
        mean=rng.random(shape), variance=rng.random(shape), sparsity=values, top_value=none,
        top_image=none, top_position=none, image_names=(),
        class_names=("a", "b"), class_count=np.array([15, 15]),
        selectivity=values / 2, selectivity_null=values / 4,
        selected_class=none, field_images=0,
        field_radius_px=none, field_interval_px=none,
    )  # fmt: skip


def test_medians_and_quartiles_stand_where_they_should():
    result = made_sweep(20)
    figure = selectivity_figure(result)
    axes = draw_selectivity(result, figure)
    for name in ("sparsity", "selectivity"):
        lines = {line.get_label(): line for line in axes[name].get_lines()}
        middle = lines["depthwise"].get_ydata()
        values = 100 * getattr(result, name)[result.stage == "depthwise"]
        np.testing.assert_allclose(middle, np.median(values, 1))
        bars = axes[name].collections[1].get_segments()
        np.testing.assert_allclose([b[0, 1] for b in bars], np.quantile(values, 0.25, axis=1))
        np.testing.assert_allclose([b[1, 1] for b in bars], np.quantile(values, 0.75, axis=1))
    null = {line.get_label(): line for line in axes["selectivity"].get_lines()}[
        "null, depthwise (median)"
    ]
    wanted = np.median(result.selectivity_null[result.stage == "depthwise"], 1)
    np.testing.assert_allclose(null.get_ydata(), 100 * wanted)
    assert unreadable(figure) == []


def made_patches(m=3, n=9, stage="depthwise", side=15):
    rng = np.random.default_rng(0)
    block = np.arange(m) if stage != "patch embedding" else np.full(m, -1)
    kernels = {"patch embedding": (m, 3, 4, 4), "pointwise": (m, 0, 0)}.get(stage, (m, 5, 5))
    image = np.tile(np.arange(n), (m, 1))
    image[0, n - 1 :] = -1
    return TopPatches(
        source=Source("net", "0" * 64), stage=stage, block=block, channel=np.arange(m) + 100,
        name=np.array(["on-centre", *[""] * (m - 1)]), chosen_by="given",
        kernels=rng.standard_normal(kernels).astype(np.float32),
        value=rng.random((m, n)).astype(np.float32) * 1000, image=image,
        image_names=tuple(f"{i}.png" for i in range(n)), row=np.full((m, n), 2),
        column=np.full((m, n), 7), side=np.full(m, side), side_from="something",
        crops=rng.integers(0, 255, (m, n, side + 3, side + 3, 3), dtype=np.uint8),
        strongest=rng.integers(0, 255, (m, 32, 32, 3), dtype=np.uint8),
        maps=rng.standard_normal((m, 8, 8)).astype(np.float32), patch_size=4, n_images=100,
        peak=np.arange(m) + 2.5, same_class=float("nan"),
    )  # fmt: skip


@pytest.mark.parametrize("stage", ["depthwise", "patch embedding", "pointwise"])
def test_rows_hold_kernel_image_map_and_crops(stage):
    result = made_patches(stage=stage)
    figure = top_patches_figure(result)
    rows = draw_top_patches(result, figure)
    assert len(rows) == 3
    for i, row in enumerate(rows):
        assert ("kernel" in row) == (stage != "pointwise")
        if stage == "depthwise":
            shown = row["kernel"].images[0]
            np.testing.assert_array_equal(shown.get_array(), result.kernels[i])
            assert shown.norm.vmin == -shown.norm.vmax
        drawn = row["map"].images[0]
        np.testing.assert_array_equal(drawn.get_array(), result.maps[i])
        assert drawn.norm.vmax == pytest.approx(np.abs(result.maps[i]).max())
        crops = row["patches"].images
        assert len(crops) == (8 if i == 0 else 9)
        np.testing.assert_array_equal(crops[4].get_array(), result.crop(i, 4))
        frame = row["image"].patches[-1]
        assert frame.get_x() + frame.get_width() / 2 == 4 * 7.5
        assert frame.get_y() + frame.get_height() / 2 == 4 * 2.5
    assert unreadable(figure) == []
