"""Figures of described patch filters: what the artists hold, for planted descriptions."""

from dataclasses import replace

import numpy as np
from hand_made import of_filters
from matplotlib.colors import to_rgb
from readable import unfit_of, unreadable

from viz.plot.style import SIGNED, new_figure
from viz.views import view
from viz.views.patch_filters.draw import draw_orientation_frequency
from viz.views.patch_filters.draw_kinds import KIND_STYLES, draw_kinds, kinds_figure
from viz.views.patch_filters.result import PARAMETERS, STRUCTURES

LONG = "a_checkpoint_with_a_very_long_name_$of_convmixer_1536_20_漢.pth.tar"


def description(n=23, c=3, p=5, name="small", **changes):
    """A description made up by hand: nothing in it is fitted."""
    rng = np.random.default_rng(1)
    axis = rng.normal(size=(n, c))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    parameters = rng.uniform(1, 3, (n, len(PARAMETERS)))
    parameters[:, PARAMETERS.index("orientation")] = rng.uniform(0, 180, n)
    parameters[:, PARAMETERS.index("frequency")] = rng.uniform(0.1, 0.4, n)
    fields = {
        "filters": rng.normal(size=(n, c, p, p)),
        "structure": np.array(STRUCTURES)[np.arange(n) % len(STRUCTURES)],
        "colour_axis": axis,
        "parameters": parameters,
        "fitted_maps": rng.normal(size=(n, p, p)).astype(np.float32),
        "r2_map": rng.uniform(0.5, 1, n),
        "r2": rng.permutation(np.linspace(0.05, 0.95, n)),
        "components": rng.normal(size=(min(n, 24), c, p, p)).astype(np.float32),
        "component_shares": np.sort(rng.dirichlet(np.ones(min(n, 30))))[::-1],
    }
    made = of_filters(**fields | changes)
    return replace(made, source=replace(made.source, name=name))


def test_one_channel_and_dead_filters_go_into_a_paper():
    one = description(c=1, p=3, name=LONG)
    dead = description(
        n=4, structure=np.array(["noise"] * 4), r2=np.full(4, np.nan), r2_map=np.full(4, np.nan),
        filters=np.zeros((4, 3, 5, 5), np.float32), component_shares=np.zeros(0),
        components=np.zeros((0, 3, 5, 5), np.float32), colour_axis=np.full((4, 3), np.nan),
    )  # fmt: skip
    for result in (one, dead):
        assert unfit_of(view("patch-filters").figures, result, (LONG,)) == []


def test_every_filter_stands_once_under_its_kind_and_in_its_border():
    """Filters of one colour each, all different: a tile is found again by its colour."""
    n = 23
    level = np.linspace(-0.9, 0.9, n)
    filters = np.zeros((n, 3, 5, 5), np.float32)
    filters[:, 0] = 1.0  # the largest weight, so that the scale is the same for all
    filters[:, 1] = level[:, None, None]
    result = description(n=n, filters=filters)
    axes = draw_kinds(result, kinds_figure(result, dpi=100))
    picture = np.asarray(axes.images[0].get_array())
    heads = {t.get_text().split(":")[0]: t for t in axes.texts}
    assert list(heads) == list(STRUCTURES)
    for i in range(n):
        colour = [255, np.rint(level[i] * 127 + 128), 128]
        rows, columns = np.nonzero((picture == colour).all(-1))
        assert len(rows), i
        assert np.ptp(rows) == np.ptp(columns)
        border = picture[rows.min() - 1, columns.min() - 1] / 255
        np.testing.assert_allclose(
            border, to_rgb(KIND_STYLES[result.structure[i]].colour), atol=0.01
        )
        # Below its own head, above the next one's.
        order = [h.get_position()[1] for h in heads.values()]
        kind = STRUCTURES.index(result.structure[i])
        assert order[kind] < rows.min()
        assert kind == len(STRUCTURES) - 1 or rows.max() < order[kind + 1]
    counts = {k: int(h.get_text().split()[1]) for k, h in heads.items()}
    assert counts == {k: int((result.structure == k).sum()) for k in STRUCTURES}


def test_polar_plot_holds_orientation_and_frequency_of_gabors_alone():
    result = description()
    axes = draw_orientation_frequency(result, new_figure(3.3, 2.3))
    points = [c for c in axes.collections if len(c.get_offsets())]
    assert len(points) == 3
    for kind, collection in zip(STRUCTURES[:3], points, strict=True):
        rows = result.structure == kind
        angle, radius = np.asarray(collection.get_offsets()).T
        np.testing.assert_allclose(angle, np.radians(result.orientation[rows]))
        np.testing.assert_allclose(radius, result.peak_frequency[rows])
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > np.nanmax(result.peak_frequency)
    assert (axes.get_thetamin(), axes.get_thetamax()) == (0, 180)


def test_fits_show_best_median_and_worst_and_add_up():
    n, p = 23, 5
    rng = np.random.default_rng(4)
    axis = np.tile(np.array([0.6, 0.8, 0.0]), (n, 1))
    maps = rng.uniform(-0.4, 0.4, (n, p, p))
    filters = axis[:, :, None, None] * maps[:, None] + rng.uniform(-0.2, 0.2, (n, 3, p, p))
    filters[:, 0, 0, 0] = 1.0
    result = description(
        n=n, p=p, filters=filters.astype(np.float32), colour_axis=axis,
        fitted_maps=maps.astype(np.float32),
    )  # fmt: skip
    axes = view("patch-filters").figures[-1].make(result).axes[0]
    said = [t.get_text() for t in axes.texts if t.get_text()[0].isdigit()]
    order = np.argsort(-result.r2_map)
    shown = [*order[:6], *order[8:14], *order[-6:]]
    assert said == [f"{result.r2_map[i]:.2f}" for i in shown]
    # The second pixel of the first filter, its map, fit and residual, six times enlarged.
    picture = np.asarray(axes.images[0].get_array())
    whole, *rest = (picture[6 * 6 * part + 3, 9] for part in range(4))
    np.testing.assert_allclose(whole, np.rint(filters[order[0], :, 0, 1] * 127 + 128), atol=1)
    whole, fit = result.maps[order[0]], result.fitted_maps[order[0]]
    for colour, values in zip(rest, (whole, fit, whole - fit), strict=True):
        wanted = SIGNED(0.5 + 0.5 * values[0, 1] / np.abs(whole).max(), bytes=True)[:3]
        np.testing.assert_allclose(colour, np.array(wanted, float), atol=4)


def test_the_check_of_readability_finds_what_is_wrong():
    figure = new_figure(3, 2, dpi=100)
    for x, y, size, word in ((0.1, 0.5, 8, "one"), (0.12, 0.5, 8, "two"), (0.9, 0.1, 8, "cut off"),
                             (0.5, 0.9, 5, "tiny")):  # fmt: skip
        figure.text(x, y, word, fontsize=size)
    found = " ".join(unreadable(figure))
    assert found.count("'") == 8
    for words in ("'one' lies upon 'two'", "'cut off' leaves", "'tiny' is 5.0 pt"):
        assert words in found
