"""The bank of named pictures that a patch filter's spatial map is compared with."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from viz.views.kernels.pictures import Bank, Canvas, grid, turns

STRUCTURE_OF: Final = {
    "grating": "stripes",
    "half": "edge",
    "pair": "edge",
    "stripe": "bar",
    "stroke": "bar",
    "blob": "blob",
}
"""What a filter is called whose map is most like a picture of this kind."""


def _edges(c: Canvas) -> None:
    offsets = np.array([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]) * c.k
    angle, offset, width, bias = grid(
        turns(16, 360), offsets, np.array([0.05, 0.15, 0.3]) * c.k, (-0.4, 0, 0.4)
    )
    pictures = np.tanh(c.across(angle, offset) / width[:, None]) + bias[:, None]
    c.add("half", pictures, scale=width, angle=angle)
    places = np.array([-0.25, 0, 0.25]) * c.k
    angle, x, y, s, length = grid(
        turns(16, 360), places, places, np.array([0.12, 0.18, 0.26]) * c.k, (1, 2)
    )
    pictures = c.frame_of(x, y, angle)[1] * c.oval(x, y, s, length, angle)
    c.add("pair", pictures, x=x, y=y, scale=s, angle=angle)


def _bars(c: Canvas) -> None:
    offsets = np.arange(-0.3, 0.31, 0.1) * c.k
    angle, offset, s, flank, rest = grid(
        turns(12), offsets, np.array([0.07, 0.1, 0.14, 0.18]) * c.k, (0, 0.6, 1), (0, -0.2)
    )
    u = (c.across(angle, offset) / s[:, None]) ** 2
    pictures = (1 - flank[:, None] * u) * np.exp(-u / 2) + rest[:, None]
    c.add("stripe", pictures, scale=s, angle=angle)
    places = np.array([-0.2, 0, 0.2]) * c.k
    angle, x, y, s, length, rest = grid(
        turns(12), places, places, np.array([0.07, 0.1, 0.14]) * c.k, (2.2, 3.2), (0, -0.15)
    )
    c.add("stroke", c.oval(x, y, s, length, angle) + rest[:, None], x=x, y=y, scale=s, angle=angle)


def _blobs(c: Canvas) -> None:
    places = np.arange(-0.5, 0.51, 0.125) * c.k
    x, y, s = grid(places, places, np.array([0.08, 0.12, 0.18, 0.27, 0.4, 0.6]) * c.k)
    c.add("blob", c.oval(x, y, s), x=x, y=y, scale=s)


def _stripes(c: Canvas) -> None:
    """A cycle and a quarter or more over the whole patch; more where it covers a part only."""
    cycles = np.array([n for n in (1.25, 1.5, 1.75, 2, 2.5, 3, 4) if c.k / n >= 2])
    place = np.array([-0.2, 0, 0.2]) * c.k
    angle, wave, phase, reach, x, y = grid(
        turns(16), c.k / cycles, turns(8, 180), (0.35 * c.k, 1e3), place, place
    )
    # Fewer cycles under a window would be a bump with flanks.
    once = np.where(reach < 1e3, wave <= c.k / 1.75, (x == 0) & (y == 0))
    angle, wave, phase, reach, x, y = (a[once] for a in (angle, wave, phase, reach, x, y))
    across = c.across(angle, np.zeros_like(angle))
    pictures = np.cos(2 * np.pi * across / wave[:, None] + np.radians(phase)[:, None])
    c.add("grating", pictures * c.oval(x, y, reach), scale=wave, angle=angle)


@lru_cache(maxsize=4)
def filter_bank(p: int) -> Bank:
    """Return pictures of p x p pixels of the kinds of `STRUCTURE_OF`, in proportion to p."""
    canvas = Canvas(p)
    for family in (_edges, _bars, _blobs, _stripes):
        family(canvas)
    return canvas.bank()
