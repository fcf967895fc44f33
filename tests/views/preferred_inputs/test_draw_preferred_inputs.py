"""What the figures of preferred inputs hold."""

import numpy as np
import pytest
from readable import unreadable

from viz.core.network import Source
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.preferred_inputs.draw import (
    draw_examples,
    draw_shares,
    examples_figure,
    shares_figure,
)
from viz.views.preferred_inputs.result import PreferredInputs


def made(depth, names, k=7, n=9):
    rng = np.random.default_rng(0)
    m = 6 * len(names)
    kernels, forms, preferred = rng.standard_normal((3, m, k, k)).astype(np.float32)
    patches = rng.standard_normal((len(names), n, k, k)).astype(np.float32) * 100
    patches[0, 2:] = np.nan
    block = np.arange(m) % depth
    return PreferredInputs(
        source=Source("net", "0" * 64), block=block, channel=np.arange(m) + 1000,
        name=np.repeat(names, 6), kernels=kernels, forms=forms, preferred=preferred,
        patches=np.full(m, n), agreement=rng.random((3, m)), match=rng.random((3, m)),
        lift_name=np.where(block == depth - 1, np.nan, rng.random(m)), lift_mean=rng.random(m),
        example=np.arange(len(names)) * 6, example_patches=patches, n_images=1_000_000,
        depth=depth,
    )  # fmt: skip


@pytest.mark.parametrize(("depth", "names"), [(1, ["edge"]), (32, KERNEL_NAMES[:-1])])
def test_shares_and_lifts_stand_where_they_should(depth, names):
    result = made(depth, names)
    figure = shares_figure(result)
    axes = draw_shares(result, figure)
    for w, line in enumerate(axes["names"].get_lines()):
        own = [result.agreement[w, result.name == name].mean() for name in names]
        np.testing.assert_allclose(line.get_xdata(), own)
        np.testing.assert_array_equal(np.round(line.get_ydata()), np.arange(len(names)))
    bars, chance = (c.get_segments() for c in axes["names"].collections)
    np.testing.assert_allclose([s[:, 0] for s in bars], result.share_interval)
    np.testing.assert_array_equal([s[0, 0] for s in chance], result.chance)
    assert axes["names"].get_yticklabels()[0].get_text() == f"{names[0]} (6)"
    shown = {line.get_label(): line.get_ydata() for line in axes["blocks"].get_lines()}
    oriented = np.isin(result.name, ("edge", "bar", "grating")) & (result.block == 0)
    for label, some in (("orientation", oriented), ("contrast", ~oriented)):
        some = some & (result.block == 0)
        wanted = result.agreement[0, some].mean() if some.any() else np.nan
        assert shown[label][0] == pytest.approx(wanted, nan_ok=True)
    middle = {line.get_label(): line.get_ydata() for line in axes["lift"].get_lines()}
    for b in np.unique(result.block):
        wanted = np.median(result.lift_mean[result.block == b])
        assert middle["mean of the taps"][b] == pytest.approx(wanted)
    assert np.isnan(middle["best single shape"][-1])
    assert unreadable(figure) == []


@pytest.mark.parametrize(("names", "k", "n"), [(["bar"], 3, 1), (KERNEL_NAMES[:-1], 9, 9)])
def test_examples_are_kernel_shape_mean_and_patches(names, k, n):
    result = made(3, names, k, n)
    figure = examples_figure(result)
    rows = draw_examples(result, figure)
    assert len(rows) == len(names)
    for row, axes in enumerate(rows):
        i = result.example[row]
        tiles = [image.get_array() for image in axes.images]
        assert len(tiles) == 3 + (min(n, 6) if row else min(n, 2))
        for tile, own in zip(tiles, (result.kernels, result.forms, result.preferred), strict=False):
            np.testing.assert_array_equal(tile, own[i])
        np.testing.assert_array_equal(tiles[-1], result.example_patches[row, len(tiles) - 4])
        limits = [image.norm.vmax for image in axes.images]
        assert all(image.norm.vmin == -image.norm.vmax for image in axes.images)
        kernel = np.abs([result.kernels[i], result.forms[i]]).max()
        assert limits[:2] == pytest.approx([kernel] * 2)
        assert len(set(limits[2:])) == 1
    assert unreadable(figure) == []
