"""How alike a kernel is to the pictures of every kind, and which picture is the most alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.pictures import KINDS, Bank

Floats = NDArray[np.float64]
ROWS: Final = 256
"""Kernels at a time: their cosines stay in a buffer that is used again."""
MEASURES: Final = (
    "smoothness",
    "constant",
    "odd",
    "border",
    "largest tap",
    "largest 2",
    "largest 4",
    "largest 15 %",
    "largest 30 %",
    "middle tap",
    "within 1.6 taps",
    "radius",
    "one sign",
)
"""What is measured of a kernel beside its likeness to pictures; see `measures`."""


@dataclass(frozen=True)
class Match:
    """The picture of each kind that each kernel is most like, each (n, kinds).

    Likeness is the cosine between the kernel and that picture or its negative (sign -1), 0 to 1;
    shape is the same cosine after the mean of either is taken out. Where the bank has no picture of
    a kind they are 0 and -1.
    """

    likeness: Floats
    sign: Floats
    picture: NDArray[np.int64]
    shape: Floats

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> Match:
        """Return the rows chosen."""
        return Match(self.likeness[rows], self.sign[rows], self.picture[rows], self.shape[rows])


def unit_rows(taps: Floats) -> Floats:
    """Return kernels (n, k^2) with norm 1; those of zeros stay zeros."""
    norm = np.linalg.norm(taps, axis=1, keepdims=True)
    return taps / np.where(norm > 0, norm, 1)


def match(rows: Floats, bank: Bank) -> Match:
    """Compare unit kernels (n, k^2) with every picture of the bank."""
    taps, pictures = rows.astype(np.float32), bank.pictures.numpy()
    n, slices = len(taps), bank.slices()
    likeness, sign = np.zeros((n, len(KINDS))), np.ones((n, len(KINDS)))
    picture = np.zeros((n, len(KINDS)), dtype=np.int64)
    # Windows of 3 x 3 and 4 x 4 taps have no room for a grating or a ring.
    held = [kind for kind, there in enumerate(slices) if there.stop > there.start]
    buffers = np.empty((2, min(ROWS, n), len(pictures)), dtype=np.float32)
    for first in range(0, n, ROWS):
        here = slice(first, first + ROWS)
        every = np.arange(len(taps[here]))
        signed, sizes = buffers[:, : len(every)]
        np.abs(np.matmul(taps[here], pictures.T, out=signed), out=sizes)
        for kind in held:
            at = sizes[:, slices[kind]].argmax(1) + slices[kind].start
            best = signed[every, at]
            likeness[here, kind] = np.abs(best)
            sign[here, kind] = np.where(best >= 0, 1.0, -1.0)
            picture[here, kind] = at
    alike, way = likeness.clip(0, 1), sign
    mean = rows.mean(1, keepdims=True)
    theirs = pictures.mean(1, dtype=np.float64)[picture]
    size = taps.shape[1]
    spread = np.sqrt(np.maximum(1 - size * mean**2, 1e-9) * np.maximum(1 - size * theirs**2, 1e-9))
    shape_alike = np.full_like(alike, -1.0)
    shape_alike[:, held] = ((alike - way * size * mean * theirs) / spread)[:, held]
    return Match(alike, way, picture, shape_alike)


def measures(rows: Floats, k: int) -> Floats:
    """Return what `MEASURES` names, of unit kernels (n, k^2); no sign and no turn changes it.

    Smoothness is the correlation of neighbouring taps about the mean. Shares of energy: of the
    constant, of what is odd about the middle, of the window's border (0 where it is as strong as
    the rest), of the 1, 2, 4 largest taps and of 15 and 30 % of all, of the middle tap, of those
    within 1.6 taps of the middle, of the stronger sign. Radius: root mean square distance from the
    middle in half sides.
    """
    n, half = len(rows), (k - 1) / 2
    line = np.arange(k) - half
    x, y = np.meshgrid(line, line)
    distance = np.hypot(x, y).ravel()
    border = np.maximum(np.abs(x), np.abs(y)).ravel() > half - 0.6
    square = rows**2
    about = (rows - rows.mean(1, keepdims=True)).reshape(n, k, k)
    pairs = (about[:, 1:] * about[:, :-1]).sum((1, 2)) + (about[:, :, 1:] * about[:, :, :-1]).sum(
        (1, 2)
    )
    spread = np.maximum((about**2).sum((1, 2)), 1e-12) * 2 * (k - 1) / k
    ordered = np.cumsum(-np.sort(-square, 1), 1)
    expected = border.mean()
    positive = (square * (rows > 0)).sum(1)
    return np.stack(
        [
            pairs / spread,
            np.abs(rows.sum(1)) / k,
            ((rows - rows[:, ::-1]) ** 2).sum(1) / 4,
            (square @ border - expected) / (1 - expected),
            *(ordered[:, min(count, k * k) - 1] for count in (1, 2, 4)),
            *(ordered[:, max(1, round(share * k * k)) - 1] for share in (0.15, 0.3)),
            square @ (distance < 0.8),
            square @ (distance < 1.6),
            np.sqrt(square @ distance**2) / half,
            np.maximum(positive, square.sum(1) - positive),
        ],
        axis=1,
    )
