"""What each depthwise kernel looks like: a best guess, and a name where it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.matching import Match
from viz.views.kernels.pictures import KINDS, name_of
from viz.views.kernels.readout import CLASSES, NAMELESS, family

Floats = NDArray[np.float64]

MARGIN: Final = 0.31
"""How much likelier the guess must be than anything else for it to become the name."""
CLOSE: Final = 0.82
"""Share of the energy from which the nearest picture alone decides."""
FREEDOM: Final = 24
"""Independent taps of what a picture leaves: fewer than there are, for neighbours are alike."""


@dataclass(frozen=True)
class Guesses:
    """The likeliest name of each kernel and the next, each (n,).

    The margin is the guess's probability minus that of anything else, the nameless included; it is
    below 0 where the kernel is likelier to be nameless. ``kind`` is that of the best picture.
    """

    guess: NDArray[np.str_]
    second: NDArray[np.str_]
    probability: Floats
    margin: Floats
    kind: NDArray[np.int64]


_KIND_CLASS: Final = np.array([CLASSES.index(family(kind)) for kind in KINDS])


def _close_matches(found: Match, probability: Floats) -> Floats:
    """Let the nearest picture decide where it explains at least `CLOSE` of the energy.

    What a picture leaves there is hardly more than noise, and the log likelihood of Gaussian noise
    of that size is `FREEDOM` / 2 times minus the logarithm of what is left.
    """
    close = found.likeness.max(1, initial=0.0) ** 2 >= CLOSE
    left = 1 - found.likeness[close] ** 2 + 1e-3
    odds = (left.min(1, keepdims=True) / left) ** (FREEDOM / 2)
    answer = probability.copy()
    answer[close] = 0
    for kind, chosen in enumerate(_KIND_CLASS):
        answer[close, chosen] = np.maximum(answer[close, chosen], odds[:, kind])
    total: Floats = answer / answer.sum(1, keepdims=True)
    return total


def guesses(found: Match, probability: Floats) -> Guesses:
    """Return the guesses from the probability of each class, (n, classes).

    The polarity of blobs and centres is that of their best picture.
    """
    n, every = len(probability), np.arange(len(probability))
    probability = _close_matches(found, probability)
    # A kind without a picture in so small a window cannot be guessed.
    for c in range(len(CLASSES) - len(NAMELESS)):
        probability[:, c] *= found.likeness[:, c == _KIND_CLASS].any(1)
    names = probability[:, : -len(NAMELESS)]
    order = np.argsort(-names, axis=1, kind="stable")
    kinds, named = [], []
    for chosen in (order[:, 0], order[:, 1]):
        fits = _KIND_CLASS[None] == chosen[:, None]
        kind = np.where(fits, found.likeness, -1).argmax(1)
        positive = found.sign[every, kind] > 0
        kinds.append(kind)
        named.append(_NAMED[kind, positive.astype(int)])
    best = names[every, order[:, 0]]
    others = probability.copy()
    others[every, order[:, 0]] = 0
    margin = best - others.max(1, initial=0.0) if n else best
    return Guesses(named[0], named[1], best, margin, kinds[0])


_NAMED: Final = np.array([[name_of(kind, False), name_of(kind, True)] for kind in KINDS])
