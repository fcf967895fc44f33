"""What figures of described kernels hold, and what the result says of itself."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from readable import unfit_of

from viz.core.network import Source
from viz.plot.style import ONE_COLUMN, new_figure
from viz.views import view
from viz.views.kernels import draw
from viz.views.kernels.colours import NAME_STYLES, minus
from viz.views.kernels.draw_by_block import draw_composition
from viz.views.kernels.result import (
    DESCRIPTORS,
    KERNEL_NAMES,
    STATEMENTS,
    DepthwiseDescription,
)

LONG = "a_checkpoint_with_a_very_long_name_$of_convmixer_1536_20_漢.pth.tar"


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


def test_it_saves_and_loads_equal(tmp_path):
    result = made_up()
    assert DepthwiseDescription.load(result.save(tmp_path / "a.npz")) == result


def test_the_bank_shows_the_same_channels_of_every_block():
    bank = made_up(dim=12).bank(4, seed=1)
    assert len(bank.kernels) == 12
    channels = bank.channel.reshape(3, 4)
    assert (channels == channels[0]).all() and (np.diff(channels[0]) > 0).all()
    assert len(made_up().bank(None).kernels) == 24


@pytest.mark.parametrize(
    "options",
    [
        {"blocks": 8, "dim": 40, "k": 9},
        {"blocks": 21, "dim": 64, "k": 5, "source": LONG},
        {"blocks": 2, "dim": 3, "k": 3},
        {"names": ["unnamed"] * 24},
    ],
)
def test_mosaics_go_into_a_paper_as_they_are(options):
    assert unfit_of(view("kernels").figures[:1], made_up(**options), (LONG,)) == []


@pytest.mark.parametrize(
    ("blocks", "wide", "narrow"),
    [(1, [0], [0]), (3, [0, 1, 2], [0, 1, 2]), (8, [*range(8)], [0, 2, 5, 7]),
     (7, [0, 1, 2, 4, 5, 6], [0, 2, 4, 6]), (20, [0, 3, 5, 8, 11, 14, 16, 19], [0, 6, 13, 19])],
)  # fmt: skip
def test_blocks_from_the_first_to_the_last_in_full_rows(blocks, wide, narrow):
    result = made_up(blocks=blocks, dim=70, k=3)
    for each in view("kernels").figures[:2]:
        for make, expected in ((each.make, wide), (each.narrow, narrow)):
            figure = make(result)
            titles = [t for t in figure.axes[0].texts if t.get_text().startswith("block")]
            found = [int(t.get_text().removeprefix("block ").split()[0].strip(":")) for t in titles]
            assert found == expected
            rows = [t.get_position()[1] for t in titles]
            assert len({rows.count(y) for y in rows}) == 1
            assert "The same 64 channels of each block" in figure.get_label() or blocks == 1


def test_fits_stand_below_one_another_in_one_column():
    result = made_up(blocks=3, dim=20)
    (wide,), (slim,) = (
        [axes for axes in make(result).axes if axes.images]
        for make in (view("kernels").figures[-1].make, view("kernels").figures[-1].narrow)
    )
    places = [{t.get_text(): t.get_position() for t in axes.texts} for axes in (wide, slim)]
    names = ("best", "median", "worst")
    assert len({places[0][n][1] for n in names}) == 1 and len({places[0][n][0] for n in names}) == 3
    assert len({places[1][n][0] for n in names}) == 1 and len({places[1][n][1] for n in names}) == 3
    assert f"{result.r2[result.named].max():.2f}" in places[1]


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
    assert legend == [minus(name) for name in KERNEL_NAMES if name in set(result.name)]


def test_composition_stacks_to_all_kernels_beside_the_random_network():
    result = made_up()
    axes = draw_composition(result, new_figure(ONE_COLUMN, 2.4))
    bars = np.array([[b.get_x(), b.get_y(), b.get_height()] for b in axes.patches])
    for place in np.unique(bars[:, 0]):
        stack = bars[bars[:, 0] == place]
        assert (stack[:, 1] + stack[:, 2]).max() == pytest.approx(100)
        assert stack[:, 2].sum() == pytest.approx(100)
    init = bars[bars[:, 0] == bars[:, 0].max(), 2]
    assert sorted(h for h in init if h)[0] == pytest.approx(5)
    assert axes.get_xticklabels()[-1].get_text() == "init"


@pytest.mark.parametrize("blocks", [1, 2, 20])
@pytest.mark.parametrize("row", view("kernels").figures, ids=lambda row: row.name)
def test_every_figure_stands_on_its_page(row, blocks):
    long = "a-checkpoint-with-a-very-long-name-" * 3 + ".safetensors"
    figure = row.make(made_up(blocks=blocks, source=long))
    assert isinstance(figure, Figure)
    figure.canvas.draw()
    page = figure.bbox
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
    sizes = [t.get_fontsize() for t in figure.findobj(lambda a: hasattr(a, "get_fontsize"))
             if t.get_text()]  # fmt: skip
    assert min(sizes) >= 6.5


def test_nothing_named_is_drawn_too():
    result = made_up(names=["unnamed"] * 24)
    for row in view("kernels").figures:
        row.make(result)
    assert "None of the 24 depthwise kernels look clearly like one shape, against" in view(
        "kernels"
    ).sentence(result)
