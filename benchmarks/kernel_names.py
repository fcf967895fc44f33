"""How often the names of kernels agree with blind readings, and the fit behind them.

``python benchmarks/kernel_names.py`` prints the agreement, cross-validated: the readout that names
a kernel has not seen its reading. ``--write`` fits it on all readings and stores it in the package.
The readings (``tests/readings/kernels.npz``): 714 kernels of several networks, named twice from
the pictures alone by independent readers who saw neither the program's names nor each other's.
More (``new-kernels.npz``) are of shipped networks of which no kernel was fitted to; they are
printed apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import viz
from viz.views.kernels.matching import match, measures, unit_rows
from viz.views.kernels.names import MARGIN, guesses
from viz.views.kernels.pictures import KINDS, bank
from viz.views.kernels.readout import CLASSES, NAMELESS, Readout, columns, family

HERE = Path(__file__).resolve().parent
READINGS = HERE.parent / "tests" / "readings" / "kernels.npz"
NEW = READINGS.with_name("new-kernels.npz")
STORED = HERE.parent / "viz" / "views" / "kernels" / "readout.npz"
STRENGTH = 0.5
"""Inverse strength of the fit's ridge penalty."""
PLANTED = 40
"""Planted kernels of each kind and size that the fit sees beside the readings."""
SIZES = (5, 6, 7, 9, 11, 13)
WEIGHT = 0.1
"""Weight of a planted kernel in the fit; that of a reading is 1."""


def planted(seed: int = 0):
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


def fit(values, readings, extra=None) -> Readout:
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
    model = LogisticRegression(C=STRENGTH, solver="newton-cg")
    model.fit((x - centre) / spread, y, sample_weight=weight)
    weights, bias = np.zeros((len(CLASSES), x.shape[1])), np.full(len(CLASSES), -50.0)
    rows = [CLASSES.index(name) for name in model.classes_]
    weights[rows], bias[rows] = model.coef_, model.intercept_
    return Readout(weights, bias, centre, spread)


def agreement(folds: int = 10, seed: int = 0, which=None) -> dict[str, float]:
    """Return shares of agreement, each kernel named by a readout fitted without its reading."""
    with np.load(READINGS) as stored:
        data = {name: stored[name] for name in stored}
    kernels, first, second = data["kernels"], data["first_1"], data["first_2"]
    taps = unit_rows(kernels.reshape(len(kernels), -1).astype(np.float64))
    found = match(taps, bank(9))
    values = columns(found.likeness, measures(taps, 9))
    extra = planted()
    guess = np.empty(len(taps), "<U12")
    margin = np.empty(len(taps))
    for held in np.array_split(np.random.default_rng(seed).permutation(len(taps)), folds):
        rest = np.setdiff1d(np.arange(len(taps)), held)
        readout = fit(values[rest], [first[rest], second[rest]], extra)
        named = guesses(found[held], readout.probabilities(values[held]))
        guess[held], margin[held] = named.guess, named.margin
    if which is not None:
        keep = np.isin(data["set"], which)
        guess, margin, first, second = guess[keep], margin[keep], first[keep], second[keep]
    return shares(guess, margin >= MARGIN, first, second), (guess, margin, first, second)


def new_networks() -> dict[str, float]:
    """Return shares of agreement on kernels of networks that the readout has not seen."""
    with np.load(NEW) as stored:
        new = {name: stored[name] for name in stored}
    guess, named = np.empty(len(new["block"]), "<U12"), np.empty(len(new["block"]), bool)
    for network in np.unique(new["network"]):
        found, here = viz.kernels(viz.load(network)), new["network"] == network
        rows = new["block"][here] * (found.channel.max() + 1) + new["channel"][here]
        assert np.allclose(found.kernels[rows], new["kernels"][here])
        guess[here], named[here] = found.guess[rows], found.named[rows]
    return shares(guess, named, new["first_1"], new["first_2"])


def shares(guess, named, first, second) -> dict[str, float]:
    """Return how often names and guesses agree with two readings."""
    nameless = [np.isin(each, NAMELESS) for each in (first, second)]
    agreed = (first == second) & ~nameless[0]
    either = (guess == first) | (guess == second)
    return {
        "kernels": len(guess),
        "readings agree with each other": float((first == second).mean()),
        "named": float(named.mean()),
        "named kernels that a reading calls so": float(either[named].mean()),
        "guesses right where the readings agree": float((guess == first)[agreed].mean()),
        "unnamed where both readings say other or noise": float(
            (~named)[nameless[0] & nameless[1]].mean()
        ),
    }


def main() -> None:
    """Print the agreement; with --write, store the readout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="store the readout in the package")
    if parser.parse_args().write:
        with np.load(READINGS) as stored:
            kernels, readings = stored["kernels"], [stored["first_1"], stored["first_2"]]
        taps = unit_rows(kernels.reshape(len(kernels), -1).astype(np.float64))
        values = columns(match(taps, bank(9)).likeness, measures(taps, 9))
        readout = fit(values, readings, planted())
        np.savez_compressed(STORED, **{k: v.astype(np.float32) for k, v in vars(readout).items()})
        print(f"wrote {STORED.relative_to(HERE.parent)}")
    for title, found in (("cross-validated", agreement()[0]), ("a new network", new_networks())):
        print(f"{title}:")
        for name, share in found.items():
            print(f"  {name}: {share:.3f}" if isinstance(share, float) else f"  {name}: {share}")


if __name__ == "__main__":
    main()
