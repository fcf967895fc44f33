"""Shapes on top: orthogonal matching pursuit of kernels over the bank of pictures.

Pati, Rezaiifar and Krishnaprasad (Asilomar 1993): the picture most like what is left is added, and
all coefficients are found anew by least squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from viz.views.kernels.chance import Null, largest_tap
from viz.views.kernels.matching import unit_rows
from viz.views.kernels.pictures import Bank

__all__ = ["COEFFICIENTS", "Shapes", "earned", "pursue"]

Floats = NDArray[np.float64]
_ROWS: Final = 256
STANDS_OUT: Final = 5.0
"""A tap of what is left so many times the root mean square of the others is a shape of its own."""
COEFFICIENTS: Final = (1, 3, 5, 6, 5, 6, 6, 8, 6, 6, 5, 4, 1)
"""Numbers that a picture of each kind stands for: its amplitude and what the bank varies."""


@dataclass(frozen=True)
class Shapes:
    """Kernels as sums of pictures.

    Parameters
    ----------
    picture : ndarray of int, (n, steps)
        Index into the bank, in the order of the pursuit.
    amplitude : ndarray, (steps, n, steps)
        Coefficients when 1, 2, ... pictures are used; 0 for those not used.
    gain : ndarray, (n, steps)
        Squared cosine between what was left and the picture added.
    r2 : ndarray, (n, steps)
        Share of the energy explained by 1, 2, ... pictures.
    """

    picture: NDArray[np.int64]
    amplitude: Floats
    gain: Floats
    r2: Floats

    def rendered(self, bank: Bank) -> NDArray[np.float32]:
        """Return the sums of 1, 2, ... pictures, (steps, n, k^2)."""
        chosen = bank.pictures[torch.from_numpy(self.picture)]
        weights = torch.from_numpy(self.amplitude.astype(np.float32))
        return torch.einsum("anb,nbt->ant", weights, chosen).numpy()


def pursue(
    rows: Floats, bank: Bank, steps: int = 4, first: NDArray[np.int64] | None = None
) -> Shapes:
    """Pursue unit kernels (n, k^2), from given first pictures or from the most alike ones."""
    taps = torch.from_numpy(np.asarray(rows, dtype=np.float32))
    n, pictures = len(taps), bank.pictures.T.contiguous()
    picture = torch.zeros((n, steps), dtype=torch.int64)
    amplitude = torch.zeros((steps, n, steps), dtype=torch.float64)
    gain, r2 = np.zeros((n, steps)), np.zeros((n, steps))
    buffer = torch.empty(min(_ROWS, n), pictures.shape[1])
    for begin in range(0, n, _ROWS):
        here = slice(begin, begin + _ROWS)
        whole = taps[here].double()
        left = whole
        energy = (whole**2).sum(1).clamp_min(1e-12)
        for step in range(steps):
            if step == 0 and first is not None:
                picture[here, 0] = torch.from_numpy(first[here])
            else:
                cosines = buffer[: len(left)]
                torch.mm(left.float(), pictures, out=cosines)
                at = cosines.abs_().numpy().argmax(1)
                picture[here, step] = torch.from_numpy(at)
            used = bank.pictures[picture[here, : step + 1]].double()
            was = (left**2).sum(1)
            along = (used[:, -1] * left).sum(1) ** 2
            gain[here, step] = (along / was.clamp_min(1e-12)).numpy()
            gram = used @ used.transpose(1, 2) + 1e-9 * torch.eye(step + 1, dtype=torch.float64)
            solved = torch.linalg.solve(gram, (used @ whole[:, :, None]))[:, :, 0]
            amplitude[step, here, : step + 1] = solved
            left = whole - (solved[:, :, None] * used).sum(1)
            r2[here, step] = (1 - (left**2).sum(1) / energy).clamp(0, 1).numpy()
    return Shapes(picture.numpy(), amplitude.numpy(), gain, r2)


def earned(
    rows: Floats, found: Shapes, bank: Bank, rng: np.random.Generator, sample: int = 1500
) -> NDArray[np.int64]:
    """Return how many pictures of each unit kernel explain more than chance lets one expect, (n,).

    One at least. What is left of a sample of kernels after each step is shuffled; the gain that
    only `viz.views.kernels.chance.NULL_SHARE` of shuffled residuals with as large a largest tap
    reach is the bar for the next picture.
    """
    steps = found.picture.shape[1]
    alive = np.flatnonzero(rows.any(1))
    if not len(alive):
        return np.ones(len(rows), dtype=np.int64)
    left = rows[None] - found.rendered(bank)
    chosen = rng.permutation(alive)[:sample]
    enough = np.ones(len(rows), dtype=bool)
    count = np.ones(len(rows), dtype=np.int64)
    for step in range(1, steps):
        rest = unit_rows(left[step - 1])
        shuffled = rng.permuted(rest[chosen], axis=1)
        cosines = torch.from_numpy(shuffled.astype(np.float32)) @ bank.pictures.T
        null = Null.of(shuffled, cosines.abs_().amax(1).double().numpy() ** 2)
        # A lone tap gains as much wherever it lies; noise has none so far above the others.
        share = largest_tap(rest)
        lone = share * (rest.shape[1] - 1) >= STANDS_OUT**2 * (1 - share)
        enough &= (found.gain[:, step] > null.threshold(rest)) | lone
        # What is left of a kernel that its pictures explain is rounding.
        enough &= 1 - found.r2[:, step - 1] > 1e-6
        count += enough
    return count
