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

from viz.views.kernels.chance import Null
from viz.views.kernels.matching import ROWS, unit_rows
from viz.views.kernels.pictures import Bank

Floats = NDArray[np.float64]
STANDS_OUT: Final = 5.0
"""A tap of what is left so many times the root mean square of the others is a shape of its own."""
COEFFICIENTS: Final = (1, 3, 5, 6, 5, 6, 6, 8, 6, 6, 5, 4, 1)
"""Numbers that a picture of each kind stands for: its amplitude and what the bank varies."""


@dataclass(frozen=True)
class Shapes:
    """Kernels as sums of 1, 2, ... pictures.

    ``picture`` (n, steps) in the order of the pursuit; ``amplitude`` (steps, n, steps), the
    coefficients of each sum. By step, (n, steps): ``gain``, squared cosine between what was left
    and the picture added; ``r2``, share of the energy explained; ``largest``, share of the largest
    tap in what is left.
    """

    picture: NDArray[np.int64]
    amplitude: Floats
    gain: Floats
    r2: Floats
    largest: Floats

    def rendered(self, bank: Bank) -> NDArray[np.float32]:
        """Return the sums of 1, 2, ... pictures, (steps, n, k^2)."""
        chosen = bank.pictures[torch.from_numpy(self.picture)]
        weights = torch.from_numpy(self.amplitude.astype(np.float32))
        return torch.einsum("anb,nbt->ant", weights, chosen).numpy()


def pursue(
    rows: Floats, bank: Bank, steps: int = 4, first: NDArray[np.int64] | None = None
) -> Shapes:
    """Pursue unit kernels (n, k^2), from given first pictures or from the most alike ones."""
    pictures, n = bank.pictures.numpy(), len(rows)
    picture = np.zeros((n, steps), dtype=np.int64)
    amplitude = np.zeros((steps, n, steps))
    gain, r2, largest = np.zeros((n, steps)), np.zeros((n, steps)), np.zeros((n, steps))
    cosines = np.empty((min(ROWS, n), len(pictures)), dtype=np.float32)
    for begin in range(0, n, ROWS):
        here = slice(begin, begin + ROWS)
        left = rows[here].astype(np.float64)
        energy = was = (left**2).sum(1)
        # The pictures chosen are ``mixed`` times axes that are orthogonal to each other.
        axes = np.zeros((len(left), steps, rows.shape[1]))
        mixed = np.zeros((len(left), steps, steps))
        along = np.zeros((len(left), steps))
        for step in range(steps):
            if step == 0 and first is not None:
                at = first[here]
            else:
                alike = np.matmul(left.astype(np.float32), pictures.T, out=cosines[: len(left)])
                at = np.abs(alike, out=alike).argmax(1)
            picture[here, step] = at
            axis = pictures[at].astype(np.float64)
            mixed[:, :step, step] = np.einsum("nst,nt->ns", axes[:, :step], axis)
            axis -= np.einsum("ns,nst->nt", mixed[:, :step, step], axes[:, :step])
            length = np.linalg.norm(axis, axis=1)
            # Where nothing is left the same picture comes again.
            new = length > 1e-4
            mixed[:, step, step] = np.where(new, length, 1)
            axis *= (new / mixed[:, step, step])[:, None]
            axes[:, step] = axis
            along[:, step] = (left * axis).sum(1)
            left -= along[:, step, None] * axis
            square = left**2
            gain[here, step] = (along[:, step] * length) ** 2 / np.maximum(was, 1e-12)
            was = square.sum(1)
            largest[here, step] = square.max(1) / np.maximum(was, 1e-12)
            r2[here, step] = (1 - was / np.maximum(energy, 1e-12)).clip(0, 1)
        # Leading parts of the inverse of a triangular matrix are inverses of its leading parts.
        amplitude[:, here] = (np.linalg.inv(mixed) * along[:, None]).cumsum(2).transpose(2, 0, 1)
    return Shapes(picture, amplitude, gain, r2, largest)


def earned(
    found: Shapes, network: Floats, bank: Bank, rng: np.random.Generator, sample: int = 1500
) -> NDArray[np.int64]:
    """Return how many pictures of each kernel explain more than chance lets one expect, (n,).

    One at least. What is left of a sample of the ``network``'s unit kernels after each step is
    shuffled; the gain that only `viz.views.kernels.chance.NULL_SHARE` of shuffled residuals with as
    large a largest tap reach is the bar for the next picture.
    """
    n, steps = found.picture.shape
    alive = rng.permutation(np.flatnonzero(network.any(1)))[:sample]
    if not len(alive):
        return np.ones(n, dtype=np.int64)
    rows = network[alive]
    left = rows - pursue(rows, bank, steps - 1).rendered(bank)
    enough = np.ones(n, dtype=bool)
    count = np.ones(n, dtype=np.int64)
    for step in range(1, steps):
        shuffled = rng.permuted(unit_rows(left[step - 1]), axis=1)
        null = Null.of(shuffled, pursue(shuffled, bank, 1).gain[:, 0])
        # A lone tap gains as much wherever it lies; noise has none so far above the others.
        share = found.largest[:, step - 1]
        lone = share * (bank.pictures.shape[1] - 1) >= STANDS_OUT**2 * (1 - share)
        enough &= (found.gain[:, step] > null.threshold(share)) | lone
        # What is left of a kernel that its pictures explain is rounding.
        enough &= 1 - found.r2[:, step - 1] > 1e-6
        count += enough
    return count
