"""Sums of atoms fitted to many kernels at once: variable projection with damped steps.

For given shapes the constant and the amplitudes are the least-squares solution of a small linear
system; the shapes move by Levenberg-Marquardt steps on what that solution leaves (Golub and
Pereyra, SIAM J. Numer. Anal. 10, 1973, in Kaufman's approximation, BIT 15, 1975). All kernels step
together; each has its own damping and leaves when it has converged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from viz.measure.atoms import N_SHAPE, X, Y, bounds, evaluate, tap_grid

__all__ = ["Fit", "concatenate", "refine"]

RIDGE: Final = 1e-4
"""Added to the linear system, relative to each atom's energy: keeps near-copies from cancelling."""
_MAX_STEP = (1.0, 1.0, 0.4, 0.5, 0.5, 0.6)
_START_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-2, 1e-5, 1e5


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

    def replace(self, rows: Tensor, other: Fit, chosen: Tensor | None = None) -> None:
        """Overwrite rows with another fit's (its ``chosen`` rows)."""
        pick = slice(None) if chosen is None else chosen
        self.family[rows] = other.family[pick]
        self.shape[rows] = other.shape[pick]
        self.linear[rows] = other.linear[pick]
        self.sse[rows] = other.sse[pick]

    def values(self, k: int) -> Tensor:
        """Return every atom on the taps, without amplitude, (n, m, k^2)."""
        n, m = self.family.shape
        x, y = tap_grid(k)
        out = evaluate(self.family.reshape(-1), self.shape.reshape(-1, N_SHAPE), x, y)
        return out[:, 0].reshape(n, m, -1)

    def render(self, k: int) -> Tensor:
        """Return the fitted kernels, (n, k^2)."""
        atoms = (self.linear[:, 1:, None] * self.values(k)).sum(1)
        return atoms + self.linear[:, :1]


def concatenate(fits: list[Fit]) -> Fit:
    """Join fits of the same number of atoms along the kernels."""
    return Fit(
        torch.cat([f.family for f in fits]),
        torch.cat([f.shape for f in fits]),
        torch.cat([f.linear for f in fits]),
        torch.cat([f.sse for f in fits]),
    )


def _grams(family: Tensor, shape: Tensor, taps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return inner products of constant, atoms, kernel and derivatives, (n, q, q).

    The q = 2 + 7 m columns are: 1, the m atoms, the kernel, then per number the m derivatives.
    """
    n, m = family.shape
    columns = taps.new_empty(n, 2 + (1 + N_SHAPE) * m, taps.shape[1])
    columns[:, 0] = 1
    out = evaluate(family.reshape(-1), shape.reshape(-1, N_SHAPE), x, y)
    out = out.view(n, m, 1 + N_SHAPE, -1).transpose(1, 2)
    columns[:, 1 : 1 + m] = out[:, 0]
    columns[:, 1 + m] = taps
    columns[:, 2 + m :] = out[:, 1:].reshape(n, N_SHAPE * m, -1)
    return torch.bmm(columns, columns.transpose(1, 2))


def _solve_linear(gram: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """Return constant and amplitudes (n, m + 1), and the sum of squared residuals."""
    system = gram[:, : m + 1, : m + 1].double()
    right = gram[:, : m + 1, m + 1].double()
    diagonal = system.diagonal(dim1=1, dim2=2)
    ridge = RIDGE * diagonal + 1e-9
    ridge[:, 0] = 1e-9
    linear = torch.linalg.solve_ex(system + torch.diag_embed(ridge), right[:, :, None])[0][:, :, 0]
    fitted = (system @ linear[:, :, None])[:, :, 0]
    sse = gram[:, m + 1, m + 1].double() - (linear * (2 * right - fitted)).sum(1)
    return linear.float(), sse.clamp_min(0).float()


def _steps(gram: Tensor, linear: Tensor, damping: Tensor, m: int) -> Tensor:
    """Return the damped Gauss-Newton step of the shapes, (n, m, 6)."""
    n = len(gram)
    amplitude = linear[:, 1:].repeat(1, N_SHAPE)
    cross = gram[:, : m + 1, m + 2 :] * amplitude[:, None]
    square = gram[:, m + 2 :, m + 2 :] * amplitude[:, None] * amplitude[:, :, None]
    pull = gram[:, m + 2 :, m + 1] * amplitude - torch.einsum("npq,np->nq", cross, linear)
    system = gram[:, : m + 1, : m + 1].clone()
    system.diagonal(dim1=1, dim2=2).mul_(1 + RIDGE).add_(1e-7)
    square -= torch.bmm(cross.transpose(1, 2), torch.linalg.solve_ex(system, cross)[0])
    diagonal = square.diagonal(dim1=1, dim2=2)
    diagonal += damping[:, None] * diagonal.clamp_min(0) + 1e-7
    step = torch.linalg.solve_ex(square, pull[:, :, None])[0][:, :, 0]
    step = torch.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)
    return step.view(n, N_SHAPE, m).transpose(1, 2)


def refine(
    taps: Tensor, family: Tensor, shape: Tensor, *, k: int, steps: int, tolerance: float = 1e-4
) -> Fit:
    """Move the shapes of given atoms to the nearest minimum of the squared residuals.

    Parameters
    ----------
    taps : torch.Tensor, (n, k^2)
        Kernels of about unit energy.
    family : torch.Tensor of int64, (n, m)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, m, 6)
        Where to start.
    k : int
        Side of the kernels.
    steps : int
        Most steps tried.
    tolerance : float
        A kernel leaves when a step gains less than this share of its residual.

    Returns
    -------
    Fit
        Never worse than the start.
    """
    n, m = family.shape
    x, y = tap_grid(k)
    low, high = (b[family] for b in bounds(k))
    limit = shape.new_tensor(_MAX_STEP)
    shape = torch.minimum(torch.maximum(shape, low), high)
    gram = _grams(family, shape, taps, x, y)
    linear, sse = _solve_linear(gram, m)
    damping = torch.full_like(sse, _START_DAMPING)
    rows = torch.arange(n)
    for _ in range(steps):
        step = _steps(gram[rows], linear[rows], damping[rows], m)
        reach = limit.expand(len(rows), m, N_SHAPE).clone()
        sigma = shape[rows, :, 2].exp().clamp_min(0.5)
        reach[:, :, X], reach[:, :, Y] = sigma, sigma
        trial = shape[rows] + torch.minimum(torch.maximum(step, -reach), reach)
        trial = torch.minimum(torch.maximum(trial, low[rows]), high[rows])
        trial_gram = _grams(family[rows], trial, taps[rows], x, y)
        trial_linear, trial_sse = _solve_linear(trial_gram, m)
        gain = sse[rows] - trial_sse
        better = gain > 0
        settled = better & (gain <= tolerance * sse[rows] + 1e-7)
        accepted = rows[better]
        shape[accepted], gram[accepted] = trial[better], trial_gram[better]
        linear[accepted], sse[accepted] = trial_linear[better], trial_sse[better]
        factor = torch.where(better, 0.2, 6.0)
        damping[rows] = (damping[rows] * factor).clamp_min(_LEAST_DAMPING)
        rows = rows[~settled & (damping[rows] < _MOST_DAMPING)]
        if not len(rows):
            break
    return Fit(family, shape, linear, sse)
