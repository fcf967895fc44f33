"""The bank of named pictures that depthwise kernels are compared with, rendered once per k."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.floating[Any]]

KINDS: Final = (
    "identity",
    "shift",
    "blob",
    "centre",
    "half",
    "pair",
    "stripe",
    "stroke",
    "ring",
    "cross",
    "grating",
    "frame",
    "flat",
)
"""Kinds of picture. Some names have two: an edge is a half-plane or a pair, a bar crosses the whole
window (stripe) or does not (stroke)."""
_POLAR: Final = {"blob": ("blob-", "blob+"), "centre": ("off-centre", "on-centre")}
_NAMES: Final = {"half": "edge", "pair": "edge", "stripe": "bar", "stroke": "bar"}


def name_of(kind: str, positive: bool) -> str:
    """Return the name of a picture of this kind, drawn with this sign."""
    return _POLAR[kind][positive] if kind in _POLAR else _NAMES.get(kind, kind)


SURROUND: Final = 0.08
"""Depth of a surround over the height of its middle from which it is seen."""


@dataclass(frozen=True)
class Bank:
    """Pictures of k x k taps, unit norm, one sign each, and what each shows.

    Sorted by kind, an index into `KINDS`. Positions are in taps from the middle, right and up; the
    scale is sigma in taps (a grating's wavelength, a ring's radius); the angle is that of the
    stripe or boundary in degrees, counter-clockwise, [0, 360): the positive side of an edge lies to
    the left of this direction. What a picture has not is nan.
    """

    pictures: Tensor
    kind: NDArray[np.int64]
    x: Floats
    y: Floats
    scale: Floats
    angle: Floats

    def slices(self) -> list[slice]:
        """Return where each kind of `KINDS` lies."""
        edges = np.searchsorted(self.kind, np.arange(len(KINDS) + 1))
        return [slice(int(a), int(b)) for a, b in pairwise(edges)]


class Canvas:
    """Collects pictures, family by family, from grids of parameters."""

    def __init__(self, k: int) -> None:
        self.k, self.r = k, (k - 1) / 2
        axis = np.arange(k) - self.r
        axis = axis.astype(np.float32)
        self.px, self.py = np.tile(axis, k), -np.repeat(axis, k)
        self.parts: list[tuple[int, Floats, Floats]] = []

    def frame_of(self, x: Floats, y: Floats, angle: Floats) -> tuple[Floats, Floats]:
        """Return coordinates along and across a line through (x, y) at this angle, (m, k^2)."""
        cos, sin = np.cos(np.radians(angle))[:, None], np.sin(np.radians(angle))[:, None]
        dx, dy = self.px - x[:, None], self.py - y[:, None]
        return cos * dx + sin * dy, cos * dy - sin * dx

    def across(self, angle: Floats, offset: Floats) -> Floats:
        """Return the distance from a line at this angle, moved this far to its left, (m, k^2)."""
        zero = np.zeros_like(angle)
        return self.frame_of(zero, zero, angle)[1] - offset[:, None]

    def oval(
        self,
        x: Floats,
        y: Floats,
        s: Floats,
        length: Floats | None = None,
        angle: Floats | None = None,
    ) -> Floats:
        """Return Gaussians, longer than wide by ``length`` along their angle, (m, k^2)."""
        one = np.ones_like(s)
        along, across = self.frame_of(x, y, np.zeros_like(s) if angle is None else angle)
        stretched = (s * (one if length is None else length))[:, None]
        return np.exp(-((across / s[:, None]) ** 2 + (along / stretched) ** 2) / 2)

    def add(self, kind: str, pictures: Floats, **told: Floats) -> None:
        """Keep pictures (m, k^2) of one kind, with what is known of them."""
        columns = np.stack([np.broadcast_to(told.get(n, np.nan), len(pictures)) for n in _TOLD])
        self.parts.append((KINDS.index(kind), pictures, columns.astype(np.float64).round(5)))

    def bank(self) -> Bank:
        """Return the pictures so far, sorted by kind, with norm 1."""
        parts = sorted(self.parts, key=lambda part: part[0])
        pictures = np.concatenate([part[1] for part in parts])
        norm = np.linalg.norm(pictures, axis=1, keepdims=True)
        told = np.concatenate([part[2] for part in parts], axis=1)
        kind = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
        visible = norm[:, 0] > 1e-6
        unit = (pictures / np.maximum(norm, 1e-12))[visible].astype(np.float32, copy=False)
        # Tails too small for normal numbers make a product four times as slow.
        unit[np.abs(unit) < 1e-9] = 0
        return Bank(
            torch.from_numpy(unit),
            kind[visible],
            *told[:, visible],
        )


_TOLD: Final = ("x", "y", "scale", "angle")


def grid(*axes: object) -> list[Floats]:
    """Return the flattened mesh of these axes, in single precision: pictures need no more."""
    arrays = [np.atleast_1d(np.asarray(axis, dtype=np.float32)) for axis in axes]
    return [mesh.ravel() for mesh in np.meshgrid(*arrays, indexing="ij")]


def turns(n: int, full: float = 180.0) -> Floats:
    """Return n angles, evenly over ``full`` degrees from 0."""
    return np.arange(n) * full / n


def _sizes(c: Canvas, *at_nine: float) -> list[float]:
    """Return scales made for 9 x 9 taps: fewer in a smaller window, more in a larger one."""
    most = at_nine[-1] * c.k / 9 * 1.1
    found = [s for i, s in enumerate(at_nine) if i < 2 or s <= most]
    while found[-1] * 1.35 <= most:
        found.append(found[-1] * 1.35)
    return found


def _places(c: Canvas, limit: float, step: float) -> Floats:
    """Return places from -limit to limit, evenly, the middle among them where it is a tap."""
    count = math.ceil(2 * limit / step - 1e-9) + 1
    return np.linspace(-limit, limit, count + (count + c.k) % 2)


def _single_taps(c: Canvas) -> None:
    # A rest as strong as the tap itself is as strong in every window.
    tap, rest = grid(np.arange(c.k**2), np.array((0, -0.04, -0.09, 0.05)) * 9 / c.k)
    x, y = c.px[tap.astype(int)], c.py[tap.astype(int)]
    one = (c.px == x[:, None]) & (c.py == y[:, None])
    pictures = np.where(one, np.float32(1), rest[:, None])
    middle = (np.abs(x) <= 0.5) & (np.abs(y) <= 0.5)
    for kind, which in (("identity", middle), ("shift", ~middle)):
        c.add(kind, pictures[which], x=x[which], y=y[which])


def _blobs(c: Canvas) -> None:
    for size in _sizes(c, 0.6, 0.8, 1.1, 1.5, 2.1):
        places = _places(c, c.r, max(1.0, 0.8 * size))
        x, y, s, rest = grid(places, places, size, (0, -0.05, 0.08))
        c.add("blob", c.oval(x, y, s) + rest[:, None], x=x, y=y, scale=s)
    # Between the taps, where the middle of a small bump shows.
    inner = _places(c, min(c.r / 2, 2), 0.5)
    x, y, s, rest = grid(inner, inner, (0.7, 0.95, 1.3), (0, -0.04))
    c.add("blob", c.oval(x, y, s) + rest[:, None], x=x, y=y, scale=s)


def _centres(c: Canvas) -> None:
    """A bump near the middle minus a wider one, or minus a constant."""
    halves = (-1, -0.5, 0, 0.5, 1)
    x, y, s, ratio, balance = grid(
        halves,
        halves,
        _sizes(c, 0.4, 0.55, 0.75, 1, 1.4, 1.9),
        (1.2, 1.5, 2, 3, 1e3),
        (0.6, 1, 1.5),
    )
    near = x**2 + y**2 < 1.4
    x, y, s, ratio, balance = (axis[near] for axis in (x, y, s, ratio, balance))
    bump, around = c.oval(x, y, s), c.oval(x, y, s * ratio)
    pictures = bump / bump.sum(1, keepdims=True)
    pictures -= balance[:, None] * around / around.sum(1, keepdims=True)
    high, low = pictures.max(1), -pictures.min(1)
    seen = (high > 0.7 * low) & (low > SURROUND * high)
    c.add("centre", pictures[seen], x=x[seen], y=y[seen], scale=s[seen])


def _edges(c: Canvas) -> None:
    """Boundaries at half of all angles: the other half are their negatives."""
    for size in _sizes(c, 0.3, 1, 2.2):
        places = _places(c, c.r / 2, max(0.5, 0.5 * size))
        angle, offset, width, bias = grid(turns(8), places, size, (-0.35, 0, 0.35))
        pictures = np.tanh(c.across(angle, offset) / width[:, None]) + bias[:, None]
        x, y = -offset * np.sin(np.radians(angle)), offset * np.cos(np.radians(angle))
        c.add("half", pictures, x=x, y=y, scale=width, angle=angle)
    for size in _sizes(c, 0.5, 0.8, 1.3, 2.0):
        places = _places(c, _near(c), max(1.0, 0.8 * size))
        angle, x, y, s, length = grid(turns(8), places, places, size, (1, 2))
        pictures = c.frame_of(x, y, angle)[1] * c.oval(x, y, s, length, angle)
        c.add("pair", pictures, x=x, y=y, scale=s, angle=angle)


_STRIPES: Final = np.array([(0, 0), (0, -0.2), (0, 0.1), (1, 0)], np.float32)
_STROKES: Final = np.array([(0, 0), (0, -0.08), (0.8, 0)], np.float32)
"""How deep the flanks of bars are, and the rest."""


def _bars(c: Canvas) -> None:
    """Lines with or without flanks, on a rest or on none; longer lines at more angles."""
    stripe_turns = turns(8 if c.k < 12 else 12)
    for size in _sizes(c, 0.45, 0.7, 1.1, 1.6):
        places = _places(c, c.r - 0.5, max(0.5, 0.7 * size))
        angle, offset, s, look = grid(stripe_turns, places, size, np.arange(4))
        flank, rest = _STRIPES[look.astype(int)].T
        u = (c.across(angle, offset) / s[:, None]) ** 2
        pictures = (1 - flank[:, None] * u) * np.exp(-u / 2) + rest[:, None]
        x, y = -offset * np.sin(np.radians(angle)), offset * np.cos(np.radians(angle))
        c.add("stripe", pictures, x=x, y=y, scale=s, angle=angle)
    for size in _sizes(c, 0.4, 0.6, 1.0):
        places = _places(c, _near(c), 1.0)
        angle, x, y, s, length, look = grid(turns(8), places, places, size, 2.5, np.arange(3))
        flank, rest = _STROKES[look.astype(int)].T
        u = (c.frame_of(x, y, angle)[1] / s[:, None]) ** 2
        pictures = (1 - flank[:, None] * u) * c.oval(x, y, s, length, angle) + rest[:, None]
        c.add("stroke", pictures, x=x, y=y, scale=s, angle=angle)


def _rings(c: Canvas) -> None:
    radii = [1.0]
    while radii[-1] + max(0.5, 0.12 * radii[-1]) <= 0.75 * c.r:
        radii.append(radii[-1] + max(0.5, 0.12 * radii[-1]))
    places = _places(c, max(c.r / 4, 0.5), 1.0)
    x, y, radius, width, middle = grid(
        places, places, [z for z in radii if z <= 0.75 * c.r], _sizes(c, 0.5, 0.8), (0, -0.6, -1.2)
    )
    # With less of a middle, or shorter arms, it would be a bump.
    x, y, radius, width, middle = (
        axis[radius >= 1.5 * width] for axis in (x, y, radius, width, middle)
    )
    d = np.hypot(c.px - x[:, None], c.py - y[:, None])
    ring = np.exp(-((d - radius[:, None]) ** 2) / (2 * width[:, None] ** 2))
    inside = np.exp(-(d**2) / (2 * (0.5 * radius[:, None]) ** 2))
    c.add("ring", ring + middle[:, None] * inside, x=x, y=y, scale=radius)


def _crosses(c: Canvas) -> None:
    for size in _sizes(c, 0.4, 0.7, 1.1):
        places = _places(c, c.r / 4, max(0.5, size))
        angle, x, y, s, reach = grid(
            turns(6, 90),
            places,
            places,
            size,
            [z for z in (c.k / 6, c.k / 3.6, c.k) if z >= 2 * size],
        )
        along, across = c.frame_of(x, y, angle)
        arms = np.exp(-np.minimum(along**2, across**2) / (2 * s[:, None] ** 2))
        within = np.exp(-(along**2 + across**2) / (2 * reach[:, None] ** 2))
        c.add("cross", arms * within, x=x, y=y, scale=s, angle=angle)
    places = _places(c, c.r / 4, 1.0)
    angle, x, y, reach = grid(turns(4, 90), places, places, _sizes(c, 1.0, 1.6, 2.5))
    along, across = c.frame_of(x, y, angle)
    saddle = along * across * c.oval(x, y, reach)
    c.add("cross", saddle, x=x, y=y, scale=reach, angle=(angle + 45) % 180)


def _near(c: Canvas) -> float:
    """Return how far small shapes lie from the middle, where they are told apart."""
    return min(c.r / 2, 3.0)


def _gratings(c: Canvas) -> None:
    wavelengths = [w for w in (2.0, 2.5, 3.0, 3.6, 4.2, 5.0, 6.0) if c.k / w > 2.1]
    angle, wave, phase, reach = grid(turns(12), wavelengths, turns(4), (c.k, c.k / 3))
    across = c.across(angle, np.zeros_like(angle))
    stripes = np.cos(2 * np.pi * across / wave[:, None] + np.radians(phase)[:, None])
    zero = np.zeros_like(angle)
    c.add("grating", stripes * c.oval(zero, zero, reach), scale=wave, angle=angle)


def _frames(c: Canvas) -> None:
    """One to four sides of the window, one or two taps thick; all four also with a cross."""
    plus = (np.abs(c.px) < 0.6) | (np.abs(c.py) < 0.6)
    pictures = []
    for thick in (1, 2)[: 1 + (c.k >= 9)]:
        sides = [z > c.r - thick + 0.5 for z in (c.px, -c.px, c.py, -c.py)]
        for chosen in range(1, 16):
            which = [sides[i] for i in range(4) if chosen >> i & 1]
            border = np.any(which, axis=0)
            pictures += [np.where(border, 1, rest) for rest in (0, 0.2, -0.2)]
            # In smaller windows the cross fills what the border leaves: the picture is flat.
            if chosen == 15 and c.k >= 5:
                levels = ((0.5, 0.15), (1, 0.15), (0.6, 0.3), (1, 0.3), (0.8, 0.5))
                pictures += [np.where(border, 1, np.where(plus, a, b)) for a, b in levels]
    c.add("frame", np.array(pictures, dtype=np.float32))


@lru_cache(maxsize=4)
def bank(k: int) -> Bank:
    """Return the pictures for kernels of k x k taps; some 10,500 at k = 9.

    Every family is closed under quarter turns and mirroring, so that turning a kernel turns what is
    said about it.
    """
    canvas = Canvas(k)
    for family in (
        _single_taps,
        _blobs,
        _centres,
        _edges,
        _bars,
        _rings,
        _crosses,
        _gratings,
        _frames,
    ):
        family(canvas)
    canvas.add("flat", np.ones((1, k * k), np.float32))
    return canvas.bank()
