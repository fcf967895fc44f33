"""What the feature-map figures hold: data, places in pixels, one scale, words that do not meet."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from readable import unreadable

from viz.images.sets import open_images
from viz.plot.style import SIGNED, new_figure
from viz.views.feature_maps.draw import COLUMNS, draw_maps, map_limits, maps_figure
from viz.views.feature_maps.draw_depth import SIZES, draw_depth
from viz.views.feature_maps.draw_patches import answer_limit, draw_patches, patches_figure
from viz.views.feature_maps.measure import feature_maps


def depth_figure(result):
    return new_figure(*SIZES["depth"])


@pytest.fixture(scope="module")
def result(small_file):
    """Two images of 35 x 33 pixels, so that the patches leave some over; three channels."""
    import viz

    checkpoint = viz.load(small_file)
    inputs = torch.randn(3, 3, 35, 33, generator=torch.Generator().manual_seed(0))
    return feature_maps(
        checkpoint, open_images(inputs, checkpoint.preprocessing), block=1, channels=[5, 0, 9]
    )


def images_of(axes):
    return [image for image in axes.images if image.get_array() is not None]


def test_each_map_stands_on_its_pixels(result):
    made = draw_maps(result, maps_figure(result))
    tops = []
    for name in COLUMNS:
        if name in ("kernel", "over"):
            continue
        drawn = images_of(made[name])
        assert len(drawn) == 2 * 3
        for row, image in enumerate(drawn):
            np.testing.assert_array_equal(image.get_array(), result.of(name)[divmod(row, 3)])
            left, right, bottom, top = image.get_extent()
            # 8 x 8 tokens of 4 pixels; the last 3 and 1 pixels belong to no patch.
            assert (left, right) == (0, 32)
            assert bottom - top == pytest.approx(32)
            assert made[name].get_xlim() == (0, 33)
            tops.append(top)
    photographs = [image.get_extent() for image in images_of(made["image"])]
    assert [p[:2] for p in photographs] == [[0, 33], [0, 33]]
    assert [p[3] for p in photographs] == [tops[0], tops[3]]
    for row, image in enumerate(images_of(made["over"])):
        left, right, bottom, top = image.get_extent()
        assert top == pytest.approx(tops[row // 2])
        wanted = (33, 35) if row % 2 == 0 else (32, 32)
        assert (right - left, bottom - top) == pytest.approx(wanted)


@pytest.mark.parametrize("scale", ["figure", "stage"])
def test_one_scale_with_zero_in_the_middle_is_stated(result, scale):
    made = draw_maps(result, figure := maps_figure(result, scale), scale=scale)
    limits = map_limits(result, scale)
    for name in COLUMNS:
        if name == "over":
            continue
        for image in images_of(made[name]):
            assert image.get_clim() == pytest.approx((-limits[name], limits[name]))
            assert image.cmap(0.5) == to_rgba("white")
    maps = {limits[name] for name in COLUMNS if name != "kernel"}
    bars = [axes for axes in figure.axes if axes not in made.values()]
    if scale == "figure":
        names = {*COLUMNS, "depthwise_norm"} - {"kernel", "over"}
        values = np.concatenate([result.of(name).ravel() for name in names])
        assert list(maps) == pytest.approx([np.quantile(np.abs(values), 0.99)], rel=1e-5)
        assert len(bars) == 2
    else:
        assert len(bars) == 7
        residual = np.quantile(np.abs(result.of("residual")), 0.99)
        assert limits["residual"] == pytest.approx(residual, rel=1e-5)
    assert limits["kernel"] == np.abs(result.kernels).max()
    for bar in bars:
        words = [label.get_text() for label in bar.get_xticklabels()]
        assert words[1] == "0"
        assert words[0] == "−" + words[2]


def test_over_the_image_strength_is_opacity(result):
    made = draw_maps(result, maps_figure(result))
    limit = map_limits(result)["over"]
    for row in range(6):
        laid = images_of(made["over"])[2 * row + 1].get_array()
        values = result.of("depthwise_norm")[divmod(row, 3)]
        np.testing.assert_allclose(laid[..., 3], np.clip(np.abs(values) / limit, 0, 1), atol=1e-6)
        strongest = np.unravel_index(np.abs(values).argmax(), values.shape)
        assert tuple(laid[strongest][:3]) == pytest.approx(
            SIGNED(np.clip(values[strongest] / limit, -1, 1) / 2 + 0.5)[:3], abs=0.02
        )


def test_answers_stand_at_the_middle_of_their_windows(result):
    made = draw_patches(result, patches_figure(result))
    limit = answer_limit(result)
    assert limit == pytest.approx(np.quantile(np.abs(result.answers), 0.995), rel=1e-5)
    # Of four filters the first, the last, and one between.
    shown = (0, 2, 3)
    assert len(made["answers"]) == len(made["tokens"]) == 2 * len(shown)
    for i, (pixels, grid) in enumerate(zip(made["answers"], made["tokens"], strict=True)):
        row, image = shown[i // 2], i % 2
        (first,), (second,) = images_of(pixels), images_of(grid)
        np.testing.assert_array_equal(first.get_array(), result.answers[image, row])
        np.testing.assert_array_equal(second.get_array(), result.tokens[image, row])
        # 30 answers across from 33 pixels, 4 wide: the first window's middle is pixel 1.5.
        assert first.get_extent() == [1.5, 31.5, 33.5, 1.5]
        assert second.get_extent() == [0, 32, 32, 0]
        for axes in (pixels, grid):
            assert axes.get_xlim() == (0, 33)
            assert axes.get_ylim() == (35, 0)
            assert axes.images[0].get_clim() == pytest.approx((-limit, limit))


def test_curves_by_depth_hold_the_means(result):
    made = draw_depth(result, depth_figure(result))
    for name, axes in made.items():
        lines = {line.get_label(): line for line in axes.lines}
        for part, words in (("depthwise", "after the depthwise convolution"),
                            ("pointwise", "after the pointwise convolution")):  # fmt: skip
            rows = result.statistic_part == part
            line = lines[words]
            assert line.get_xdata().tolist() == [0, 1, 2]
            unit = 100 if name in ("off", "negative_mass") else 1
            mean = unit * getattr(result, name)[rows].mean(1)
            np.testing.assert_allclose(line.get_ydata(), mean)
    bound = [line for line in made["rank_centred"].lines if list(line.get_xdata()) == [0, 1]]
    assert bound[0].get_ydata()[0] == 16


@pytest.mark.parametrize("kind", ["one", "dead", "nan"])
def test_odd_results_can_be_drawn(result, kind):
    from dataclasses import replace

    changes = {
        "one": {
            "images": result.images[:1], "image_names": result.image_names[:1],
            "maps": result.maps[:, :1, :1], "channel": result.channel[:1],
            "name": result.name[:1], "kernels": result.kernels[:1],
            "answers": result.answers[:1, :1], "tokens": result.tokens[:1, :1],
            "filter": result.filter[:1], "filters": result.filters[:1],
        },
        "dead": {"maps": result.maps * 0, "kernels": result.kernels * 0,
                 "answers": result.answers * 0, "tokens": result.tokens * 0,
                 "kept_energy": result.kept_energy * np.nan,
                 "kept_peak": result.kept_peak * np.nan},
        "nan": {"maps": result.maps * np.nan, "kernels": result.kernels * np.nan,
                "answers": result.answers * np.nan, "tokens": result.tokens * np.nan,
                "rank_centred": result.rank_centred * np.nan, "off": result.off * np.nan},
    }[kind]  # fmt: skip
    odd = replace(result, **changes)
    for make, draw in (
        (maps_figure, draw_maps),
        (depth_figure, draw_depth),
        (patches_figure, draw_patches),
    ):
        figure = make(odd)
        draw(odd, figure)
        assert unreadable(figure) == []
