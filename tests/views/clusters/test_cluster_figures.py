"""Figures of clusters and of the kernels' covariance: what the artists hold."""

import numpy as np
import pytest

from viz.core.network import Source
from viz.plot.mosaic import limits, signed_tiles
from viz.plot.style import new_figure
from viz.views.clusters import draw as figures
from viz.views.clusters import draw_spectra as spectra
from viz.views.clusters.measure import cluster
from viz.views.kernels.result import KERNEL_NAMES


def made(depth=3, n=16, k=5, number=3, name="small", named=True):
    rng = np.random.default_rng(0)
    taps = rng.normal(size=(number, k, k))[rng.integers(0, number, depth * n)]
    taps = taps + 0.4 * rng.normal(size=taps.shape)
    taps[5] = 0
    names = np.array(KERNEL_NAMES)[rng.integers(2, 8, depth * n)] if named else None
    return cluster(
        taps, blocks=np.repeat(np.arange(depth), n), names=names, n_clusters=number,
        n_bootstraps=0, source=Source(name=name, sha256="0" * 64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return made()


def drawn(module, name, result):
    if name == "stability":
        figure = new_figure(*figures.SIZES[name])
        return figure, figures.draw_stability(result, figure)
    figure = getattr(module, f"{name}_figure")(result)
    figure.set_dpi(100)
    return figure, getattr(module, f"draw_{name}")(result, figure)


def test_centres_stand_by_cluster_and_block_with_their_shares(result):
    _, axes = drawn(figures, "centres", result)
    picture = np.asarray(axes.images[0].get_array())
    left, right, *_ = axes.images[0].get_extent()
    zoom = picture.shape[1] / (right - left)
    boxes = [p for p in axes.patches if not p.get_fill()]
    tiles = np.concatenate([result.centres[None], result.centres_by_block]).reshape(-1, 5, 5)
    tiles = tiles[np.isfinite(tiles[:, 0, 0])]
    coloured = signed_tiles(tiles, limits(tiles, "tile", np.zeros(len(tiles), int)))
    assert len(boxes) == len(tiles)
    for box, tile in zip(boxes, coloured, strict=True):
        x, y = (round(v * zoom) for v in box.get_xy())
        at = picture[y : y + round(5 * zoom), x : x + round(5 * zoom)]
        step = round(zoom)
        np.testing.assert_array_equal(at[step // 2 :: step, step // 2 :: step], tile)
    said = [t.get_text() for t in axes.texts if t.get_text().isdigit()]
    shares = [f"{100 * s:.0f}" for s in result.composition.ravel()]
    assert said[: len(shares)] == shares
    for c in range(3):
        words = next(t.get_text() for t in axes.texts if t.get_text().startswith(f"cluster {c}"))
        assert f"{result.counts[:, c].sum()} kernels" in words
        assert f"tightness {result.tightness[c]:.2f}" in words


def test_covariances_have_symmetric_limits_and_their_rank(result):
    _, axes = drawn(spectra, "covariance", result)
    for i, matrix in enumerate(axes[::2]):
        image = matrix.images[0]
        np.testing.assert_array_equal(image.get_array(), result.covariance[i])
        low, high = image.get_clim()
        assert low == -high == -np.quantile(np.abs(result.covariance[i]), 0.99)
        assert f"rank {result.effective_rank[i]:.0f}" in matrix.get_title(loc="left")
