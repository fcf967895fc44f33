"""Starting points: every family of atoms on a coarse grid of places, scales and angles."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from viz.measure.atoms import FAMILIES, N_SHAPE, evaluate, tap_grid

__all__ = ["GROUPS", "Dictionary", "dictionary"]

GROUPS: Final = (
    ("gauss",),
    ("dog",),
    ("ring",),
    ("oval",),
    ("edge",),
    ("bar",),
    ("saddle", "cross"),
    ("grating",),
)
"""Families that are started together: only the best template of each group is refined."""


@dataclass(frozen=True)
class Dictionary:
    """Templates of k x k taps, sorted by group.

    Parameters
    ----------
    family : torch.Tensor of int64, (d,)
        Index into `FAMILIES`.
    shape : torch.Tensor, (d, 6)
        The atoms' numbers.
    template : torch.Tensor, (d, k^2)
        The atoms on the taps, mean removed, unit norm.
    groups : tuple of slice
        Where each of `GROUPS` lies.
    """

    family: Tensor
    shape: Tensor
    template: Tensor
    groups: tuple[slice, ...]


def _scales(lowest: float, factor: float, highest: float) -> list[float]:
    steps = max(0, math.floor(math.log(max(highest, lowest) / lowest) / math.log(factor)))
    return [lowest * factor**i for i in range(steps + 1)]


def _places(k: int, step: float) -> list[float]:
    half = (k - 1) / 2
    count = math.floor(half / step + 1e-9)
    return [i * step for i in range(-count, count + 1)]


def _angles(count: int) -> list[float]:
    return [math.pi * i / count for i in range(count)]


def _variants(family: str, k: int) -> list[tuple[float, float, float, float, float]]:
    """Return (sigma, theta, fifth, sixth, step between places) of every template but its place."""
    rows: list[tuple[float, float, float, float, float]] = []
    # The number of places grows with k^2: large kernels start from larger atoms, but for bumps.
    wide = max(1.0, k / 11)

    def add(sigma: float, theta: float, fifth: float, sixth: float, step: float) -> None:
        rows.append((sigma, theta, fifth, sixth, step))

    match family:
        case "gauss":
            for s in _scales(0.5, 1.7, k / 2.5):
                add(s, 0, 0, 0, max(0.5 if k <= 11 else 1.0, s))
        case "dog":
            for s in _scales(0.7 * wide, 1.7, k / 4):
                add(s, 0, math.log(1.6), 0.39, max(1.0, 0.8 * s))
        case "ring":
            for s in _scales(0.8 * wide, 1.6, k / 4):
                for c in ((1, -2, 0.5), (0, 1, 0)):
                    add(s, 0, math.acos(c[0] / math.hypot(*c)), math.atan2(c[2], c[1]), s)
        case "oval":
            for s in _scales(0.55 * wide, 2.1, k / 4):
                for theta in _angles(6):
                    add(s, theta, math.log(3), 0, max(1.0, 1.5 * s))
        case "edge" | "bar":
            for s in _scales(0.7 * wide, 2.0, k / 3):
                for theta in _angles(4):
                    add(s, theta, 0, 0, max(1.0, 1.1 * s))
                if s < k / 4:
                    for theta in _angles(6):
                        add(s, theta, math.log(2.5), 0, max(1.0, 1.6 * s))
        case "saddle":
            for s in _scales(0.7 * wide, 1.7, k / 4):
                for theta in _angles(8)[:4]:
                    add(s, theta, 0, 0, max(1.0, 1.3 * s))
        case "cross":
            for s in _scales(0.5 * wide, 1.8, k / 6):
                for theta in _angles(8)[:4]:
                    add(s, theta, math.log(3), 0, max(1.0, 1.7 * s))
        case "grating":
            for wave in _scales(2.2 * wide, 1.4, k / 1.5):
                for theta in _angles(8):
                    for phase in (0.0, math.pi / 2):
                        s = max(0.8 * wave, 1.5)
                        add(s, theta, math.log(2 * math.pi * s / wave), phase, 1.2 * s)
    return rows


@functools.lru_cache(maxsize=8)
def dictionary(k: int) -> Dictionary:
    """Return the templates for kernels of k x k taps.

    Parameters
    ----------
    k : int
        Side of the kernels.

    Returns
    -------
    Dictionary
        A few thousand templates; places, angles and scales lie symmetric under rotation by 90
        degrees, so that a rotated kernel starts from the rotated template.
    """
    x, y = tap_grid(k)
    families, shapes, templates, groups = [], [], [], []
    start = 0
    for group in GROUPS:
        for name in group:
            rows = [
                (px, py, math.log(sigma), theta, fifth, sixth)
                for sigma, theta, fifth, sixth, step in _variants(name, k)
                for px in _places(k, step)
                for py in _places(k, step)
            ]
            shape = torch.tensor(rows, dtype=torch.float32).reshape(-1, N_SHAPE)
            family = torch.full((len(rows),), FAMILIES.index(name))
            template = evaluate(family, shape, x, y)
            template -= template.mean(1, keepdim=True)
            norm = template.norm(dim=1)
            seen = norm > 0.3
            families.append(family[seen])
            shapes.append(shape[seen])
            templates.append(template[seen] / norm[seen, None])
        stop = sum(map(len, families))
        groups.append(slice(start, stop))
        start = stop
    return Dictionary(torch.cat(families), torch.cat(shapes), torch.cat(templates), tuple(groups))
