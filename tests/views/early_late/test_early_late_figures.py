"""Figures of early and late blocks: what the artists hold."""

import numpy as np
import pytest
from described import described
from matplotlib.colors import to_hex

from viz.plot.mosaic import limits, signed_tiles
from viz.plot.style import ONE_COLUMN, TWO_COLUMNS, new_figure
from viz.views.early_late import draw as early_late
from viz.views.early_late.measure import measure
from viz.views.early_late.result import LATE_NAMES, LATE_STATEMENT
from viz.views.kernels.colours import NAME_COLOURS
from viz.views.kernels.result import KERNEL_NAMES


@pytest.fixture(scope="module")
def result():
    depth, n, rng = 6, 20, np.random.default_rng(0)
    names = np.array(KERNEL_NAMES)[rng.integers(0, len(KERNEL_NAMES), depth * n)]
    statements = rng.uniform(0.2, 1, (3, depth * n))
    init = np.array(["unnamed"] * 20 + ["edge"])
    kernels = (
        rng.normal(size=(depth * n, 5, 5)) * np.repeat(0.9 ** np.arange(depth), n)[:, None, None]
    )
    told = described(
        kernels, np.repeat(np.arange(depth), n), names, r2=rng.uniform(size=depth * n),
        statements=statements, init_names=init,
    )  # fmt: skip
    return measure(told, n_random=50)


def drawn(name, result):
    figure = new_figure(*early_late.SIZES[name], dpi=100)
    return getattr(early_late, f"draw_{name}")(result, figure)


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_as_many_kernels_stand_on_each_side_in_full_rows_name_by_name(result, width):
    mosaic = early_late.mosaics(result, width)
    tiles = signed_tiles(result.kernels, limits(result.kernels, "block", result.kernel_block))
    where = {tile.tobytes(): i for i, tile in enumerate(tiles)}
    middle, n = mosaic.layout.shape[1] / 2, len(mosaic.layout.x)
    found = [
        where[np.ascontiguousarray(mosaic.picture[y : y + 5, x : x + 5]).tobytes()]
        for x, y in zip(mosaic.layout.x, mosaic.layout.y, strict=True)
    ]
    assert len(set(found)) == n
    for late in (False, True):
        side = [i for i, x in zip(found, mosaic.layout.x, strict=True) if (x > middle) == late]
        assert len(side) == n // 2
        assert all(result.kernel_late[i] == late for i in side)
        rank = [KERNEL_NAMES.index(result.kernel_name[i]) for i in side]
        assert rank == sorted(rank)
    rows = np.unique(mosaic.layout.y, return_counts=True)[1]
    assert (rows == rows[0]).all()
    assert mosaic.titles == ("early: blocks 0 and 1", "late: blocks 4 and 5")


def test_bars_hold_the_shares_of_names_in_their_colours(result):
    figure = early_late.mosaics_figure(result)
    early_late.draw_mosaics(result, figure)
    bars = [axes for axes in figure.axes if axes.patches]
    assert all("(%)" in axes.get_xlabel() for axes in bars)
    for axes, shares in zip(bars, (result.early_names, result.late_names), strict=True):
        wide = {to_hex(bar.get_facecolor()): bar.get_width() for bar in axes.patches}
        for name, share in zip(KERNEL_NAMES, shares, strict=True):
            assert wide.get(NAME_COLOURS[name], 0) == pytest.approx(share)


def test_effects_stand_at_their_numbers(result):
    axes = drawn("effects", result)
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_xdata(), result.delta)
    for segment, ends, row in zip(axes.collections[0].get_segments(), result.delta_interval,
                                  points.get_ydata(), strict=True):  # fmt: skip
        np.testing.assert_allclose(segment, [[ends[0], row], [ends[1], row]])
    assert axes.get_xlim() == pytest.approx((-1, 1), abs=0.05)
    sides = [axes.get_title(loc=side) for side in ("left", "right")]
    assert sides == ["← larger in early", "larger in late →"]
    at = dict(zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    odd = list(points.get_ydata()).index(at["odd energy"])
    assert points.get_xdata()[odd] == result.delta[result.descriptors.index("odd_energy")]


def test_depth_shows_medians_and_quartiles(result):
    axes = drawn("depth", result)
    assert len(axes) == len(result.descriptors)
    for i, one in enumerate(axes):
        seen = {
            float(x): float(y)
            for line in one.lines
            if line.get_marker() in ("o", "s", "D")
            for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        }
        expected = dict(zip(result.blocks.astype(float), result.quartiles[i, :, 1], strict=True))
        assert seen == pytest.approx(expected)
        bars = [s for c in one.collections for s in c.get_segments()]
        assert {tuple(np.round(s[:, 1], 9)) for s in bars} == {
            tuple(np.round(q[[0, 2]], 9)) for q in result.quartiles[i]
        }


def test_statements_stand_at_their_shares(result):
    axes = drawn("statements", result)
    rows = ((0, ["on-centre"]), (LATE_STATEMENT, LATE_NAMES))
    for (by_block, by_threshold), (row, names) in zip((axes[:2], axes[2:]), rows, strict=True):
        whole = next(line for line in by_block.lines if len(line.get_xdata()) == 6)
        np.testing.assert_allclose(whole.get_ydata(), result.statement_shares[:, row])
        named = next(line for line in by_block.lines if line.get_linestyle() == ":")
        expected = sum(result.name_shares[:, KERNEL_NAMES.index(name)] for name in names)
        np.testing.assert_allclose(named.get_ydata(), expected)
        for side, marker in enumerate("sD"):
            line = next(found for found in by_threshold.lines if found.get_marker() == marker)
            np.testing.assert_allclose(line.get_xdata(), result.thresholds)
            np.testing.assert_allclose(line.get_ydata(), result.threshold_shares[:, row, side])
