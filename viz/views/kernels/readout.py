"""From likenesses and measures to names: one linear readout, fitted on readings of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.matching import MEASURES, match, measures, unit_rows
from viz.views.kernels.pictures import KINDS, bank
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
STRENGTH: Final = 0.5
"""Inverse strength of the fit's ridge penalty."""
PLANTED: Final = 40
"""Planted kernels of each kind and size that the fit sees beside the readings."""
FLOOR: Final = 0.03
"""Share of energy below which nothing more is told apart."""
SIZES: Final = (5, 6, 7, 9, 11, 13)
WEIGHT: Final = 0.1
"""Weight of a planted kernel in the fit; that of a reading is 1."""


@dataclass(frozen=True)
class Readout:
    """Logits = weights @ (columns - centre) / spread + bias.

    Parameters
    ----------
    weights : ndarray, (classes, columns)
        One row for each of `CLASSES`.
    bias : ndarray, (classes,)
        Of each class.
    centre, spread : ndarray, (columns,)
        What the columns are normalised with.
    """

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


def planted(seed: int = 0) -> tuple[Floats, list[str]]:
    """Return columns and classes of pictures in noise (6 to 20 dB), and of noise alone."""
    rng = np.random.default_rng(seed)
    values, names = [], []
    for k in SIZES:
        pictures = bank(k)
        rows = np.concatenate(
            [
                rng.choice(np.arange(s.start, s.stop), PLANTED)
                for s in pictures.slices()
                if s.stop > s.start
            ]
        )
        kinds = [family(KINDS[kind]) for kind in pictures.kind[rows]]
        clean = pictures.pictures.numpy()[rows].astype(np.float64)
        noise = rng.standard_normal(clean.shape) / k
        level = 10 ** (-rng.uniform(6, 20, (len(rows), 1)) / 20)
        white = rng.standard_normal((4 * PLANTED, k * k))
        taps = unit_rows(np.concatenate([clean + level * noise, white]))
        values.append(columns(match(taps, pictures).likeness, measures(taps, k)))
        names += [*kinds, *["noise"] * len(white)]
    return np.concatenate(values), names


def fit(
    values: Floats,
    readings: list[NDArray[np.str_]],
    extra: tuple[Floats, list[str]] | None = None,
) -> Readout:
    """Fit the readout by logistic regression on several readings of the same kernels.

    Shapes: ``values`` (n, columns); ``readings`` (n,).
    """
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate([values] * len(readings))
    y = [family(str(name)) for reading in readings for name in reading]
    weight = np.ones(len(y))
    centre, spread = values.mean(0), np.maximum(values.std(0), 1e-3)
    if extra is not None:
        x, y = np.concatenate([x, extra[0]]), y + extra[1]
        weight = np.concatenate([weight, np.full(len(extra[1]), WEIGHT)])
    model: Any = LogisticRegression(C=STRENGTH, solver="newton-cg")
    model.fit((x - centre) / spread, y, sample_weight=weight)
    weights, bias = np.zeros((len(CLASSES), x.shape[1])), np.full(len(CLASSES), -50.0)
    rows = [CLASSES.index(name) for name in model.classes_]
    weights[rows], bias[rows] = model.coef_, model.intercept_
    return Readout(weights, bias, centre, spread)


@lru_cache(maxsize=1)
def shipped() -> Readout:
    """Return the readout that `benchmarks/kernel_names.py --write` fitted."""
    path = files("viz.views.kernels").joinpath("readout.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        if stored["weights"].shape != (len(CLASSES), len(KINDS) + len(MEASURES)):
            raise RuntimeError("readout.npz does not fit this version's columns")
        return Readout(*(stored[name] for name in ("weights", "bias", "centre", "spread")))
