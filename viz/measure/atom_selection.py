"""Which atoms, and how many: grown one at a time, refined together, the fewest that BIC accepts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from viz.measure.atom_dictionary import dictionary
from viz.measure.atom_fit import Fit, concatenate, refine
from viz.measure.atoms import FREE, N_SHAPE

__all__ = ["FLOOR", "Chosen", "Sums", "coefficients", "fit_sums"]

FLOOR: Final = 0.005
"""Share of a kernel's energy below which BIC counts no further gain: a description, not a code."""
_STARTS = (4, 3, 2, 2)
_TRIAL_STEPS, _FINAL_STEPS, _REMOVAL_STEPS = 6, 12, 6


@dataclass
class Sums:
    """Every kernel's fits, by number of atoms, and the one chosen.

    Parameters
    ----------
    fits : list of Fit
        With exactly 1, 2, ... atoms; the atoms of fit m are not always among those of m + 1.
    n_atoms : torch.Tensor of int64, (n,)
        Atoms of the chosen fit.
    strength : torch.Tensor, (n, A)
        Per atom of the chosen fit: share of the energy lost when it is removed and the others are
        refitted; nan beyond.
    """

    fits: list[Fit]
    n_atoms: Tensor
    strength: Tensor

    def chosen(self) -> Chosen:
        """Return the atoms kept, strongest first."""
        n, most = self.strength.shape
        family = torch.full((n, most), -1)
        shape = torch.zeros(n, most, N_SHAPE)
        amplitude = torch.full((n, most), math.nan)
        constant, error = torch.zeros(n), torch.zeros(n)
        for m, fit in enumerate(self.fits, 1):
            rows = self.n_atoms == m
            family[rows, :m], shape[rows, :m] = fit.family[rows], fit.shape[rows]
            amplitude[rows, :m], constant[rows] = fit.linear[rows, 1:], fit.linear[rows, 0]
            error[rows] = fit.sse[rows]
        order = torch.nan_to_num(self.strength, nan=-math.inf).argsort(1, descending=True)
        wide = order[:, :, None].expand(-1, -1, N_SHAPE)
        return Chosen(
            family.gather(1, order),
            shape.gather(1, wide),
            amplitude.gather(1, order),
            constant,
            self.strength.gather(1, order),
            error,
        )


@dataclass
class Chosen:
    """The atoms kept of every kernel, strongest first; -1 and nan where there is none.

    Parameters
    ----------
    family : torch.Tensor of int64, (n, A)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, A, 6)
        The atoms' numbers.
    amplitude, strength : torch.Tensor, (n, A)
        Factors of the atoms, and the energy lost without them.
    constant, sse : torch.Tensor, (n,)
        The sum's constant and squared residual.
    """

    family: Tensor
    shape: Tensor
    amplitude: Tensor
    constant: Tensor
    strength: Tensor
    sse: Tensor


def coefficients(family: Tensor, used: Tensor | None = None) -> Tensor:
    """Return how many numbers each sum of atoms (n, m) holds: constant, amplitudes, shapes."""
    each = FREE.sum(1)[family] + 1
    return 1 + (each if used is None else each * used).sum(1)


def most_atoms(k: int) -> int:
    """Return how many atoms k x k taps bear: six numbers each and the constant, below k^2."""
    return max(1, (k * k - 2) // 6)


def _criterion(fit: Fit, taps: int) -> Tensor:
    """Return the Bayesian information criterion of each kernel's fit, to be small."""
    return taps * torch.log(fit.sse + FLOOR) + coefficients(fit.family) * math.log(taps)


def _starts(residual: Tensor, k: int, count: int) -> tuple[Tensor, Tensor]:
    """Return the templates most like the residuals, one per group: families and shapes (n, c)."""
    bank = dictionary(k)
    best_score, best_index = [], []
    score = residual @ bank.template.T
    score = score.square_()
    for group in bank.groups:
        top = score[:, group].max(1)
        best_score.append(top.values)
        best_index.append(top.indices + group.start)
    order = torch.stack(best_score, 1).topk(min(count, len(bank.groups)), dim=1).indices
    index = torch.stack(best_index, 1).gather(1, order)
    return bank.family[index], bank.shape[index]


def _grow(taps: Tensor, fit: Fit | None, k: int, count: int) -> Fit:
    """Return the best fit with one atom more, tried from several starts."""
    residual = taps if fit is None else taps - fit.render(k)
    family, shape = _starts(residual, k, count)
    best: Fit | None = None
    for c in range(family.shape[1]):
        new_family, new_shape = family[:, c, None], shape[:, c, None]
        if fit is not None:
            new_family = torch.cat([fit.family, new_family], 1)
            new_shape = torch.cat([fit.shape, new_shape], 1)
        trial = refine(taps, new_family, new_shape, k=k, steps=_TRIAL_STEPS)
        if best is None:
            best = trial
        else:
            t = taps.shape[1]
            better = _criterion(trial, t) < _criterion(best, t)
            best.replace(better, trial, better)
    assert best is not None
    return refine(taps, best.family, best.shape, k=k, steps=_FINAL_STEPS)


def _without(taps: Tensor, fit: Fit, atom: int, k: int) -> Fit:
    """Return the refitted sum without one of its atoms."""
    keep = [j for j in range(fit.family.shape[1]) if j != atom]
    return refine(taps, fit.family[:, keep], fit.shape[:, keep], k=k, steps=_REMOVAL_STEPS)


def _fit_chunk(taps: Tensor, k: int, max_atoms: int) -> Sums:
    n, t = taps.shape
    fits: list[Fit] = []
    for m in range(min(max_atoms, most_atoms(k))):
        fits.append(_grow(taps, fits[-1] if fits else None, k, _STARTS[min(m, len(_STARTS) - 1)]))
    n_atoms = torch.stack([_criterion(f, t) for f in fits]).argmin(0) + 1
    strength = torch.full((n, max_atoms), math.nan)
    for m in range(len(fits), 0, -1):
        rows = (n_atoms == m).nonzero()[:, 0]
        if not len(rows):
            continue
        fit = fits[m - 1][rows]
        if m == 1:
            strength[rows, 0] = 1 - fit.sse
            continue
        shorter = [_without(taps[rows], fit, j, k) for j in range(m)]
        strength[rows, :m] = torch.stack([s.sse for s in shorter], 1) - fit.sse[:, None]
        for s in shorter:
            better = s.sse < fits[m - 2].sse[rows]
            fits[m - 2].replace(rows[better], s, better)
    return Sums(fits, n_atoms, strength)


def fit_sums(
    taps: Tensor,
    *,
    k: int,
    max_atoms: int,
    progress: Callable[[int, int], None] | None = None,
) -> Sums:
    """Describe kernels as a constant plus one to ``max_atoms`` atoms.

    Parameters
    ----------
    taps : torch.Tensor of float32, (n, k^2)
        Mean 0, unit energy.
    k : int
        Side of the kernels.
    max_atoms : int
        Most atoms per kernel.
    progress : callable or None
        Called with (kernels done, kernels in all).

    Returns
    -------
    Sums
        Atoms of a fit are in the order in which they were found.
    """
    n, t = taps.shape
    size = max(32, min(1024, 2**17 // t))
    parts = []
    for start in range(0, n, size):
        parts.append(_fit_chunk(taps[start : start + size], k, max_atoms))
        if progress is not None:
            progress(min(start + size, n), n)
    fits = [concatenate([p.fits[m] for p in parts]) for m in range(len(parts[0].fits))]
    return Sums(fits, torch.cat([p.n_atoms for p in parts]), torch.cat([p.strength for p in parts]))
