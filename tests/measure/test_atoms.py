"""Atoms against their formulas, their derivatives against differences, and the fit's steps."""

import math

import numpy as np
import pytest
import torch

from viz.measure.atom_fit import refine, solve
from viz.measure.atom_selection import coefficients, fit_sums, most_atoms
from viz.measure.atoms import FAMILIES, FREE, bounds, derivatives, evaluate, tap_grid

SHAPE = {
    "gauss": (0.3, -0.2, math.log(1.2), 0, 0, 0),
    "oval": (0.3, -0.2, math.log(0.9), 0.4, math.log(2.5), 0),
    "edge": (-0.4, 0.6, math.log(1.1), 2.0, math.log(1.5), 0),
    "bar": (0.1, 0.2, math.log(0.8), 1.0, math.log(2.0), 0),
    "saddle": (0.5, 0.5, math.log(1.3), 0.7, 0, 0),
    "dog": (0.2, -0.6, math.log(1.0), 0, math.log(1.8), 0.4),
    "ring": (0.0, 0.3, math.log(1.1), 0, 1.1, 2.2),
    "cross": (-0.2, 0.1, math.log(0.7), 0.3, math.log(3.0), 0),
    "grating": (0.4, 0.0, math.log(1.8), 0.9, math.log(4.0), 0.6),
}


def slow(name, q, x, y):
    """One atom at one point, as the methods' table has it."""
    dx, dy, sigma = x - q[0], y - q[1], math.exp(q[2])
    u = (dx * dx + dy * dy) / (2 * sigma**2)

    def across(theta, gamma):
        a = dx * math.cos(theta) + dy * math.sin(theta)
        b = dy * math.cos(theta) - dx * math.sin(theta)
        a, b = a / (gamma * sigma), b / sigma
        return a, b, math.exp(-(a * a + b * b) / 2)

    gamma = math.exp(q[4]) if name in ("oval", "edge", "bar", "cross") else 1
    a, b, e = across(q[3], gamma)
    match name:
        case "gauss" | "oval":
            return e
        case "edge":
            return math.sqrt(math.e) * b * e
        case "bar":
            return (1 - b * b) * e
        case "saddle":
            return math.e * a * b * e
        case "dog":
            return math.exp(-u) - q[5] * math.exp(-u / math.exp(q[4]) ** 2)
        case "ring":
            c1, c2 = math.cos(q[5]) * math.sin(q[4]), math.sin(q[5]) * math.sin(q[4])
            return (math.cos(q[4]) + c1 * u + c2 * u * u) * math.exp(-u)
        case "cross":
            return (e + across(q[3] + math.pi / 2, gamma)[2]) / 2
        case "grating":
            return math.cos(math.exp(q[4]) * b + q[5]) * e


@pytest.mark.parametrize("name", FAMILIES)
def test_atoms_are_their_formulas_and_derivatives_their_slopes(name):
    family = torch.tensor([FAMILIES.index(name)])
    q = torch.tensor([SHAPE[name]], dtype=torch.float64)
    x, y = (g.double() for g in tap_grid(7))
    expected = [slow(name, SHAPE[name], float(a), float(b)) for a, b in zip(x, y, strict=True)]
    values, slopes = evaluate(family, q, x, y), derivatives(family, q, x, y)
    np.testing.assert_allclose(values[0], expected, atol=1e-6)
    np.testing.assert_array_equal(values, slopes[:, 0])
    for i in range(6):
        step = torch.zeros_like(q)
        step[0, i] = 1e-5
        up, down = evaluate(family, q + step, x, y), evaluate(family, q - step, x, y)
        difference = (up - down)[0] / 2e-5 * FREE[family[0], i]
        np.testing.assert_allclose(slopes[0, 1 + i], difference, atol=1e-5)


def test_atoms_of_many_families_at_once_are_those_of_each():
    names = [*FAMILIES, *FAMILIES[::-1]]
    family = torch.tensor([FAMILIES.index(n) for n in names])
    shape = torch.tensor([SHAPE[n] for n in names])
    together = derivatives(family, shape, *tap_grid(5))
    for i in range(len(names)):
        alone = derivatives(family[[i]], shape[[i]], *tap_grid(5))
        np.testing.assert_allclose(together[i], alone[0], atol=1e-6)


def sums(n, rng, k=9):
    """Two atoms per kernel, made by the formulas, and numbers to start from beside them."""
    family = torch.tensor([[FAMILIES.index("edge"), FAMILIES.index("dog")]]).repeat(n, 1)
    shape = torch.tensor([SHAPE["edge"], SHAPE["dog"]]).repeat(n, 1, 1)
    shape[:, 0, :2] += torch.from_numpy(rng.uniform(1, 2, (n, 2)))
    atoms = evaluate(family.reshape(-1), shape.reshape(-1, 6), *tap_grid(k)).view(n, 2, -1)
    taps = (atoms * torch.tensor([[[1.0], [-0.7]]])).sum(1)
    taps -= taps.mean(1, keepdim=True)
    taps /= taps.norm(dim=1, keepdim=True)
    start = shape + torch.from_numpy(rng.normal(0, 0.1, shape.shape)).float() * FREE[family]
    return taps, family, shape, start


def test_refining_finds_the_planted_numbers(rng):
    taps, family, shape, start = sums(20, rng)
    found, sse = refine(taps, family, start, k=9, steps=25, tolerance=1e-6)
    assert sse.max() < 1e-4
    np.testing.assert_allclose(found[:, 0, :4], shape[:, 0, :4], atol=0.03)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_refining_never_loses_and_tells_its_residual(rng, steps):
    taps, family, _, start = sums(20, rng)
    found, sse = refine(taps, family, start, k=9, steps=steps)
    low, high = bounds(9)
    assert ((found >= low[family] - 1e-6) & (found <= high[family] + 1e-6)).all()
    np.testing.assert_allclose(sse, solve(taps, family, found, k=9).sse, atol=2e-4)
    before = solve(taps, family, start, k=9).sse
    assert (sse <= before + 1e-4).all()
    if steps:
        assert (sse < before).float().mean() > 0.9


def test_solving_is_least_squares(rng):
    taps, family, _, start = sums(10, rng)
    taps = taps + 0.1 * torch.from_numpy(rng.standard_normal(taps.shape)).float()
    taps -= taps.mean(1, keepdim=True)
    fit = solve(taps, family, start, k=9)
    for i in range(10):
        columns = np.vstack([np.ones(81), evaluate(family[i], start[i], *tap_grid(9))]).T
        slow_linear, error = np.linalg.lstsq(columns, taps[i].numpy(), rcond=None)[:2]
        np.testing.assert_allclose(fit.linear[i], slow_linear, atol=2e-3)
        assert float(fit.sse[i]) == pytest.approx(float(error[0]), abs=1e-4)


def test_strength_is_the_loss_with_the_others_rescaled(rng):
    taps, *_ = sums(12, rng)
    found = fit_sums(taps, k=9, max_atoms=3)
    for i in range(12):
        m = int(found.n_atoms[i])
        fit = found.fits[m - 1]
        atoms = evaluate(fit.family[i], fit.shape[i], *tap_grid(9)).numpy()
        for j in range(m):
            columns = np.vstack([np.ones(81), np.delete(atoms, j, 0)]).T
            target = taps[i].numpy()
            left = target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0]
            lost = (left**2).sum() - float(fit.sse[i])
            assert float(found.strength[i, j]) == pytest.approx(lost, abs=2e-3)
        assert torch.isnan(found.strength[i, m:]).all()


def test_no_atom_is_kept_that_costs_more_than_it_gains(rng):
    taps, *_ = sums(40, rng)
    taps = taps + 0.04 * torch.from_numpy(rng.standard_normal(taps.shape)).float()
    taps = taps - taps.mean(1, keepdim=True)
    taps = taps / taps.norm(dim=1, keepdim=True)
    found = fit_sums(taps, k=9, max_atoms=4)
    assert (found.n_atoms >= 2).float().mean() > 0.3
    for i in range(40):
        m = int(found.n_atoms[i])
        fit = found.fits[m - 1]
        j = int(found.strength[i, :m].argmin())
        gain = 81 * math.log(1 + float(found.strength[i, j]) / (float(fit.sse[i]) + 0.02))
        numbers = 1 + int(FREE[fit.family[i, j]].sum())
        assert m == 1 or gain > numbers * math.log(81) - 1e-3


def test_numbers_held_are_the_constant_amplitudes_and_shapes():
    family = torch.tensor([[FAMILIES.index(n) for n in ("gauss", "grating", "dog")]])
    assert coefficients(family) == 1 + (1 + 3) + (1 + 6) + (1 + 5)


@pytest.mark.parametrize(("k", "most"), [(3, 1), (4, 2), (5, 3), (6, 5), (9, 13)])
def test_how_many_atoms_taps_bear(k, most):
    assert most_atoms(k) == most
