"""Radii and bootstrap intervals against slow definitions and known shapes."""

import numpy as np
import pytest

from viz.views.receptive_field.radial import (
    RING,
    bootstrap_interval,
    bootstrap_weights,
    mass_radii,
    ring_index,
)

SHARES = (0.5, 0.9, 0.99)


def profile(field, centre):
    index = ring_index(field.shape, np.asarray(centre))
    return np.bincount(index.ravel(), field.ravel())[None]


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
    (found,) = mass_radii(profile(field, centre), SHARES)
    assert found == pytest.approx([slow_radius(field, centre, s) for s in SHARES], abs=1e-9)


def images(rng, n):
    """Profiles of Gaussian fields whose width and strength differ from image to image."""
    radius = (np.arange(200) + 0.5) * RING
    sigma = 6 * np.exp(0.35 * rng.standard_normal((n, 1)))
    strength = np.exp(0.5 * rng.standard_normal((n, 1)))
    return strength * radius / sigma**2 * np.exp(-(radius**2) / (2 * sigma**2))


@pytest.mark.parametrize(("confidence", "low", "high"), [(0.95, 0.88, 0.99), (0.5, 0.4, 0.62)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rng, confidence, low, high):
    (truth,) = mass_radii(images(rng, 50_000).mean(0)[None], SHARES)
    draws = bootstrap_weights(25, 200, seed=1)
    held = []
    for _ in range(200):
        found = bootstrap_interval(mass_radii(draws @ images(rng, 25), SHARES), 25, confidence)
        held.append((found[:, 0] <= truth) & (truth <= found[:, 1]))
    coverage = np.mean(held, axis=0)
    assert (coverage[:2] > low).all()
    assert (coverage[:2] < high).all()
