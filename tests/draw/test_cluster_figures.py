"""Figures of clusters and of the kernels' covariance: what the artists hold."""

import numpy as np
import pytest
from readable import unreadable

from viz.draw import clusters as figures
from viz.draw import kernel_spectra as spectra
from viz.draw.mosaic import limits, signed_tiles
from viz.measure.clusters import cluster
from viz.results.depthwise import LABELS
from viz.results.network import Source

LONG = "a_checkpoint_with_a_very_long_name_$of_convmixer_1536_20_漢.pth.tar"


def made(depth=3, n=16, k=5, number=3, name="small", labelled=True):
    rng = np.random.default_rng(0)
    taps = rng.normal(size=(number, k, k))[rng.integers(0, number, depth * n)]
    taps = taps + 0.4 * rng.normal(size=taps.shape)
    taps[5] = 0
    label = np.array(LABELS)[rng.integers(2, 8, depth * n)] if labelled else None
    return cluster(
        taps, blocks=np.repeat(np.arange(depth), n), labels=label, n_clusters=number,
        n_bootstraps=0, n_tsne=20, source=Source(name=name, sha256="0" * 64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return made()


def drawn(module, name, result):
    figure = getattr(module, f"{name}_figure")(result)
    figure.set_dpi(100)
    return figure, getattr(module, f"draw_{name}")(result, figure)


@pytest.mark.parametrize(
    "options",
    [{}, {"depth": 20, "n": 6, "number": 8, "k": 7, "name": LONG},
     {"depth": 1, "k": 3, "number": 2}, {"labelled": False}],
)  # fmt: skip
def test_every_figure_can_be_read(options):
    found = made(**options)
    for module, name in (
        (figures, "centres"), (figures, "agreement"), (figures, "maps"),
        (spectra, "covariance"), (spectra, "spectra"),
    ):  # fmt: skip
        figure, _ = drawn(module, name, found)
        said = unreadable(figure)
        if name == "maps":  # numbers of clusters stand where their clusters are
            said = [s for s in said if not all(part.isdigit() for part in s.split("'")[1::2])]
        assert said == []


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


def test_maps_hold_every_kernel_once(result):
    _, (pca, tsne, pca_label, tsne_label) = drawn(figures, "maps", result)
    for axes, expected in (
        (pca, result.pca), (tsne, result.tsne), (pca_label, result.pca), (tsne_label, result.tsne)
    ):  # fmt: skip
        points = np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])
        np.testing.assert_allclose(
            points[np.lexsort(points.T)], expected[np.lexsort(expected.T)], atol=1e-6
        )
    # One colour per block.
    offsets = np.asarray(pca.collections[0].get_offsets())
    colours = pca.collections[0].get_facecolors()
    by_block = [
        {tuple(c) for p, c in zip(offsets, colours, strict=True)
         if (np.abs(result.pca[result.block == b] - p).sum(1) < 1e-9).any()}
        for b in range(3)
    ]  # fmt: skip
    assert [len(found) for found in by_block] == [1, 1, 1]
    assert len(set.union(*by_block)) == 3


def test_stability_and_confusion_stand_at_their_numbers(monkeypatch):
    from dataclasses import replace

    rng = np.random.default_rng(1)
    result = made()
    tried = result.tried
    result = replace(
        result, stability=rng.uniform(0.5, 1, len(tried)), stability_se=np.full(len(tried), 0.1),
        null_curves=rng.uniform(0, 0.5, (3, len(tried))),
    )  # fmt: skip
    figure, (curve, table) = drawn(figures, "agreement", result)
    lines = [np.asarray(line.get_ydata()) for line in curve.lines if len(line.get_xdata()) > 2]
    assert any(np.allclose(line, result.stability) for line in lines)
    assert any(np.allclose(line, result.null_curves.mean(0)) for line in lines)
    share = np.asarray(table.images[0].get_array())
    np.testing.assert_allclose(share.sum(1), 1)
    np.testing.assert_allclose(share, result.confusion / result.confusion.sum(1, keepdims=True))
    words = " ".join(t.get_text() for t in reversed(figure.texts))
    assert "3 clusters" in words
    assert [int(t.get_text()) for t in table.texts] == result.confusion.ravel().tolist()


def test_covariances_have_symmetric_limits_and_their_rank(result):
    _, axes = drawn(spectra, "covariance", result)
    for i, matrix in enumerate(axes[::2]):
        image = matrix.images[0]
        np.testing.assert_array_equal(image.get_array(), result.covariance[i])
        low, high = image.get_clim()
        assert low == -high == -np.quantile(np.abs(result.covariance[i]), 0.99)
        assert f"rank {result.effective_rank[i]:.1f}" in matrix.get_title(loc="left")


def test_spectra_stand_beside_their_null(result):
    _, (share, rank, sparse) = drawn(spectra, "spectra", result)
    curves = [np.asarray(line.get_ydata()) for line in share.lines]
    for i in range(3):
        expected = 100 * np.cumsum(result.eigenvalues[i] / result.eigenvalues[i].sum())
        np.testing.assert_allclose(curves[i], expected, rtol=1e-6)
    ranks = [np.asarray(line.get_ydata()) for line in rank.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(ranks[0], result.effective_rank)
    assert any(np.allclose(found, result.null_effective_rank) for found in ranks[1:])
    np.testing.assert_allclose([b.get_height() for b in sparse.patches], 100 * result.sparsity)


def test_points_are_where_they_were_drawn(result):
    """Places by hand, from the boxes and limits of the axes."""
    _, axes = drawn(figures, "maps", result)
    points = figures.map_points(result, axes)
    n, shown = len(result.cluster), len(result.tsne_row)
    assert len(points) == 2 * (n + shown)
    for number, one in enumerate(axes):
        mine = points[points[:, 2] == number]
        wanted = result.tsne_row if number % 2 else np.arange(n)
        assert mine[:, 3].tolist() == wanted.tolist()
        box = one.get_position()
        low, high = one.get_xlim()
        drawn_at = (result.tsne if number % 2 else result.pca)[:, 0]
        across = box.x0 + (drawn_at - low) / (high - low) * (box.x1 - box.x0)
        np.testing.assert_allclose(mine[:, 0], across, atol=1e-9)
        low, high = one.get_ylim()
        drawn_at = (result.tsne if number % 2 else result.pca)[:, 1]
        up = box.y0 + (drawn_at - low) / (high - low) * (box.y1 - box.y0)
        np.testing.assert_allclose(mine[:, 1], 1 - up, atol=1e-9)
    assert np.ptp(points[:, 0]) > 0.4 and np.ptp(points[:, 1]) > 0.4
