"""Figures of mixing hold the result's numbers and stay within the figure, for 1 to 20 blocks."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hand_made import described
from matplotlib.text import Text

from viz.cli import main
from viz.core.network import Preprocessing, Source
from viz.network.convmixer import ConvMixer
from viz.plot.style import new_figure
from viz.views import view
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.mixing.draw import SIZES, draw_matrices, draw_spectra, matrices_figure
from viz.views.mixing.measure import measure


def mixed(depth, names, dim=24, name="by hand"):
    torch.manual_seed(0)
    model = ConvMixer(dim, depth, 5, 4, 3).eval()
    chosen = np.random.default_rng(0).choice(names, (depth, dim))
    checkpoint = SimpleNamespace(
        model=model, config=model.config, source=Source(name=name, sha256="0" * 64),
        preprocessing=Preprocessing(32, 1.0),
    )  # fmt: skip
    return measure(checkpoint, names=chosen)


def assert_inside(figure):
    figure.draw_without_rendering()
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text().strip()]
    assert min(sizes) >= 6
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.01 and drawn.x1 < width + 0.01
    assert drawn.y0 > -0.01 and drawn.y1 < height + 0.01


@pytest.mark.parametrize(
    ("depth", "names", "name"),
    [
        (1, ["edge", "blob+"], "a"),
        (2, ["unnamed"], "b"),
        (
            20,
            KERNEL_NAMES,
            "a-checkpoint-with-a-very-long-name-that-goes-on-and-on-for-no-reason.pth.tar",
        ),
    ],
)
def test_every_figure_fits(depth, names, name):
    result = mixed(depth, names, name=name)
    for row in view("mixing").figures:
        figure = row.make(result)
        assert_inside(figure)


def test_matrices_share_a_scale_in_which_white_is_zero():
    result = mixed(3, ["edge", "blob+", "bar"])
    axes = draw_matrices(result, matrices_figure(result))
    assert len(axes) == 3
    for b, each in enumerate(axes):
        (image,) = each.get_images()
        np.testing.assert_array_equal(image.get_array(), result.matrix[b])
        assert image.get_clim() == (-result.limit, result.limit)
    assert np.quantile(np.abs(result.matrix), 0.995) == pytest.approx(result.limit)


def test_spectra_stand_beside_new_weights():
    result = mixed(4, ["edge", "blob+"])
    spectrum, rank, share = draw_spectra(result, new_figure(*SIZES["spectra"]))
    assert len(spectrum.get_lines()) == 5
    np.testing.assert_array_equal(rank.get_lines()[0].get_ydata(), result.effective_rank)
    assert set(rank.get_lines()[1].get_ydata()) == {result.null_effective_rank}
    np.testing.assert_allclose(share.get_lines()[0].get_ydata(), 100 * result.branch_share)


@pytest.mark.usefixtures("drawn_once")
def test_the_command_writes_files_and_numbers(small_file, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "viz.views.kernels.measure.describe_checkpoint",
        lambda checkpoint, **_: described(checkpoint),
    )

    def run(*arguments):
        return CliRunner().invoke(main, ["mixing", str(small_file), *map(str, arguments)])

    done = run("-o", tmp_path / "all", "--json")
    assert done.exit_code == 0, done.output
    numbers = json.loads(done.stdout)
    assert len(numbers["blocks"]) == 3 and "Gaussian" in numbers["slopes_from"]
    assert {"mixing.csv", "mixing-spectra.svg"} <= {p.name for p in (tmp_path / "all").iterdir()}
    assert run().stdout.strip() == view("mixing").sentence(
        view("mixing").load(tmp_path / "all" / "mixing.npz")
    )
