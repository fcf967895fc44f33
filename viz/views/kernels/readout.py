"""From likenesses and measures to names: one linear readout, fitted on readings of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.matching import MEASURES
from viz.views.kernels.pictures import KINDS
from viz.views.kernels.result import KERNEL_NAMES, UNNAMED

Floats = NDArray[np.float64]

NAMELESS: Final = ("other", "noise")
"""What readers call a kernel that none of the names fits."""
_FAMILIES: Final = {
    "blob+": "blob",
    "blob-": "blob",
    "on-centre": "centre",
    "off-centre": "centre",
    "half": "edge",
    "pair": "edge",
    "stripe": "bar",
    "stroke": "bar",
}


def family(name: str) -> str:
    """Return the class of a name or a kind of picture."""
    return _FAMILIES.get(name, name)


CLASSES: Final = (
    *dict.fromkeys(family(name) for name in KERNEL_NAMES if name != UNNAMED),
    *NAMELESS,
)
"""What the readout tells apart: names without their polarity, and the nameless."""
FLOOR: Final = 0.03
"""Share of energy below which nothing more is told apart."""


@dataclass(frozen=True)
class Readout:
    """Logits = weights @ (columns - centre) / spread + bias, one row of weights for each class."""

    weights: Floats
    bias: Floats
    centre: Floats
    spread: Floats

    def probabilities(self, values: Floats) -> Floats:
        """Return the probability of each class, (n, classes), from columns (n, columns)."""
        logits = ((values - self.centre) / self.spread) @ self.weights.T + self.bias
        odds = np.exp(logits - logits.max(1, keepdims=True))
        answer: Floats = odds / odds.sum(1, keepdims=True)
        return answer


def columns(likeness: Floats, measured: Floats) -> Floats:
    """Return what the readout reads: how little each of `KINDS` leaves, then `MEASURES`.

    Minus the logarithm of the share of energy that the best picture leaves, so that near a perfect
    match a small difference of likeness counts as much as a large one far from it.
    """
    return np.concatenate([-np.log(1 - likeness**2 + FLOOR), measured], axis=1)


@lru_cache(maxsize=1)
def shipped() -> Readout:
    """Return the readout that `benchmarks/kernel_names.py --write` fitted."""
    path = files("viz.views.kernels").joinpath("readout.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        if stored["weights"].shape != (len(CLASSES), len(KINDS) + len(MEASURES)):
            raise RuntimeError("readout.npz does not fit this version's columns")
        return Readout(*(stored[name] for name in ("weights", "bias", "centre", "spread")))
