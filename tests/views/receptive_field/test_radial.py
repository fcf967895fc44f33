"""Radii, moments and bootstrap intervals against slow definitions and known shapes."""

import numpy as np
import pytest

from viz.views.receptive_field.radial import (
    RING,
    anisotropy,
    bootstrap_interval,
    bootstrap_weights,
    mass_radii,
    moments,
    ring_index,
)

SHARES = (0.5, 0.9, 0.99)


def profile(field, centre):
    index = ring_index(field.shape, np.asarray(centre))
    return np.bincount(index.ravel(), field.ravel())


def slow_radius(field, centre, share):
    """Walk outward by rings, counting pixels one by one, then go along the straight line."""
    total, before, step = field.sum(), 0.0, 0
    while True:
        inside = 0.0
        for y in range(field.shape[0]):
            for x in range(field.shape[1]):
                if np.hypot(y - centre[0], x - centre[1]) <= step * RING + 1e-9:
                    inside += field[y, x]
        if inside / total >= share:
            if step == 0:
                return 0.0
            return RING * (step - 1 + (share - before) / (inside / total - before))
        before, step = inside / total, step + 1


@pytest.mark.parametrize("centre", [(4, 5), (3.5, 4), (0, 11), (5.5, 2.5)])
def test_radii_are_those_counted_pixel_by_pixel(rng, centre):
    field = rng.gamma(0.3, size=(9, 12))
    found = mass_radii(profile(field, centre), SHARES)
    assert found == pytest.approx([slow_radius(field, centre, s) for s in SHARES], abs=1e-9)


def gaussian(size, centre, sigma):
    y, x = (np.arange(size) - c for c in centre)
    return np.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * sigma**2))


@pytest.mark.parametrize("sigma", [3.0, 8.0, 13.5])
def test_a_gaussian_has_the_radii_it_should(sigma):
    field = gaussian(161, (80, 80.5), sigma)
    expected = [sigma * np.sqrt(-2 * np.log(1 - s)) for s in SHARES]
    assert mass_radii(profile(field, (80, 80.5)), SHARES) == pytest.approx(expected, abs=RING)
    rms, elongation, _ = anisotropy(moments(field[None], np.array([80, 80.5])))
    assert rms[0] == pytest.approx(sigma * np.sqrt(2), rel=1e-3)
    assert elongation[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("angle", [0, 15, 60, 90, 100, 175])
def test_an_elongated_field_s_axis_and_strength(angle):
    long, short, turn = 12.0, 5.0, np.radians(angle)
    x, up = np.meshgrid(np.arange(121) - 60.0, 60.0 - np.arange(121))
    along, across = x * np.cos(turn) + up * np.sin(turn), up * np.cos(turn) - x * np.sin(turn)
    field = np.exp(-(along**2) / (2 * long**2) - across**2 / (2 * short**2))
    _, elongation, orientation = anisotropy(moments(field[None], np.array([60.0, 60.0])))
    assert elongation[0] == pytest.approx((long**2 - short**2) / (long**2 + short**2), rel=1e-3)
    assert (orientation[0] - angle + 90) % 180 - 90 == pytest.approx(0, abs=0.1)


def test_moments_are_sums_over_pixels(rng):
    maps, centre = rng.random((2, 4, 5)), np.array([1.5, 2.0])
    for one, found in zip(maps, moments(maps, centre), strict=True):
        cells = [(one[y, x], y - 1.5, x - 2.0) for y in range(4) for x in range(5)]
        expected = [sum(m * f(y, x) for m, y, x in cells) for f in (
            lambda y, x: 1, lambda y, x: y, lambda y, x: x, lambda y, x: y * y,
            lambda y, x: x * x, lambda y, x: y * x,
        )]  # fmt: skip
        assert found == pytest.approx(expected)


def images(rng, n):
    """Profiles of Gaussian fields whose width and strength differ from image to image."""
    radius = (np.arange(200) + 0.5) * RING
    sigma = 6 * np.exp(0.35 * rng.standard_normal((n, 1)))
    strength = np.exp(0.5 * rng.standard_normal((n, 1)))
    return strength * radius / sigma**2 * np.exp(-(radius**2) / (2 * sigma**2))


@pytest.mark.parametrize(("confidence", "low", "high"), [(0.95, 0.88, 0.99), (0.5, 0.4, 0.62)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rng, confidence, low, high):
    truth = mass_radii(images(rng, 200_000).mean(0), SHARES)
    draws = bootstrap_weights(25, 400, seed=1)
    held = []
    for _ in range(200):
        found = bootstrap_interval(mass_radii(draws @ images(rng, 25), SHARES), 25, confidence)
        held.append((found[:, 0] <= truth) & (truth <= found[:, 1]))
    coverage = np.mean(held, axis=0)
    assert (coverage[:2] > low).all()
    assert (coverage[:2] < high).all()
