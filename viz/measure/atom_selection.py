"""Which atoms, and how many: grown one at a time, refined together, the fewest that BIC accepts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from viz.measure.atom_dictionary import GROUPS, dictionary
from viz.measure.atom_fit import RIDGE, Fit, concatenate, refine, solve
from viz.measure.atoms import FREE, N_SHAPE
from viz.measure.chunks import in_threads

__all__ = ["FLOOR", "Chosen", "Sums", "coefficients", "fit_sums"]

FLOOR: Final = 0.02
"""Share of a kernel's energy below which BIC counts no further gain: a description, not a code."""
_REMOVAL_STEPS = 5


@dataclass(frozen=True)
class Stage:
    """How hard one more atom is looked for.

    Parameters
    ----------
    starts : int
        Templates tried per fit to grow from, each of another group of families.
    alone : int
        Steps of the new atom with the others held in place.
    tried : int
        Candidates that are then refined as a whole, with ``together`` steps.
    together : int
        Their steps.
    kept : int
        Candidates from which the next atom is grown; the best gets ``polish`` steps more.
    polish : int
        Those steps.
    groups : int
        Groups of families that the templates may be of, counted from the first.
    """

    starts: int
    alone: int
    tried: int
    together: int
    kept: int
    polish: int
    groups: int = len(GROUPS)


PLAN: Final = (
    Stage(6, 4, 3, 0, 2, 4),
    Stage(2, 3, 3, 3, 2, 4),
    Stage(2, 3, 3, 3, 1, 4),
    Stage(2, 3, 2, 3, 1, 5),
)
"""One stage per atom."""
AGAIN: Final = Stage(3, 3, 3, 4, 1, 5)
"""How hard another atom is looked for in the place of each, where a sum is nearly complete."""
_NEARLY, _WITHIN = 0.1, 5.0
ROUND: Final = Stage(2, 3, 1, 0, 1, 0, groups=3)
"""How a round atom is looked for in the place of two of three."""
BESIDE: Final = Stage(2, 3, 3, 4, 1, 5)
"""How hard the third is looked for, beside a round one."""
WIDE: Final = (Stage(6, 3, 6, 0, 6, 0), Stage(3, 2, 8, 0, 8, 0), Stage(2, 2, 6, 4, 1, 5))
"""How three atoms are looked for anew, from many first ones, where a sum is nearly complete."""


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
        rescaled; nan beyond.
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


def _criterion(family: Tensor, sse: Tensor, taps: int) -> Tensor:
    """Return the Bayesian information criterion of sums of atoms, to be small."""
    return taps * torch.log(sse + FLOOR) + coefficients(family) * math.log(taps)


def _starts(residual: Tensor, k: int, plan: Stage) -> tuple[Tensor, Tensor]:
    """Return the templates most like the residuals, one per group: families, shapes (n, c)."""
    bank = dictionary(k)
    groups = bank.groups[: plan.groups]
    tops = [(residual @ bank.template[group].T).abs_().max(1) for group in groups]
    best = torch.stack([t.values for t in tops], 1)
    where = torch.stack([t.indices + g.start for t, g in zip(tops, groups, strict=True)], 1)
    index = where.gather(1, best.topk(min(plan.starts, len(groups)), dim=1).indices)
    return bank.family[index], bank.shape[index]


def _orthonormal(atoms: Tensor) -> Tensor:
    """Return an orthonormal basis (n, m, t) of atoms without their means."""
    centred = atoms - atoms.mean(2, keepdim=True)
    gram = centred @ centred.transpose(1, 2)
    diagonal = gram.diagonal(dim1=1, dim2=2)
    diagonal += RIDGE * diagonal + 1e-9
    factor = torch.linalg.cholesky_ex(gram)[0]
    basis: Tensor = torch.linalg.solve_triangular(factor, centred, upper=False)
    return basis


def _grow(taps: Tensor, beams: list[Fit], k: int, plan: Stage) -> list[Fit]:
    """Return the best fits with one atom more: new atoms alone first, then all together.

    ``beams`` are the fits to grow from, the best first, or none.
    """
    n, t = taps.shape
    if beams:
        b = len(beams)
        family = torch.stack([f.family for f in beams], 1).flatten(0, 1)
        shape = torch.stack([f.shape for f in beams], 1).flatten(0, 1)
        basis = _orthonormal(concatenate(beams).values(k))
        basis = basis.reshape(b, n, *basis.shape[1:]).transpose(0, 1).flatten(0, 1)
        wide = taps.repeat_interleave(b, 0)
        residual = wide - torch.bmm(torch.bmm(wide[:, None], basis.transpose(1, 2)), basis)[:, 0]
    else:
        b, basis, residual = 1, None, taps
    new_family, new_shape = _starts(residual, k, plan)
    c = new_family.shape[1]
    new_family, new_shape = new_family.reshape(-1, 1), new_shape.reshape(-1, 1, N_SHAPE)
    new_shape, sse = refine(
        residual.repeat_interleave(c, 0),
        new_family,
        new_shape,
        k=k,
        steps=plan.alone,
        basis=None if basis is None else basis.repeat_interleave(c, 0),
    )
    if beams:
        new_family = torch.cat([family.repeat_interleave(c, 0), new_family], 1)
        new_shape = torch.cat([shape.repeat_interleave(c, 0), new_shape], 1)
    new_family, new_shape, sse = _best(new_family, new_shape, sse, n, b * c, plan.tried, t)
    if beams:
        new_shape, sse = refine(
            taps.repeat_interleave(plan.tried, 0), new_family, new_shape, k=k, steps=plan.together
        )
        new_family, new_shape, sse = _best(new_family, new_shape, sse, n, plan.tried, plan.kept, t)
    count = len(sse) // n
    new_family = new_family.reshape(n, count, *new_family.shape[1:])
    new_shape = new_shape.reshape(n, count, *new_shape.shape[1:])
    best_shape, _ = refine(taps, new_family[:, 0], new_shape[:, 0], k=k, steps=plan.polish)
    shapes = [best_shape, *new_shape[:, 1:].unbind(1)]
    return [solve(taps, new_family[:, i], shape, k=k) for i, shape in enumerate(shapes)]


def _best(
    family: Tensor, shape: Tensor, sse: Tensor, n: int, given: int, kept: int, taps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the ``kept`` best of each kernel's candidates, best first, copies put last."""
    value = _criterion(family, sse, taps).view(n, given)
    value, order = value.sort(1)
    copies = torch.zeros_like(value)
    copies[:, 1:] = (value[:, 1:] - value[:, :-1] < 1e-2).float() * 1e6
    order = order.gather(1, (value + copies).argsort(dim=1, stable=True))[:, :kept]
    rows = (order + given * torch.arange(n)[:, None]).reshape(-1)
    return family[rows], shape[rows], sse[rows]


def _unfinished(taps: Tensor, fit: Fit, fewer: Tensor) -> Tensor:
    """Return the rows of a nearly complete sum in which other atoms may be worth looking for.

    Where much is left unexplained anyway an exchange gains little, and where ``fewer`` atoms have a
    criterion that is lower by far it is of no use.
    """
    worth = _criterion(fit.family, fit.sse, taps.shape[1]) < fewer + _WITHIN
    return ((fit.sse < _NEARLY) & worth).nonzero()[:, 0]


def _take(fit: Fit, rows: Tensor, found: Fit, t: int) -> Tensor:
    """Overwrite rows of a fit, in place, with what is better, and return which they were."""
    now = fit[rows]
    before, after = (_criterion(f.family, f.sse, t) for f in (now, found))
    better = after < before
    fit.replace(rows[better], found, better)
    return rows[better]


def _look_again(taps: Tensor, fit: Fit, rows: Tensor, k: int) -> None:
    """Exchange one atom for another, in place, where that betters the sum.

    Growth is greedy: an early atom may stand for two that came later.
    """
    if not len(rows):
        return
    now, some = fit[rows], taps[rows]
    m = now.family.shape[1]
    shorter = [solve(some, now.family[:, o], now.shape[:, o], k=k) for o in _others(m)]
    _take(fit, rows, _grow(some, shorter, k, AGAIN)[0], taps.shape[1])


def _look_wider(taps: Tensor, fit: Fit, rows: Tensor, k: int) -> Tensor:
    """Exchange all atoms, in place, where that betters the sum; return where it did.

    The first atom of a sum grown from the two best ones may be of a shape that no exchange mends:
    here the sum is grown from the best of six groups, its parts refined together at the end only.
    """
    if not len(rows):
        return rows
    some, beams = taps[rows], list[Fit]()
    for stage in WIDE:
        beams = _grow(some, beams, k, stage)
    return _take(fit, rows, beams[0], taps.shape[1])


def _look_for_pairs(taps: Tensor, fit: Fit, rows: Tensor, k: int) -> Tensor:
    """Exchange two of three atoms, in place, where that betters the sum; return where it did.

    A bump and its neighbour of the other sign are taken for an edge, and no exchange of one atom
    leads back: with each atom held in turn a round one is looked for first, then any.
    """
    if not len(rows):
        return rows
    now, some = fit[rows], taps[rows]
    held = [solve(some, now.family[:, [j]], now.shape[:, [j]], k=k) for j in range(3)]
    beams = [_grow(some, [one], k, ROUND)[0] for one in held]
    return _take(fit, rows, _grow(some, beams, k, BESIDE)[0], taps.shape[1])


def _others(m: int) -> list[list[int]]:
    """Return, for each of m atoms, the numbers of the others."""
    return [[i for i in range(m) if i != j] for j in range(m)]


def _drop(taps: Tensor, fits: list[Fit], n_atoms: Tensor, m: int, k: int) -> None:
    """Try, in place, every sum of m atoms that was chosen without its weakest one.

    The others move to where they fit best alone. Where that betters the fit of m - 1 atoms, it is
    kept; where its criterion is then no higher than that of m atoms, it is chosen.
    """
    rows = (n_atoms == m).nonzero()[:, 0]
    if not len(rows):
        return
    some, fit, fewer = taps[rows], fits[m - 1][rows], fits[m - 2]
    others = torch.tensor(_others(m))[_losses(some, fit, k).argmin(1)]
    family = fit.family.gather(1, others)
    shape = fit.shape.gather(1, others[:, :, None].expand(-1, -1, N_SHAPE))
    shape, _ = refine(some, family, shape, k=k, steps=_REMOVAL_STEPS)
    shorter = solve(some, family, shape, k=k)
    better = shorter.sse < fewer.sse[rows]
    fewer.replace(rows[better], shorter, better)
    now, then = (_criterion(f.family, f.sse, taps.shape[1]) for f in (fit, fewer[rows]))
    n_atoms[rows[then <= now]] = m - 1


def _losses(taps: Tensor, fit: Fit, k: int) -> Tensor:
    """Return the energy lost, (n, m), without each atom, the others rescaled but not moved.

    Others that may move would take the place of what is removed and hide what it did.
    """
    m = fit.family.shape[1]
    if m == 1:
        return 1 - fit.sse[:, None]
    shorter = [solve(taps, fit.family[:, o], fit.shape[:, o], k=k).sse for o in _others(m)]
    return torch.stack(shorter, 1) - fit.sse[:, None]


def _fit_chunk(taps: Tensor, k: int, max_atoms: int) -> Sums:
    n, t = taps.shape
    fits: list[Fit] = []
    beams: list[Fit] = []
    for stage in PLAN[: min(max_atoms, most_atoms(k))]:
        beams = _grow(taps, beams, k, stage)
        if 1 <= len(fits) <= 2:
            fewer = torch.stack([_criterion(f.family, f.sse, t) for f in fits]).amin(0)
            _look_again(taps, beams[0], _unfinished(taps, beams[0], fewer), k)
        if len(fits) == 2:
            rows = _unfinished(taps, beams[0], fewer)
            new = [look(taps, beams[0], rows, k) for look in (_look_wider, _look_for_pairs)]
            _look_again(taps, beams[0], torch.unique(torch.cat(new)), k)
        fits.append(beams[0])
    n_atoms = torch.stack([_criterion(f.family, f.sse, t) for f in fits]).argmin(0) + 1
    strength = torch.full((n, max_atoms), math.nan)
    for m in range(len(fits), 0, -1):
        if m > 1:
            _drop(taps, fits, n_atoms, m, k)
        rows = (n_atoms == m).nonzero()[:, 0]
        if len(rows):
            strength[rows, :m] = _losses(taps[rows], fits[m - 1][rows], k)
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
    # Half as large, chunks take an eighth more time; twice as large, a tenth less and more memory.
    size = max(32, min(2048, 2048 * 81 // t))
    chunks = [taps[i : i + size] for i in range(0, n, size)]
    dictionary(k)  # before the threads, which would each make it
    parts: list[Sums] = []
    for part in in_threads(lambda rows: _fit_chunk(rows, k, max_atoms), chunks):
        parts.append(part)
        if progress is not None:
            progress(min(len(parts) * size, n), n)
    fits = [concatenate([p.fits[m] for p in parts]) for m in range(len(parts[0].fits))]
    return Sums(fits, torch.cat([p.n_atoms for p in parts]), torch.cat([p.strength for p in parts]))
