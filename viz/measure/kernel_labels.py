"""The name of an atom, read off its shape inside the kernel's window, not off its formula.

A Gaussian with one lobe outside the window, an edge cut in half or a grating of two stripes are
named by what can be seen: the lobes that hold at least `LOBE` of the largest lobe's mass are
counted, on a grid three times finer than the taps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.measure.atoms import (
    BAR,
    CROSS,
    DOG,
    EDGE,
    FIFTH,
    GAUSS,
    GRATING,
    LOG_SIGMA,
    OVAL,
    RING,
    SADDLE,
    SIXTH,
    THETA,
    X,
    Y,
    evaluate,
    tap_grid,
)
from viz.measure.chunks import in_threads

__all__ = ["LOBE", "MINOR", "TAP_SHARE", "Names", "name_atoms"]

MINOR: Final = 0.25
"""Mass of the minor sign over the major's from which a shape has both (half; centre-surround)."""
LOBE: Final = 0.2
"""Mass of a lobe over the largest one's from which it is counted (bar, ring, grating)."""
TAP_SHARE: Final = 0.9
"""Share of the energy that makes one tap a single tap."""
TAP_SIGMA: Final = 0.5
"""A Gaussian at least this wide is a blob, even if one tap holds most of its energy."""
ARMS: Final = 2.2
"""Length over width from which a cross has arms."""
STRIPE: Final = 2.0
"""Length over width from which a bump has an orientation, and with a surround is a bar."""
ARM_LENGTH: Final = 1.2
"""Sigma along the arm, in taps, from which a cross has arms; shorter ones are blobs on taps."""
CENTRE: Final = 2.0
"""Radius of the sign change over the centre's sigma: 1.85 to 2.15 for a difference of Gaussians
of nearly equal mass whose surround is 1.6 to 2.6 times as wide."""
_OVERSAMPLE: Final = 3
_RADII: Final = 240


@dataclass
class Names:
    """What each atom is; every field (n,). Units and conventions as in `DepthwiseDescription`.

    Parameters
    ----------
    label : ndarray of str
        One of `viz.results.depthwise.LABELS` but ``"unclassified"``.
    scale, orientation, direction, x, y, amplitude : ndarray
        As in the description; ``amplitude`` is the largest tap in the atom's own unit.
    """

    label: NDArray[np.str_]
    scale: NDArray[np.float64]
    orientation: NDArray[np.float64]
    direction: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    amplitude: NDArray[np.float64]

    def spread(self, where: NDArray[np.bool_]) -> Names:
        """Return fields of the mask's shape, ``""`` and nan where it is False."""
        label = np.full(where.shape, "", dtype="<U12")
        label[where] = self.label
        rest = []
        for name in ("scale", "orientation", "direction", "x", "y", "amplitude"):
            values = np.full(where.shape, np.nan)
            values[where] = getattr(self, name)
            rest.append(values)
        return Names(label, *rest)


def _lobes(parts: Tensor, mass: Tensor, count: int) -> Tensor:
    """Return the mass of each numbered part of the plane, (n, count)."""
    return torch.zeros(len(mass), count).scatter_add_(1, parts.clamp(0, count - 1), mass)


def _visible(lobes: Tensor) -> Tensor:
    """Return how many lobes hold at least `LOBE` of the largest, (n,)."""
    size = lobes.abs()
    return (size >= LOBE * size.amax(1, keepdim=True).clamp_min(1e-12)).sum(1)


def _line_lobes(family: Tensor, shape: Tensor, fine: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return how many lobes of edges, bars, saddles and gratings lie in the window, (n,)."""
    sigma = shape[:, LOG_SIGMA, None].exp()
    cos, sin = shape[:, THETA, None].cos(), shape[:, THETA, None].sin()
    dx, dy = x - shape[:, X, None], y - shape[:, Y, None]
    a, b = (dx * cos + dy * sin) / sigma, (dy * cos - dx * sin) / sigma
    phase = shape[:, FIFTH, None].exp() * b + shape[:, SIXTH, None]
    parts = torch.where(b > 0, 1, 0)
    is_family = family[:, None]
    parts = torch.where(is_family == BAR, (b > -1).long() + (b > 1).long(), parts)
    parts = torch.where(is_family == SADDLE, parts + 2 * (a > 0).long(), parts)
    stripe = (phase / math.pi + 0.5).floor().long()
    middle = (shape[:, SIXTH, None] / math.pi + 0.5).floor().long()
    parts = torch.where(is_family == GRATING, stripe - middle + 20, parts)
    return _visible(_lobes(parts, fine, 41))


def _profiles(family: Tensor, shape: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return radii (n, r) and the radial atoms' profiles out to the window's reach."""
    reach = shape[:, :2].abs().amax(1) + k / 2
    radii = torch.linspace(0, 1, _RADII) * reach[:, None]
    u = 0.5 * (radii / shape[:, LOG_SIGMA, None].exp()) ** 2
    fifth, sixth = shape[:, FIFTH, None], shape[:, SIXTH, None]
    dog = torch.exp(-u) - sixth * torch.exp(-u * torch.exp(-2 * fifth))
    poly = fifth.cos() + fifth.sin() * (sixth.cos() + sixth.sin() * u) * u
    profile = torch.where(family[:, None] == RING, poly * torch.exp(-u), torch.exp(-u))
    return radii, torch.where(family[:, None] == DOG, dog, profile)


def _first(found: Tensor, radii: Tensor) -> Tensor:
    """Return the radius at which a condition first holds, nan where it never does."""
    index = found.float().argmax(1)
    radius = radii.gather(1, index[:, None])[:, 0]
    return torch.where(found.any(1), radius, torch.nan)


@dataclass
class _Radial:
    lobes: Tensor
    hollow: Tensor
    zero: Tensor
    sigma: Tensor
    centre: Tensor


def _radial(
    family: Tensor, shape: Tensor, lift: Tensor, k: int, fine: Tensor, x: Tensor, y: Tensor
) -> _Radial:
    """Read lobes and radii of radial atoms; ``fine`` holds the sign and the amplitude.

    ``lift`` is the constant that surrounds the atom, in the atom's own unit.
    """
    radii, profile = _profiles(family, shape, k)
    change = profile[:, 1:] * profile[:, :-1] < 0
    order = torch.cat([torch.zeros(len(shape), 1), change.cumsum(1).float()], 1)
    distance = (x - shape[:, X, None]).hypot(y - shape[:, Y, None])
    index = (distance / radii[:, -1:] * (_RADII - 1)).round().long().clamp(0, _RADII - 1)
    lobes = _lobes(order.gather(1, index).long(), fine, 6)
    peak = profile.abs().amax(1)
    hollow = profile[:, 0].abs() < 0.5 * peak
    half = _first(profile * profile[:, :1].sign() < 0.5 * profile[:, :1].abs(), radii)
    rise = _first(profile.abs() >= 0.5 * peak[:, None], radii)
    lifted = profile + lift[:, None]
    crossing = _first(lifted[:, 1:] * lifted[:, :-1] < 0, radii[:, 1:])
    sigma = shape[:, LOG_SIGMA].exp()
    zero = torch.where(crossing.isnan(), torch.where(hollow, rise, 2 * sigma), crossing)
    sigma = torch.where(family == RING, half / math.sqrt(2 * math.log(2)), sigma)
    nearest = distance.argmin(1, keepdim=True)
    gamma = shape[:, FIFTH].exp()
    sigma = torch.where(family == OVAL, sigma * gamma.sqrt(), sigma)
    sigma = torch.where(family == CROSS, sigma * (0.5 + 0.5 * gamma.square()).sqrt(), sigma)
    return _Radial(lobes, hollow, zero, sigma, fine.gather(1, nearest)[:, 0].sign())


def _masses(fine: Tensor) -> tuple[Tensor, Tensor]:
    return fine.clamp_min(0).sum(1), (-fine).clamp_min(0).sum(1)


def _centroid(fine: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    weight = fine.clamp_min(0)
    total = weight.sum(1).clamp_min(1e-12)
    return (weight @ x) / total, (weight @ y) / total


def _surrounded(fine: Tensor, constant: Tensor) -> Tensor:
    """Return where a constant is the surround of a bump of one sign: the sum has both signs."""
    positive, negative = _masses(fine)
    sign = torch.where(positive >= negative, 1.0, -1.0)
    both = (fine + constant[:, None]) * sign[:, None]
    bump, surround = _masses(both)
    peak = both.amax(1) >= MINOR * constant.abs()
    return (constant * sign < 0) & (surround >= MINOR * bump) & (bump > 0) & peak


def name_atoms(
    family: Tensor, shape: Tensor, amplitude: Tensor, constant: Tensor, *, k: int
) -> Names:
    """Name atoms by what can be seen of them in a k x k window.

    Parameters
    ----------
    family : torch.Tensor of int64, (n,)
        Index into `viz.measure.atoms.FAMILIES`.
    shape : torch.Tensor, (n, 6)
        The atoms' numbers.
    amplitude : torch.Tensor, (n,)
        Factor of the atom.
    constant : torch.Tensor, (n,)
        The constant that may be the atom's surround; 0 where it is not to be counted.
    k : int
        Side of the kernels.

    Returns
    -------
    Names
        Label, scale, angles, place and amplitude.
    """
    size = max(16, 2**19 // (_OVERSAMPLE * k) ** 2)
    starts = range(0, max(len(family), 1), size)
    rows = [slice(i, i + size) for i in starts]
    parts = list(
        in_threads(lambda r: _name_chunk(family[r], shape[r], amplitude[r], constant[r], k), rows)
    )
    return Names(
        *(
            np.concatenate([getattr(p, f) for p in parts])
            for f in ("label", "scale", "orientation", "direction", "x", "y", "amplitude")
        )
    )


def _name_chunk(
    family: Tensor, shape: Tensor, amplitude: Tensor, constant: Tensor, k: int
) -> Names:
    x, y = tap_grid(k, _OVERSAMPLE)
    fine = evaluate(family, shape, x, y) * amplitude[:, None]
    taps = evaluate(family, shape, *tap_grid(k)) * amplitude[:, None]
    positive, negative = _masses(fine)
    both = torch.minimum(positive, negative) >= MINOR * torch.maximum(positive, negative)
    polarity = positive >= negative
    lobes = _line_lobes(family, shape, fine, x, y)
    surrounded = _surrounded(fine, constant) & ~both
    lift = torch.where(surrounded & (amplitude != 0), constant / amplitude, 0.0)
    radial = _radial(family, shape, lift, k, fine, x, y)
    gamma, sigma = shape[:, FIFTH].exp(), shape[:, LOG_SIGMA].exp()

    arms = (gamma >= ARMS) & (gamma * sigma >= ARM_LENGTH)
    is_line = (family == EDGE) | (family == BAR) | (family == SADDLE) | (family == GRATING)
    is_radial = (family == GAUSS) | (family == DOG) | (family == RING)
    rings = _visible(radial.lobes)
    is_bump = (family == GAUSS) | (family == OVAL)
    energy = taps.square()
    single = energy.amax(1) >= TAP_SHARE * energy.sum(1)
    single &= ~(is_bump & (sigma >= TAP_SIGMA)) & ~both & ~surrounded
    where = energy.argmax(1)
    middle = (k - 1) // 2 * (k + 1)

    codes = {
        "identity": single & (where == middle),
        "shift": single & (where != middle),
        "grating": (family == GRATING) & (lobes > 3),
        "cross": ((family == SADDLE) & both & (lobes >= 3)) | ((family == CROSS) & arms),
        "bar": (is_line & (family != SADDLE) & both & (lobes == 3))
        | ((family == OVAL) & surrounded & (gamma >= STRIPE)),
        "edge": is_line & both,
        "ring": is_radial & ((both & (rings >= 3)) | radial.hollow),
        "on-centre": (is_radial & both & (radial.centre > 0)) | (surrounded & polarity),
        "off-centre": (is_radial & both & (radial.centre < 0)) | (surrounded & ~polarity),
        "blob+": polarity,
        "blob-": ~polarity,
    }
    label = np.select([c.numpy() for c in codes.values()], list(codes), default="blob+")
    return _measures(label, family, shape, radial, fine, taps, x, y)


def _measures(
    label: NDArray[np.str_],
    family: Tensor,
    shape: Tensor,
    radial: _Radial,
    fine: Tensor,
    taps: Tensor,
    x: Tensor,
    y: Tensor,
) -> Names:
    """Return scale, angles and place for labels already given."""
    k = math.isqrt(taps.shape[1])
    sigma, gamma = shape[:, LOG_SIGMA].exp(), shape[:, FIFTH].exp()
    wave = 2 * math.pi * sigma / gamma
    is_grating = family == GRATING
    by_label = {
        "grating": wave,
        "bar": torch.where(is_grating, wave / 4, sigma),
        "edge": torch.where(is_grating, wave / 4, sigma),
        "cross": sigma,
        "ring": radial.zero,
        "identity": torch.full_like(sigma, torch.nan),
        "shift": torch.full_like(sigma, torch.nan),
    }
    centred = np.isin(label, ["on-centre", "off-centre"])
    # How wide centre and surround are trades off between them; where the sign changes does not.
    is_round = (family == GAUSS) | (family == DOG) | (family == RING)
    centre = torch.where(is_round, radial.zero / CENTRE, radial.sigma)
    names = np.array(list(by_label))
    scale = np.select(
        [label == n for n in names] + [centred],
        [v.numpy() for v in by_label.values()] + [centre.numpy()],
        default=radial.sigma.numpy(),
    )

    plus_x, plus_y = _centroid(fine, x, y)
    minus_x, minus_y = _centroid(-fine, x, y)
    towards = torch.atan2(plus_y - minus_y, plus_x - minus_x)
    peak_sign = taps.gather(1, taps.abs().argmax(1, keepdim=True))[:, 0]
    theta = shape[:, THETA]
    # An edge's positive side lies at theta + 90 degrees, or opposite if its amplitude is negative;
    # the centroids of the two signs tell which, and are the direction itself for other families.
    normal = theta + math.pi / 2
    normal = torch.where(torch.cos(normal - towards) < 0, normal + math.pi, normal)
    straight = (family == EDGE) | (family == BAR) | is_grating
    direction = torch.where(straight, normal, towards)
    line = torch.where(family == SADDLE, theta + math.pi / 4, theta)
    line = torch.where((family == SADDLE) & (peak_sign < 0), line + math.pi / 2, line)
    turn = np.where(label == "edge", direction.numpy() - math.pi / 2, line.numpy())
    period = np.where((label == "cross") & (family.numpy() == CROSS), 90.0, 180.0)
    orientation = np.mod(np.degrees(turn), period)
    elongated = (
        np.isin(label, ["blob+", "blob-", "on-centre", "off-centre"])
        & ((family == OVAL) & (gamma >= STRIPE)).numpy()
    )
    oriented = np.isin(label, ["edge", "bar", "cross", "grating"]) | elongated
    # A lobe that alone is left of an edge or a bar lies where it is seen, not at the atom's centre.
    cut = np.isin(label, ["blob+", "blob-"]) & straight.numpy()
    plus = label == "blob+"
    place_x = np.where(cut, np.where(plus, plus_x, minus_x), shape[:, X])
    place_y = np.where(cut, np.where(plus, plus_y, minus_y), shape[:, Y])
    tap_x, tap_y = tap_grid(k)
    single = np.isin(label, ["identity", "shift"])
    where = taps.abs().argmax(1)
    aligned = (k - 1) // 2 - (k - 1) / 2
    place_x = np.where(single, tap_x[where] - aligned, place_x)
    place_y = np.where(single, tap_y[where] + aligned, place_y)
    return Names(
        label,
        scale.astype(np.float64),
        np.where(oriented, orientation % 180.0, np.nan),
        np.where(label == "edge", np.degrees(direction.numpy()) % 360.0, np.nan),
        place_x.astype(np.float64),
        place_y.astype(np.float64),
        peak_sign.numpy().astype(np.float64),
    )
