"""Figures of mixing hold the result's numbers and stay within the figure, for 1 to 20 blocks."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from viz.core.network import Preprocessing, Source
from viz.network.convmixer import ConvMixer
from viz.plot.style import new_figure
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
