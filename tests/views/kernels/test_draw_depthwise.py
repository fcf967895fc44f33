"""What figures of described kernels hold, and what the result says of itself."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from viz.core.network import Source
from viz.views import view
from viz.views.kernels import draw
from viz.views.kernels.colours import NAME_STYLES
from viz.views.kernels.result import (
    DESCRIPTORS,
    KERNEL_NAMES,
    STATEMENTS,
    DepthwiseDescription,
)


def made_up(blocks=3, dim=8, k=5, names=None, source="made-up.safetensors"):
    """A description written by hand, no measure involved."""
    rng = np.random.default_rng(0)
    n = blocks * dim
    kernels = rng.standard_normal((n, k, k)).astype(np.float32)
    every = [KERNEL_NAMES[i % len(KERNEL_NAMES)] for i in range(n)]
    name = np.array(every if names is None else names)
    r2 = np.sort(rng.uniform(0.2, 0.9, (n, 4)), axis=1)
    oriented = np.where(np.isin(name, ["edge", "bar", "grating"]), 30.0, np.nan)
    guess = np.where(name == "unnamed", "edge", name)
    floats = {d: rng.uniform(0, 1, n) for d in DESCRIPTORS} | {
        "scale": np.ones(n), "orientation": oriented, "direction": np.full(n, np.nan),
        "offset_x": rng.uniform(-1, 1, n), "offset_y": np.zeros(n),
        **{f: rng.uniform(0, 1, n) for f in ("probability", "margin", "likeness",
                                             "shape_likeness", "null_likeness")},
        **{s: np.arange(n) % 2.0 for s in STATEMENTS if s != "late_r2"},
    }  # fmt: skip
    by_shape = ("amplitude", "scale", "orientation", "direction", "x", "y", "factor")
    return DepthwiseDescription(
        source=Source(name=source, sha256="0" * 64),
        kernels=kernels,
        block=np.repeat(np.arange(blocks), dim),
        channel=np.tile(np.arange(dim), blocks),
        name=name,
        guess=guess,
        second=np.full(n, "bar"),
        n_shapes=np.full(n, 2),
        shape_names=np.stack([guess, *[np.full(n, "blob+")] * 3], axis=1),
        shape_picture=np.zeros((n, 4), np.int64),
        **{f"shape_{f}": np.full((n, 4), 45.0) for f in by_shape},
        fitted=kernels / 2,
        fitted_by_shapes=np.stack([kernels / 2] * 4),
        r2=r2[:, 1],
        r2_by_shapes=r2,
        coefficients=np.full(n, 12),
        coefficients_by_shapes=np.full((n, 4), 12),
        **(floats | {"radial_sign_changes": rng.integers(0, 3, n)}),
        init_names=np.array(["unnamed"] * 19 + ["edge"]),
        init_r2_by_shapes=r2[:20],
        shuffled_r2_by_shapes=r2[:10],
    )


def test_shares_and_coverage_count():
    result = made_up()
    assert sum(result.shares().values()) == pytest.approx(1)
    assert result.shares()["edge"] == pytest.approx((result.name == "edge").mean())
    assert result.shares(1)["blob+"] == pytest.approx((result.name[8:16] == "blob+").mean())
    assert result.coverage == pytest.approx(1 - (result.name == "unnamed").mean())
    assert result.null_coverage == pytest.approx(0.05)


def test_the_summary_is_json_with_the_numbers_of_each_block():
    result = made_up()
    numbers = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert [b["block"] for b in numbers["blocks"]] == [0, 1, 2]
    one = numbers["blocks"][1]
    rows = slice(8, 16)
    assert list(one["shares"]) == list(KERNEL_NAMES)
    assert one["coverage"] == pytest.approx((result.name[rows] != "unnamed").mean())
    assert one["null_coverage"] == pytest.approx(0.05)
    np.testing.assert_allclose(one["r2"]["by_shapes"], np.median(result.r2_by_shapes[rows], axis=0))
    for name in DESCRIPTORS:
        assert one["descriptors"][name] == pytest.approx(np.median(getattr(result, name)[rows]))


def test_the_table_has_a_row_per_kernel_and_the_sentence():
    result = made_up()
    frame = result.to_frame()
    assert len(frame) == 24
    for name in ("name", "scale", "orientation", "direction", "offset", "shape_2", "amplitude_4",
                 "r2", "r2_1", "r2_4", *DESCRIPTORS, *STATEMENTS):  # fmt: skip
        assert name in frame.columns
    row = int(np.flatnonzero(result.name == "edge")[0])
    assert frame["description"][row] == "edge at 30 degrees with a positive blob at 45 degrees"
    off = int(np.flatnonzero(result.name == "off-centre")[0])
    assert frame["description"][off].startswith("off-centre with a positive blob")


def test_the_bank_shows_the_same_channels_of_every_block():
    bank = made_up(dim=12).bank(4, seed=1)
    assert len(bank.kernels) == 12
    channels = bank.channel.reshape(3, 4)
    assert (channels == channels[0]).all() and (np.diff(channels[0]) > 0).all()
    assert len(made_up().bank(None).kernels) == 24


def test_tiles_are_framed_in_their_names_colours():
    result = made_up(blocks=1, dim=12)
    figure = draw.named_figure(result)
    axes = draw.draw_named(result, figure)
    picture = axes.images[0].get_array()
    height, width = axes.images[0].get_extent()[2], axes.images[0].get_extent()[1]
    zoom = picture.shape[1] / width
    assert picture.shape[0] / height == pytest.approx(zoom)
    found = {tuple(c) for c in np.asarray(picture).reshape(-1, 3)}
    for name in result.name:
        assert tuple(np.round(255 * np.array(to_rgb(NAME_STYLES[str(name)].colour)))) in found
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert legend == [name for name in KERNEL_NAMES if name in set(result.name)]


def test_composition_stacks_to_one_beside_the_random_network():
    result = made_up()
    axes, beside = draw.draw_composition(result, draw.composition_figure(result))
    tops = [c.get_paths()[0].vertices[:, 1].max() for c in axes.collections]
    assert max(tops) == pytest.approx(1)
    heights = [bar.get_height() for bar in beside.patches]
    assert sum(heights) == pytest.approx(1)
    assert sorted(h for h in heights if h)[0] == pytest.approx(0.05)


def test_nothing_named_is_drawn_too():
    result = made_up(names=["unnamed"] * 24)
    for row in view("kernels").figures:
        row.make(result)
    assert "0 % of 24 depthwise kernels look clearly like something: none" in view(
        "kernels"
    ).sentence(result)
