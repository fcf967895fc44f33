"""What figures of described kernels hold, and what the result says of itself."""

import json

import numpy as np
import pytest
from described import described
from matplotlib.colors import to_rgb

from viz.plot.style import ONE_COLUMN, new_figure
from viz.views import view
from viz.views.kernels import draw
from viz.views.kernels.colours import NAME_COLOURS, OTHER, SEEN, folded, minus
from viz.views.kernels.result import DESCRIPTORS, KERNEL_NAMES


def made_up(blocks=3, dim=8, k=5, names=None, source="made-up.safetensors"):
    """A description written by hand, no measure involved."""
    rng = np.random.default_rng(0)
    n = blocks * dim
    kernels = rng.standard_normal((n, k, k)).astype(np.float32)
    name = np.array(names or [KERNEL_NAMES[i % len(KERNEL_NAMES)] for i in range(n)])
    r2 = np.sort(rng.uniform(0.2, 0.9, (n, 4)), axis=1)
    oriented = np.isin(name, ["edge", "bar", "grating"])[:, None] | (np.arange(4) > 0)
    guess = np.where(name == "unnamed", "edge", name)
    return described(
        kernels, np.repeat(np.arange(blocks), dim), name, source=source, shapes=4,
        statements=np.tile(np.arange(n) % 2, (3, 1)), n_shapes=np.full(n, 2),
        shape_names=np.stack([guess, *[np.full(n, "blob+")] * 3], axis=1),
        shape_amplitude=np.full((n, 4), 45.0), shape_orientation=np.where(oriented, 45, np.nan),
        fitted_by_shapes=np.stack([kernels / 2] * 4), r2_by_shapes=r2,
        init_names=np.array(["unnamed"] * 19 + ["edge"]),
    )  # fmt: skip


def test_the_summary_is_json_with_the_numbers_of_each_block():
    result = made_up()
    numbers = json.loads(json.dumps(result.summary(), allow_nan=False))
    one, rows = numbers["blocks"][1], slice(8, 16)
    assert one["shares"] == {n: (result.name[rows] == n).mean() for n in KERNEL_NAMES}
    assert numbers["null"]["init_coverage"] == pytest.approx(0.05)
    np.testing.assert_allclose(one["r2"]["by_shapes"], np.median(result.r2_by_shapes[rows], axis=0))
    for name in DESCRIPTORS:
        assert one["descriptors"][name] == pytest.approx(np.median(getattr(result, name)[rows]))


@pytest.mark.parametrize(
    ("blocks", "wide", "narrow"),
    [(1, [0], [0]), (8, [*range(8)], [0, 2, 5, 7]),
     (20, [0, 3, 5, 8, 11, 14, 16, 19], [0, 6, 13, 19])],
)  # fmt: skip
def test_blocks_from_the_first_to_the_last_in_full_rows(blocks, wide, narrow):
    result = made_up(blocks=blocks, dim=70, k=3)
    for each in view("kernels").figures[:2]:
        for make, expected in ((each.make, wide), (each.narrow, narrow)):
            figure = make(result)
            titles = [t for t in figure.axes[0].texts if t.get_text().startswith("block")]
            found = [int(t.get_text().removeprefix("block ").split()[0]) for t in titles]
            assert found == expected
            rows = [t.get_position()[1] for t in titles]
            assert len({rows.count(y) for y in rows}) == 1
            assert "The same 64 of 70 kernels of each block." in figure.get_label()
            assert figure.axes[-1].get_xticklabels()[-1].get_text() == "+limit"
            assert all("±" in title.get_text() for title in titles)


def test_tiles_are_framed_in_their_names_colours():
    result = made_up(blocks=1, dim=12)
    figure = draw.named_figure(result)
    axes = draw.draw_named(result, figure)
    found = {tuple(c) for c in np.asarray(axes.images[0].get_array()).reshape(-1, 3)}
    for name in result.name:
        assert tuple(np.round(255 * np.array(to_rgb(NAME_COLOURS[str(name)])))) in found
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert legend == [minus(name) for name in KERNEL_NAMES if name in set(result.name)]
    title = f"block 0  ±{np.quantile(np.abs(result.kernels), 0.995):#.2g}"
    assert [text.get_text() for text in axes.texts] == [title, "100\u00a0% named"]


def test_composition_stacks_to_all_kernels_beside_the_random_network():
    axes = draw.draw_composition(made_up(), new_figure(ONE_COLUMN, 2.4))
    bars = np.array([[b.get_x(), b.get_y(), b.get_height()] for b in axes.patches])
    for place in np.unique(bars[:, 0]):
        stack = bars[bars[:, 0] == place]
        assert (stack[:, 1] + stack[:, 2]).max() == pytest.approx(100)
        assert stack[:, 2].sum() == pytest.approx(100)
    init = bars[bars[:, 0] == bars[:, 0].max(), 2]
    assert sorted(h for h in init if h)[0] == pytest.approx(5)
    assert axes.get_xticklabels()[-1].get_text() == "random"


def test_names_too_rare_to_be_seen_are_one():
    shares = np.diag([SEEN / 2, SEEN / 3, *[SEEN] * (len(KERNEL_NAMES) - 2)])
    names, shown = folded(shares)
    assert names == [*KERNEL_NAMES[2:-1], OTHER, "unnamed"]
    np.testing.assert_allclose(shown[-2], [SEEN / 2, SEEN / 3, *[0] * (len(shares) - 2)])
