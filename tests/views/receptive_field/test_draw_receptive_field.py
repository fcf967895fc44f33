"""What the receptive-field figures hold: one scale, true sizes in pixels, the radii as measured."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.colors import LogNorm
from matplotlib.patches import Circle, Rectangle

from viz.core.network import Preprocessing, Source
from viz.images.sets import open_images
from viz.network.convmixer import ConvMixer
from viz.views.receptive_field.draw import draw_maps, draw_radii, maps_figure, radii_figure
from viz.views.receptive_field.measure import receptive_field


def measured(kernel_size=5):
    torch.manual_seed(0)
    network = ConvMixer(8, 3, kernel_size, 4, 2).eval()
    source = Source(name="a", sha256="0" * 64)
    stand_in = SimpleNamespace(
        model=network, config=network.config, source=source, preprocessing=None
    )
    images = open_images(torch.randn(5, 3, 32, 36), Preprocessing(36))
    return receptive_field(stand_in, images, n_boot=50)


@pytest.fixture(scope="module")
def result():
    return measured()


def maps_of(result):
    figure = maps_figure(result)
    return figure, draw_maps(result, figure)


@pytest.mark.parametrize("k", [5, 4])
def test_maps_are_shares_in_pixels_from_the_unit_with_its_fields_around(k):
    result = measured(kernel_size=k)
    _, axes = maps_of(result)
    every = np.concatenate([result.maps, result.random_maps])
    radii = np.concatenate([result.radius_px, result.random_radius_px])
    norm = axes[0].images[0].norm
    assert isinstance(norm, LogNorm)
    largest = max((f / f.sum()).max() for f in every)
    assert largest <= norm.vmax <= 2.5 * largest
    assert norm.vmax / norm.vmin <= 1e4 * 1.001
    for i, (one, field, radius) in enumerate(zip(axes, every, radii, strict=True)):
        assert one.images[0].norm is norm
        shown = np.asarray(one.images[0].get_array())
        assert shown == pytest.approx(field / field.sum(dtype=np.float64), rel=1e-5)
        # Unit (4, 4) of patches of 4 pixels: its middle is 17.5.
        extent = [-0.5 - 17.5, 35.5 - 17.5, 31.5 - 17.5, -0.5 - 17.5]
        assert [*one.get_xlim(), *one.get_ylim()] == one.images[0].get_extent() == extent
        circles = [p for p in one.patches if isinstance(p, Circle)]
        assert sorted(c.radius for c in circles) == pytest.approx(sorted(radius[:2]))
        shift = 0 if k % 2 else 2 * (i % 3 + 1)
        assert {c.center for c in circles} == {(shift, shift)}
        squares = [p for p in one.patches if isinstance(p, Rectangle)]
        size = 4 + 4 * (i % 3 + 1) * (k - 1)
        # Only where some of its outline is inside the image.
        assert len(squares) == (size < 36)
        for square in squares:
            assert (square.get_width(), square.get_height()) == (size, size)
            assert square.get_xy() == (shift - size / 2, shift - size / 2)


def test_lines_are_the_radii_and_bands_the_intervals(result):
    figure = radii_figure(result)
    axes = draw_radii(result, figure)
    lines = {line.get_label(): line for line in axes.lines}
    for j, share in enumerate(("50 %", "90 %", "99 %")):
        assert lines[f"{share}, trained"].get_ydata().tolist() == result.radius_px[:, j].tolist()
        assert lines[f"{share}, random init"].get_ydata().tolist() == (
            result.random_radius_px[:, j].tolist()
        )
    # A disc of the area of a square of 20, 36 and 52 pixels.
    disc = np.pi * np.square(lines["theoretical field"].get_ydata())
    np.testing.assert_allclose(disc, np.square([20.0, 36.0, 52.0]))
    assert set(lines["image's farthest corner"].get_ydata()) == {np.hypot(18, 18)}
    band = axes.collections[-1].get_paths()[0].vertices[:, 1]
    assert band.max() in result.random_radius_interval_px


def test_a_network_that_answers_to_nothing_is_drawn(result):
    maps = dict.fromkeys(("maps", "random_maps"), np.zeros_like(result.maps))
    names = ("radius_px", "random_radius_px", "radius_interval_px", "random_radius_interval_px")
    radii = {name: getattr(result, name) * np.nan for name in names}
    nothing = replace(result, **maps, **radii)
    figure, axes = maps_of(nothing)
    assert not any(isinstance(p, Circle) for a in axes for p in a.patches)
    other = radii_figure(nothing)
    draw_radii(nothing, other)
    for each in (figure, other):
        each.draw_without_rendering()
