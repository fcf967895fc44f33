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


def made(depth, names, k=7, n=9, name="net"):
    rng = np.random.default_rng(0)
    m = 4 * len(names)
    share = rng.random((3, len(names)))
    lift = np.sort(rng.random((2, 3, depth)), axis=1)
    lift[:, :, -1] = np.nan
    patches = rng.standard_normal((len(names), n, k, k)).astype(np.float32) * 100
    patches[0, 2:] = np.nan
    return PreferredInputs(
        source=Source(name, "0" * 64), block=np.arange(m) % depth, channel=np.arange(m) + 1000,
        name=np.repeat(names, 4), kernels=rng.standard_normal((m, k, k)).astype(np.float32),
        forms=rng.standard_normal((m, k, k)).astype(np.float32),
        preferred=rng.standard_normal((m, k, k)).astype(np.float32), patches=np.full(m, n),
        agreement=rng.random((3, m)), match=rng.random((3, m)), lift_name=rng.random(m),
        lift_mean=rng.random(m), names=tuple(names), count=np.full(len(names), 1234),
        chance=np.full(len(names), 0.25), share=share,
        share_interval=np.stack([share[0] - 0.1, share[0] + 0.1], axis=1),
        gain_interval=np.zeros((len(names), 2)), block_count=np.full((2, depth), 2),
        block_share=rng.random((3, 2, depth)), block_lift=lift, example=np.arange(len(names)) * 4,
        example_patches=patches, n_images=1_000_000,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("depth", "names"), [(1, ["edge"]), (8, KERNEL_NAMES[:-1]), (32, KERNEL_NAMES[2:5])]
)
def test_shares_and_lifts_stand_where_they_should(depth, names):
    result = made(depth, names, name="a-very-long-name-of-a-checkpoint" * 4)
    figure = shares_figure(result)
    axes = draw_shares(result, figure)
    lines = axes["names"].get_lines()
    assert len(lines) == 3
    for w, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xdata(), result.share[w])
        np.testing.assert_array_equal(np.round(line.get_ydata()), np.arange(len(names)))
    bars, chance = (c.get_segments() for c in axes["names"].collections)
    np.testing.assert_allclose([s[:, 0] for s in bars], result.share_interval)
    assert all((s[:, 0] == 0.25).all() for s in chance)
    assert axes["names"].get_yticklabels()[0].get_text() == f"{names[0]} (1,234)"
    shown = {line.get_label(): line.get_ydata() for line in axes["blocks"].get_lines()}
    np.testing.assert_array_equal(shown["orientation, top"], result.block_share[0, 0])
    np.testing.assert_array_equal(shown["contrast, shuffled"], result.block_share[2, 1])
    middle = {line.get_label(): line.get_ydata() for line in axes["lift"].get_lines()}
    np.testing.assert_array_equal(middle["best single shape"], result.block_lift[0, 1])
    np.testing.assert_array_equal(middle["mean of the taps"], result.block_lift[1, 1])
    assert unreadable(figure) == []


@pytest.mark.parametrize(("names", "k", "n"), [(["bar"], 3, 1), (KERNEL_NAMES[:-1], 9, 9)])
def test_examples_are_kernel_atom_mean_and_patches(names, k, n):
    result = made(3, names, k, n)
    figure = examples_figure(result)
    rows = draw_examples(result, figure)
    assert len(rows) == len(names)
    for row, axes in enumerate(rows):
        i = result.example[row]
        tiles = [image.get_array() for image in axes.images]
        assert len(tiles) == 3 + (min(n, 6) if row else min(n, 2))
        np.testing.assert_array_equal(tiles[0], result.kernels[i])
        np.testing.assert_array_equal(tiles[1], result.forms[i])
        np.testing.assert_array_equal(tiles[2], result.preferred[i])
        np.testing.assert_array_equal(tiles[-1], result.example_patches[row, len(tiles) - 4])
        limits = [image.norm.vmax for image in axes.images]
        assert all(image.norm.vmin == -image.norm.vmax for image in axes.images)
        kernel = np.abs([result.kernels[i], result.forms[i]]).max()
        assert limits[:2] == pytest.approx([kernel] * 2)
        assert len(set(limits[2:])) == 1
        assert limits[2] == pytest.approx(np.nanmax(np.abs(result.example_patches[row, :6])))
    assert unreadable(figure) == []
