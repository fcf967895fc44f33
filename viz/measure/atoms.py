"""The shapes that depthwise kernels are described with, and their derivatives.

An atom is a shape on the plane with up to six numbers: x, y (centre, in taps from the kernel's
middle, x right and y up), ln sigma, theta (radians, counter-clockwise: the line of the stripe or
boundary) and two more that each family names for itself. With a the coordinate along that line and
b the one across it, A = a / (gamma sigma), B = b / sigma, E = exp(-(A^2 + B^2) / 2) and
u = ((x - x0)^2 + (y - y0)^2) / (2 sigma^2):

========  ==================================================  ==============================
family    shape                                               free numbers
========  ==================================================  ==============================
gauss     E, gamma = 1                                        x y sigma
oval      E                                                   x y sigma theta gamma
edge      sqrt(e) B E (first derivative across the line)      x y sigma theta gamma
bar       (1 - B^2) E (minus the second derivative)           x y sigma theta gamma
saddle    e A B E, gamma = 1 (mixed second derivative)        x y sigma theta
dog       exp(-u) - w exp(-u / rho^2)                         x y sigma rho w
ring      (c0 + c1 u + c2 u^2) exp(-u), c of unit length      x y sigma, two angles of c
cross     (oval at theta + oval at theta + 90 degrees) / 2    x y sigma theta gamma
grating   cos(kappa B + phi) E, gamma = 1                     x y sigma theta kappa phi
========  ==================================================  ==============================

Gaussian derivatives as models of receptive fields: Koenderink and van Doorn, Biological
Cybernetics 55 (1987); the others are the usual forms of their names.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

__all__ = [
    "FAMILIES",
    "FREE",
    "N_SHAPE",
    "X",
    "Y",
    "bounds",
    "derivatives",
    "evaluate",
    "tap_grid",
]

FAMILIES: Final = ("gauss", "oval", "edge", "bar", "saddle", "dog", "ring", "cross", "grating")
N_SHAPE: Final = 6
X, Y, LOG_SIGMA, THETA, FIFTH, SIXTH = range(N_SHAPE)
GAUSS, OVAL, EDGE, BAR, SADDLE, DOG, RING, CROSS, GRATING = range(len(FAMILIES))

FREE: Final = torch.tensor(
    [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 0, 1, 1],
        [1, 1, 1, 0, 1, 1],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1],
    ],
    dtype=torch.bool,
)
"""Which numbers each family uses, (families, 6)."""

# Polynomials of the Hermite families in 1, B, B^2, A B.
_POLYNOMIAL = torch.tensor(
    [
        [1.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0],
        [0.0, math.sqrt(math.e), 0.0, 0.0],
        [1.0, 0.0, -1.0, 0.0],
        [0.0, 0.0, 0.0, math.e],
    ]
)


def tap_grid(k: int, oversample: int = 1) -> tuple[Tensor, Tensor]:
    """Return x and y of a kernel's taps, row by row, in taps from its middle.

    Parameters
    ----------
    k : int
        Side of the kernel.
    oversample : int
        Points per tap along each side; they tile the taps' squares.

    Returns
    -------
    tuple of torch.Tensor
        x to the right and y up, each ((k * oversample)^2,).
    """
    n = k * oversample
    line = (torch.arange(n, dtype=torch.float32) + 0.5) / oversample - k / 2
    y, x = torch.meshgrid(-line, line, indexing="ij")
    return x.reshape(-1), y.reshape(-1)


def bounds(k: int) -> tuple[Tensor, Tensor]:
    """Return the lowest and highest value of every family's numbers, each (families, 6)."""
    inf, half = math.inf, k / 2
    lo = torch.tensor([[-half, -half, math.log(0.3), -inf, -inf, -inf]]).repeat(len(FAMILIES), 1)
    hi = torch.tensor([[half, half, math.log(max(0.5 * k, 1.0)), inf, inf, inf]])
    hi = hi.repeat(len(FAMILIES), 1)
    fifth = {
        OVAL: (0.0, math.log(8)),
        EDGE: (math.log(0.5), math.log(8)),
        BAR: (math.log(0.5), math.log(8)),
        DOG: (math.log(1.2), math.log(5)),
        CROSS: (math.log(2.2), math.log(8)),
        GRATING: (math.log(1.2), math.log(2 * math.pi * k)),
    }
    for family, (low, high) in fifth.items():
        lo[family, FIFTH], hi[family, FIFTH] = low, high
    lo[DOG, SIXTH], hi[DOG, SIXTH] = 0.02, 0.97
    return lo, hi


def evaluate(family: Tensor, shape: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return each atom on the grid.

    Parameters
    ----------
    family, shape, x, y : torch.Tensor
        As in `derivatives`.

    Returns
    -------
    torch.Tensor, (n, t)
        Values.
    """
    return _fill(family, shape, x, y, shape.new_empty(len(shape), 1, len(x)))[:, 0]


def derivatives(
    family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor | None = None
) -> Tensor:
    """Return each atom on the grid and its derivatives by its six numbers.

    Parameters
    ----------
    family : torch.Tensor of int64, (n,)
        Index into `FAMILIES`.
    shape : torch.Tensor, (n, 6)
        The numbers: x, y, ln sigma, theta, and ln gamma (oval, edge, bar, cross), ln rho and w
        (dog), the angles of c (ring), or ln kappa and phi (grating).
    x, y : torch.Tensor, (t,)
        The grid.
    out : torch.Tensor, (n, 7, t), or None
        Where to write.

    Returns
    -------
    torch.Tensor, (n, 7, t)
        Value, then the six derivatives; 0 for a number that the family does not use.
    """
    if out is None:
        out = shape.new_empty(len(shape), 1 + N_SHAPE, len(x))
    return _fill(family, shape, x, y, out)


def _fill(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Write values, and derivatives where there is room for them: (n, 1 or 7, t)."""
    for members, function in (
        (family <= SADDLE, _hermite),
        (family == DOG, _dog),
        (family == RING, _ring),
        (family == CROSS, _cross),
        (family == GRATING, _grating),
    ):
        rows = members.nonzero()[:, 0]
        if len(rows) == len(family):
            function(family, shape, x, y, out)
        elif len(rows):
            part = out.new_empty(len(rows), *out.shape[1:])
            function(family[rows], shape[rows], x, y, part)
            out[rows] = part
    return out


def _column(shape: Tensor, i: int) -> Tensor:
    return shape[:, i, None]


def _rotated(shape: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the cosine and sine of theta and the coordinates along and across, in sigmas."""
    scale = torch.exp(-_column(shape, LOG_SIGMA))
    cos, sin = torch.cos(_column(shape, THETA)), torch.sin(_column(shape, THETA))
    dx, dy = x - _column(shape, X), y - _column(shape, Y)
    return cos * scale, sin * scale, (dx * cos + dy * sin) * scale, (dy * cos - dx * sin) * scale


def _hermite(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
    c0, c1, c2, c3 = (c[:, None] for c in _POLYNOMIAL.to(shape)[family].unbind(1))
    stretch_free = FREE[family, FIFTH, None]
    stretch = torch.exp(-_column(shape, FIFTH) * stretch_free)
    cos, sin, a, b = _rotated(shape, x, y)
    a *= stretch
    e = torch.exp((a * a).addcmul_(b, b).mul_(-0.5))
    p = (c1 + c2 * b).addcmul_(c3, a).mul_(b).add_(c0)
    torch.mul(p, e, out=out[:, 0])
    if out.shape[1] == 1:
        return
    by_a = (c3 * b).addcmul_(a, p, value=-1).mul_(e)
    by_b = (c1 + (2 * c2) * b).addcmul_(c3, a).addcmul_(b, p, value=-1).mul_(e)
    torch.mul(by_b, sin, out=out[:, 1 + X]).addcmul_(by_a, cos * stretch, value=-1)
    torch.mul(by_a, -sin * stretch, out=out[:, 1 + Y]).addcmul_(by_b, cos, value=-1)
    torch.mul(by_a, b * stretch, out=out[:, 1 + THETA]).addcmul_(by_b, a / stretch, value=-1)
    by_stretch = by_a.mul_(a).neg_()
    torch.addcmul(by_stretch, by_b, b, value=-1, out=out[:, 1 + LOG_SIGMA])
    torch.mul(by_stretch, stretch_free, out=out[:, 1 + FIFTH])
    out[:, 1 + SIXTH] = 0


def _cross(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
    ovals = torch.full_like(family, OVAL)
    _hermite(ovals, shape, x, y, out)
    turned = shape.clone()
    turned[:, THETA] += math.pi / 2
    other = torch.empty_like(out)
    _hermite(ovals, turned, x, y, other)
    out += other
    out *= 0.5


def _grating(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
    cos, sin, a, b = _rotated(shape, x, y)
    kappa = torch.exp(_column(shape, FIFTH))
    phase = kappa * b + _column(shape, SIXTH)
    e = torch.exp(-0.5 * (a * a + b * b))
    wave = torch.cos(phase) * e
    out[:, 0] = wave
    if out.shape[1] == 1:
        return
    by_phase = -torch.sin(phase) * e
    by_a, by_b = -a * wave, by_phase * kappa - b * wave
    out[:, 1 + X] = by_b * sin - by_a * cos
    out[:, 1 + Y] = -by_a * sin - by_b * cos
    out[:, 1 + LOG_SIGMA] = -(a * by_a + b * by_b)
    out[:, 1 + THETA] = by_a * b - by_b * a
    out[:, 1 + FIFTH] = by_phase * kappa * b
    out[:, 1 + SIXTH] = by_phase


def _radial(shape: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    scale = torch.exp(-_column(shape, LOG_SIGMA))
    dx, dy = (x - _column(shape, X)) * scale, (y - _column(shape, Y)) * scale
    return scale, dx, dy, 0.5 * (dx * dx + dy * dy)


def _by_radius(by_u: Tensor, scale: Tensor, dx: Tensor, dy: Tensor, u: Tensor, out: Tensor) -> None:
    out[:, 1 + X] = -by_u * dx * scale
    out[:, 1 + Y] = -by_u * dy * scale
    out[:, 1 + LOG_SIGMA] = -2 * u * by_u
    out[:, 1 + THETA] = 0


def _dog(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
    scale, dx, dy, u = _radial(shape, x, y)
    shrink, w = torch.exp(-2 * _column(shape, FIFTH)), _column(shape, SIXTH)
    centre, wide = torch.exp(-u), torch.exp(-u * shrink)
    out[:, 0] = centre - w * wide
    if out.shape[1] == 1:
        return
    _by_radius(w * shrink * wide - centre, scale, dx, dy, u, out)
    out[:, 1 + FIFTH] = -2 * w * u * shrink * wide
    out[:, 1 + SIXTH] = -wide


def _ring(family: Tensor, shape: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
    scale, dx, dy, u = _radial(shape, x, y)
    alpha, beta = _column(shape, FIFTH), _column(shape, SIXTH)
    ca, sa, cb, sb = torch.cos(alpha), torch.sin(alpha), torch.cos(beta), torch.sin(beta)
    e = torch.exp(-u)
    slope = cb + sb * u
    p = ca + sa * slope * u
    out[:, 0] = p * e
    if out.shape[1] == 1:
        return
    _by_radius((sa * (cb + 2 * sb * u) - p) * e, scale, dx, dy, u, out)
    out[:, 1 + FIFTH] = (ca * slope * u - sa) * e
    out[:, 1 + SIXTH] = sa * (cb * u - sb) * u * e
