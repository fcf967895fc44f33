"""A linear readout fitted to means over patches, each image judged by one that never met it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
FOLDS = 5
"""Of the cross-validation; a class needs as many images."""
_PENALTY = 0.1
"""C of scikit-learn's logistic regression, on features of unit variance."""


@dataclass(frozen=True)
class Fitted:
    """What the fitted readouts of one network say, by depth; see `DecisionByDepth`."""

    names: tuple[str, ...]
    target: NDArray[np.int64]
    probability: Numbers
    rank: NDArray[np.int64]
    maps: NDArray[np.float32]
    reason: str = ""

    @classmethod
    def none(cls, depths: int, images: int, maps: NDArray[np.float32], reason: str) -> Fitted:
        """Return what stands where nothing was fitted."""
        return cls(
            (),
            np.full(images, -1, dtype=np.int64),
            np.full((depths, images), np.nan),
            np.zeros((depths, images), dtype=np.int64),
            np.full((*maps.shape[:2], *maps.shape[3:]), np.nan, np.float32),
            reason,
        )

    def fields(self) -> dict[str, Any]:
        """Return these as a result has them."""
        return {
            "target_names": self.names,
            "target": self.target,
            "not_fitted": self.reason,
            "fitted_probability": self.probability,
            "fitted_rank": self.rank,
            "fitted_maps": self.maps,
        }

    def again(self, pooled: NDArray[np.float32], seed: int, step: Callable[[], object]) -> Numbers:
        """Return the accuracy by depth of readouts fitted to another network's features."""
        accuracy, used = np.full(len(pooled), np.nan), self.target >= 0
        own = self.target[used]
        for d in range(len(pooled) if self.names else 0):
            probability, _ = _out_of_fold(pooled[d, used], own, seed)
            accuracy[d] = (probability.argmax(1) == own).mean()
            step()
        return accuracy


def fit(
    pooled: NDArray[np.float32],
    target: NDArray[np.int64],
    names: tuple[str, ...],
    *,
    maps: NDArray[np.float32],
    seed: int,
    step: Callable[[], object],
) -> Fitted:
    """Fit a readout at each depth to images' classes; leave out classes of few images.

    ``pooled`` is (depths, images, dim), ``maps`` (depths, images shown, dim, h, w) of the first
    images.
    """
    (depths, images, _), shown = pooled.shape, maps.shape[1]
    found, index, n = np.unique(target, return_inverse=True, return_counts=True)
    enough = n >= FOLDS
    made = Fitted.none(depths, images, maps, "")
    if enough.sum() < 2:
        reason = (
            f"{enough.sum()} classes with at least {FOLDS} images were found, at least 2 expected"
        )
        return Fitted.none(depths, images, maps, reason)
    number = np.where(enough, np.cumsum(enough) - 1, -1)[index]
    used = np.flatnonzero(number >= 0)
    own, mapped = number[used], used[used < shown]
    for d in range(depths):
        probability, weight = _out_of_fold(pooled[d, used], own, seed, len(mapped))
        right = probability[np.arange(len(used)), own]
        made.probability[d, used] = right
        made.rank[d, used] = 1 + (probability > right[:, None]).sum(1)
        for row, i in enumerate(mapped):
            centred = weight[row, own[row]] - weight[row].mean(0)
            made.maps[d, i] = np.tensordot(centred, maps[d, i], 1) / maps[d, i, 0].size
        step()
    kept = tuple(names[c] for c in found[enough])
    return Fitted(kept, number, made.probability, made.rank, made.maps)


def _out_of_fold(
    features: NDArray[np.float32], target: NDArray[np.int64], seed: int, few: int = 0
) -> tuple[Numbers, Numbers]:
    """Return each image's probabilities, and weights on the features of the first few images."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    classes = int(target.max()) + 1
    probability = np.zeros((len(target), classes))
    weight = np.zeros((few, classes, features.shape[1]))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(
        features, target
    ):
        scale = features[train].std(0, dtype=np.float64)
        scale[scale == 0] = 1
        scaled = (features - features[train].mean(0, dtype=np.float64)) / scale
        model = LogisticRegression(C=_PENALTY, max_iter=300, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(scaled[train], target[train])
        probability[test] = model.predict_proba(scaled[test])
        weight[test[test < few]] = _of_each_class(model.coef_) / scale
    return probability, weight


def _of_each_class(coefficients: Numbers) -> Numbers:
    """Return one row per class; of two classes scikit-learn holds the second's alone."""
    if len(coefficients) == 1:
        return np.concatenate([np.zeros_like(coefficients), coefficients])
    return coefficients
