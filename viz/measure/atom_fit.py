"""Sums of atoms fitted to many kernels at once: variable projection with damped steps.

For given shapes the constant and the amplitudes are the least-squares solution of a small linear
system; the shapes move by Levenberg-Marquardt steps on what that solution leaves (Golub and
Pereyra, SIAM J. Numer. Anal. 10, 1973, in Kaufman's approximation, BIT 15, 1975). All kernels step
together; each has its own damping and leaves when it has converged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from viz.measure.atoms import LOG_SIGMA, N_SHAPE, X, Y, bounds, derivatives, evaluate, tap_grid

__all__ = ["RIDGE", "Fit", "concatenate", "refine", "solve"]

RIDGE: Final = 1e-4
"""Added to the linear system, relative to each atom's energy: keeps near-copies from cancelling."""
_MAX_STEP = (1.0, 1.0, 0.4, 0.5, 0.5, 0.6)
_START_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-2, 1e-5, 1e5
_EACH = 1 + N_SHAPE
_IN_CACHE = 2**18


@dataclass
class Fit:
    """A constant plus m atoms per kernel, for n kernels.

    Parameters
    ----------
    family : torch.Tensor of int64, (n, m)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, m, 6)
        The atoms' numbers.
    linear : torch.Tensor, (n, m + 1)
        Constant, then amplitudes.
    sse : torch.Tensor, (n,)
        Sum of squared residuals.
    """

    family: Tensor
    shape: Tensor
    linear: Tensor
    sse: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Fit:
        return Fit(self.family[rows], self.shape[rows], self.linear[rows], self.sse[rows])

    def replace(self, rows: Tensor, other: Fit, chosen: Tensor) -> None:
        """Overwrite rows with another fit's chosen rows."""
        self.family[rows] = other.family[chosen]
        self.shape[rows] = other.shape[chosen]
        self.linear[rows] = other.linear[chosen]
        self.sse[rows] = other.sse[chosen]

    def values(self, k: int) -> Tensor:
        """Return every atom on the taps, without amplitude, (n, m, k^2)."""
        n, m = self.family.shape
        x, y = tap_grid(k)
        out = evaluate(self.family.reshape(-1), self.shape.reshape(-1, N_SHAPE), x, y)
        return out.reshape(n, m, -1)

    def render(self, k: int) -> Tensor:
        """Return the fitted kernels, (n, k^2)."""
        atoms = torch.bmm(self.linear[:, None, 1:], self.values(k))[:, 0]
        return atoms + self.linear[:, :1]


def concatenate(fits: list[Fit]) -> Fit:
    """Join fits of the same number of atoms along the kernels."""
    return Fit(
        torch.cat([f.family for f in fits]),
        torch.cat([f.shape for f in fits]),
        torch.cat([f.linear for f in fits]),
        torch.cat([f.sse for f in fits]),
    )


def solve(taps: Tensor, family: Tensor, shape: Tensor, *, k: int) -> Fit:
    """Return constant and amplitudes for given shapes.

    Parameters
    ----------
    taps : torch.Tensor, (n, k^2)
        Kernels, mean 0.
    family : torch.Tensor of int64, (n, m)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, m, 6)
        The atoms' numbers.
    k : int
        Side of the kernels.

    Returns
    -------
    Fit
        In double precision inside.
    """
    fit = Fit(family, shape, taps.new_zeros(len(taps), 1 + family.shape[1]), taps.new_zeros(0))
    atoms = fit.values(k).double()
    level = atoms.mean(2)
    centred = atoms - level[:, :, None]
    gram = centred @ centred.transpose(1, 2)
    ridge = RIDGE * atoms.square().sum(2) + 1e-9
    right = (centred @ taps[:, :, None].double())[:, :, 0]
    system = gram + torch.diag_embed(ridge)
    amplitude = torch.linalg.solve_ex(system, right[:, :, None])[0][:, :, 0]
    error = taps - (amplitude[:, None] @ centred)[:, 0]
    constant = -(amplitude * level).sum(1, keepdim=True)
    linear = torch.cat([constant, amplitude], 1).float()
    return Fit(family, shape, linear, error.square().sum(1).float())


@dataclass
class _State:
    """Kernels still moving: where they are, and the inner products there."""

    rows: Tensor
    taps: Tensor
    basis: Tensor | None
    family: Tensor
    low: Tensor
    high: Tensor
    shape: Tensor
    gram: Tensor
    right: Tensor
    energy: Tensor
    amplitude: Tensor
    sse: Tensor
    damping: Tensor

    def keep(self, stay: Tensor) -> _State:
        """Return the state of some of the kernels."""
        kept: dict[str, Any] = {k: None if v is None else v[stay] for k, v in vars(self).items()}
        return _State(**kept)


def _products(
    family: Tensor, shape: Tensor, taps: Tensor, basis: Tensor | None, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return inner products of atoms and derivatives, with the kernel, and the atoms' energies.

    Columns are, atom by atom, its value and its six derivatives, with the constant and the basis
    projected out: (n, 7 m, 7 m), (n, 7 m); the energies, (n, m), are those before projection.
    """
    n, m = family.shape
    t = taps.shape[1]
    gram = taps.new_empty(n, _EACH * m, _EACH * m)
    right = taps.new_empty(n, _EACH * m)
    energy = taps.new_empty(n, m)
    size = max(8, _IN_CACHE // (m * t))
    columns = taps.new_empty(min(size, n), _EACH * m, t)
    for i in range(0, n, size):
        part = slice(i, i + size)
        some = columns[: len(taps[part])]
        atoms = family[part].reshape(-1), shape[part].reshape(-1, N_SHAPE)
        derivatives(*atoms, x, y, some.view(-1, _EACH, t))
        square = torch.bmm(some, some.transpose(1, 2), out=gram[part])
        torch.bmm(some, taps[part, :, None], out=right[part, :, None])
        energy[part] = square.diagonal(dim1=1, dim2=2)[:, ::_EACH]
        mean = some.mean(2, keepdim=True)
        square.baddbmm_(mean, mean.transpose(1, 2), alpha=-t)
        if basis is not None:
            inside = torch.bmm(some, basis[part].transpose(1, 2))
            square.baddbmm_(inside, inside.transpose(1, 2), alpha=-1)
    return gram, right, energy


def _values(
    family: Tensor, shape: Tensor, taps: Tensor, basis: Tensor | None, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `_products` of the atoms' values alone: (n, m, m), (n, m), (n, m)."""
    n, m = family.shape
    atoms = evaluate(family.reshape(-1), shape.reshape(-1, N_SHAPE), x, y).view(n, m, -1)
    gram = torch.bmm(atoms, atoms.transpose(1, 2))
    energy = gram.diagonal(dim1=1, dim2=2).clone()
    mean = atoms.mean(2, keepdim=True)
    gram.baddbmm_(mean, mean.transpose(1, 2), alpha=-taps.shape[1])
    if basis is not None:
        inside = torch.bmm(atoms, basis.transpose(1, 2))
        gram.baddbmm_(inside, inside.transpose(1, 2), alpha=-1)
    return gram, torch.bmm(atoms, taps[:, :, None])[:, :, 0], energy


def _solve_spd(system: Tensor, right: Tensor) -> Tensor:
    """Return system^-1 right for positive definite systems (n, q, q) and right (n, q, r)."""
    if system.shape[1] == 1:
        return right / system
    factor, failed = torch.linalg.cholesky_ex(system)
    solution = torch.cholesky_solve(right, factor)
    return torch.where(failed[:, None, None] == 0, solution, 0.0)


def _amplitudes(
    plain: Tensor, moment: Tensor, energy: Tensor, total: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the amplitudes (n, m) and the sum of squared residuals from products of values."""
    system = plain + torch.diag_embed(RIDGE * energy + 1e-9)
    amplitude = _solve_spd(system, moment[:, :, None])[:, :, 0]
    fitted = torch.bmm(plain, amplitude[:, :, None])[:, :, 0]
    return amplitude, (total - (amplitude * (2 * moment - fitted)).sum(1)).clamp_min(0)


def _step(s: _State) -> Tensor:
    """Return the damped Gauss-Newton step of the shapes, (n, m, 6)."""
    n, m = s.family.shape
    q = N_SHAPE * m
    gram = s.gram.view(n, m, _EACH, m, _EACH)
    factor = s.amplitude[:, :, None].expand(n, m, N_SHAPE).reshape(n, q)
    cross = gram[:, :, 1:, :, 0].reshape(n, q, m) * factor[:, :, None]
    square = gram[:, :, 1:, :, 1:].reshape(n, q, q) * factor[:, :, None]
    square *= factor[:, None]
    pull = s.right.view(n, m, _EACH)[:, :, 1:].reshape(n, q) * factor
    pull -= torch.bmm(cross, s.amplitude[:, :, None])[:, :, 0]
    system = s.gram[:, ::_EACH, ::_EACH] + torch.diag_embed(RIDGE * s.energy + 1e-9)
    square.baddbmm_(cross, _solve_spd(system, cross.transpose(1, 2)), alpha=-1)
    diagonal = square.diagonal(dim1=1, dim2=2)
    diagonal += s.damping[:, None] * diagonal.clamp_min(0) + 1e-6
    return _solve_spd(square, pull[:, :, None]).view(n, m, N_SHAPE)


def _trial(s: _State) -> Tensor:
    """Return where the next step leads."""
    reach = s.shape.new_tensor(_MAX_STEP).repeat(*s.family.shape, 1)
    reach[:, :, X : Y + 1] = s.shape[:, :, LOG_SIGMA, None].exp().clamp_min(0.5)
    trial = s.shape + torch.minimum(torch.maximum(_step(s), -reach), reach)
    return torch.minimum(torch.maximum(trial, s.low), s.high)


def _finish(s: _State, x: Tensor, y: Tensor) -> None:
    """Try one step in place, the last, after which no derivatives are needed."""
    trial = _trial(s)
    products = _values(s.family, trial, s.taps, s.basis, x, y)
    _, sse = _amplitudes(*products, s.taps.square().sum(1))
    better = sse < s.sse
    s.shape = torch.where(better[:, None, None], trial, s.shape)
    s.sse = torch.where(better, sse, s.sse)


def _advance(s: _State, x: Tensor, y: Tensor, tolerance: float) -> Tensor:
    """Try one step in place and return which kernels have not settled."""
    trial = _trial(s)
    gram, right, energy = _products(s.family, trial, s.taps, s.basis, x, y)
    plain, moment = gram[:, ::_EACH, ::_EACH], right[:, ::_EACH]
    amplitude, sse = _amplitudes(plain, moment, energy, s.taps.square().sum(1))
    gain = s.sse - sse
    better = gain > 0
    settled = better & (gain <= tolerance * s.sse + 1e-7)
    s.shape = torch.where(better[:, None, None], trial, s.shape)
    s.gram = torch.where(better[:, None, None], gram, s.gram)
    s.right = torch.where(better[:, None], right, s.right)
    s.energy = torch.where(better[:, None], energy, s.energy)
    s.amplitude = torch.where(better[:, None], amplitude, s.amplitude)
    s.sse = torch.where(better, sse, s.sse)
    s.damping = (s.damping * torch.where(better, 0.2, 6.0)).clamp_min(_LEAST_DAMPING)
    return ~settled & (s.damping < _MOST_DAMPING)


def refine(
    taps: Tensor,
    family: Tensor,
    shape: Tensor,
    *,
    k: int,
    steps: int,
    basis: Tensor | None = None,
    tolerance: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Move the shapes of given atoms to the nearest minimum of the squared residuals.

    Parameters
    ----------
    taps : torch.Tensor, (n, k^2)
        Kernels of about unit energy, mean 0 and without any of the ``basis``.
    family : torch.Tensor of int64, (n, m)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, m, 6)
        Where to start.
    k : int
        Side of the kernels.
    steps : int
        Most steps tried.
    basis : torch.Tensor, (n, f, k^2), or None
        Orthonormal rows of mean 0 that take what they can of every kernel, beside the constant:
        other atoms held in place.
    tolerance : float
        A kernel leaves when a step gains less than this share of its residual.

    Returns
    -------
    tuple of torch.Tensor
        Shapes (n, m, 6) and squared residuals (n,), never worse than at the start.
    """
    x, y = tap_grid(k)
    lowest, highest = bounds(k)
    rows = torch.arange(len(taps))
    if family.shape[1] == 1:
        # One family after the other: blocks of one family are evaluated at once.
        rows = family[:, 0].argsort(stable=True)
        taps, family, shape = taps[rows], family[rows], shape[rows]
        basis = None if basis is None else basis[rows]
    low, high = lowest[family], highest[family]
    start = torch.minimum(torch.maximum(shape, low), high)
    gram, right, energy = _products(family, start, taps, basis, x, y)
    plain, moment = gram[:, ::_EACH, ::_EACH], right[:, ::_EACH]
    amplitude, sse = _amplitudes(plain, moment, energy, taps.square().sum(1))
    state = _State(
        rows=rows,
        taps=taps,
        basis=basis,
        family=family,
        low=low,
        high=high,
        shape=start,
        gram=gram,
        right=right,
        energy=energy,
        amplitude=amplitude,
        sse=sse,
        damping=torch.full_like(sse, _START_DAMPING),
    )
    shapes, errors = torch.empty_like(start), torch.empty_like(sse)
    shapes[rows], errors[rows] = start, sse
    for i in range(1, steps + 1):
        if i == steps:
            _finish(state, x, y)
            shapes[state.rows], errors[state.rows] = state.shape, state.sse
            break
        moving = _advance(state, x, y, tolerance)
        if moving.float().mean() < 0.8:
            shapes[state.rows], errors[state.rows] = state.shape, state.sse
            if not moving.any():
                break
            state = state.keep(moving)
    return shapes, errors
