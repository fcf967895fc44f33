"""Patch filters named in two words: blind readings, planted structures, and nulls."""

from pathlib import Path

import numpy as np
import pytest

from viz.views.patch_filters.measure import _colour
from viz.views.patch_filters.names import colours, structures

READINGS = Path(__file__).resolve().parents[2] / "readings"
NAMES = ["stripes", "edge", "bar", "blob"]


def named(filters):
    values = np.asarray(filters, dtype=np.float64)
    axis, _, chroma = _colour(values)
    n, c, p, _ = values.shape
    maps = np.einsum("ncij,nc->nij", values, axis).reshape(n, -1)
    return colours(chroma, c), structures(maps, p)


def test_words_agree_with_blind_readings():
    right = {"colour": [], "structure": []}
    for p in (7, 14):
        with np.load(READINGS / f"filters-p{p}.npz") as data:
            found = dict(zip(right, named(data["filters"]), strict=True))
            for word in right:
                either = [np.char.replace(data[f"{word}_{i}"], "corner/", "") for i in (1, 2)]
                right[word] += list((found[word] == either[0]) | (found[word] == either[1]))
    assert np.mean(right["colour"]) >= 0.85
    assert np.mean(right["structure"]) >= 0.75


def planted(name, p, rng):
    """One map of a structure, written without the bank."""
    y, x = (np.mgrid[:p, :p] - (p - 1) / 2) / p
    turn = rng.uniform(0, 2 * np.pi)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    if name == "stripes":
        return np.cos(2 * np.pi * rng.uniform(1.75, 2.75) * u + rng.uniform(0, 6))
    if name == "edge":
        return np.tanh((u - rng.uniform(-0.12, 0.12)) / rng.uniform(0.05, 0.15))
    if name == "bar":
        return np.exp(-((u - rng.uniform(-0.15, 0.15)) ** 2) / 2 / rng.uniform(0.09, 0.13) ** 2)
    a, b = rng.uniform(-0.15, 0.15, 2)
    return np.exp(-((u - a) ** 2 + (v - b) ** 2) / 2 / rng.uniform(0.12, 0.2) ** 2)


@pytest.mark.parametrize("p", [7, 14])
@pytest.mark.parametrize("name", NAMES)
def test_planted_structures_are_named(name, p):
    rng = np.random.default_rng(p)
    maps = np.stack([planted(name, p, rng) * rng.choice([-1, 1]) for _ in range(200)])
    size = np.sqrt((maps**2).mean((1, 2), keepdims=True)) * 10 ** (-12 / 20)
    noisy = (maps + size * rng.standard_normal(maps.shape)).reshape(200, -1)
    assert (structures(noisy, p) == name).mean() >= 0.95
    moved = rng.permuted(noisy, axis=1)
    assert np.isin(structures(moved, p), NAMES).mean() <= 0.01


@pytest.mark.parametrize("p", [4, 7, 14])
def test_random_filters_are_noise(p):
    noise = np.random.default_rng(1).standard_normal((10_000 if p == 7 else 1000, 3, p, p))
    assert np.isin(named(noise)[1], NAMES).mean() <= 0.01


def test_small_patches_and_other_channels_have_no_word():
    rng = np.random.default_rng(3)
    for p in (1, 2, 3):
        assert set(named(rng.standard_normal((5, 3, p, p)))[1]) == {""}
    assert set(named(rng.standard_normal((5, 4, 5, 5)))[0]) == {""}
