"""How much of a network's answer survives when its kernels are replaced by their descriptions.

`Substitution` is made by `measure`. Letters in shapes: C conditions (what was
replaced, and by what), I images, 3 scores in the order of `SCORES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none
from viz.views.wording import FEW_IMAGES, listed, n_images

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("agreement", "kl", "correlation")
"""What is compared with the unchanged network on each image: whether the predicted class is the
same; the Kullback-Leibler divergence of the new class probabilities from the old, in nats; the
Pearson correlation of the logits over classes."""
METHODS = ("fit", "principal-components", "dct", "constant", "random", "without")
"""What takes a kernel's place: its description (`viz.views.kernels.measure`, or the Gabor fit of a
patch filter); the leading principal components of the bank, or the largest coefficients of a 2-D
DCT, as many numbers as the description has; its mean; noise of the same mean and norm; nothing,
that is, the branch's mean output."""
SCOPES = ("all", "block", "patch")
"""Which kernels are replaced: all depthwise kernels; those of one block;
patch-embedding filters (all, and by kind)."""
AS_DESCRIBED = -1
"""``n_shapes`` where each kernel has as many shapes as its description kept."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Substitution(Result):
    """Scores of the network with replaced kernels against the network as it is.

    Parameters
    ----------
    scope : ndarray of str, (C,)
        One of `SCOPES`.
    block : ndarray of int64, (C,)
        The block whose kernels are replaced; -1 where it is not one block.
    name : ndarray of str, (C,)
        The kind of patch filter that is replaced; ``""`` for all.
    method : ndarray of str, (C,)
        One of `METHODS`.
    n_shapes : ndarray of int64, (C,)
        Atoms of the description, or of the one whose number of coefficients was taken over;
        `AS_DESCRIBED`; 0 where shapes play no part.
    n_kernels : ndarray of int64, (C,)
        Kernels replaced.
    coefficients : ndarray, (C,)
        Numbers that hold one kernel, mean over the kernels replaced. Shared bases are not counted.
    r2 : ndarray, (C,)
        Median over the kernels replaced of what is kept: of the variance of a depthwise kernel's
        taps, of the energy of a patch filter.
    agreement, kl, correlation : ndarray of float32, (C, I)
        Scores by image. Correlation is nan where all logits are equal.
    group : ndarray of int64, (I,)
        Photograph of each image, where images are crops.
    mean, low, high : ndarray, (3, C)
        Scores, mean over images, and the 95 % bootstrap interval.
    versus_fit, versus_fit_low, versus_fit_high : ndarray, (3, C)
        Score of the description minus score of this condition on the same images, and the 95 %
        interval of the paired bootstrap; nan where there is no such description.
    chance : tuple of float
        Scores of the unchanged network on one image against itself on another, mean over pairs.
    top_share : float
        Share of images in the class predicted most often.
    n_taps : int
        Taps of a depthwise kernel.
    n_patch_taps : int
        Weights of a patch filter.
    resampled : str
        What the bootstrap draws: ``"images"``, each with all its crops, or ``"nothing"`` where
        fewer than five photographs allow no interval.
    images_note : str
        What the images are, in words.
    """

    kind: ClassVar[str] = "substitution"
    scope: NDArray[np.str_]
    block: NDArray[np.int64]
    name: NDArray[np.str_]
    method: NDArray[np.str_]
    n_shapes: NDArray[np.int64]
    n_kernels: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    r2: NDArray[np.float64]
    agreement: NDArray[np.float32]
    kl: NDArray[np.float32]
    correlation: NDArray[np.float32]
    group: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    versus_fit: NDArray[np.float64]
    versus_fit_low: NDArray[np.float64]
    versus_fit_high: NDArray[np.float64]
    chance: tuple[float, ...]
    top_share: float
    n_taps: int
    n_patch_taps: int
    resampled: str
    images_note: str

    @property
    def n_images(self) -> int:
        """Images that scores are means over."""
        return len(self.group)

    def find(
        self, scope: str, method: str, *, block: int = -1, name: str = "",
        n_shapes: int | None = None,
    ) -> int | None:  # fmt: skip
        """Return the row of a condition."""
        there = (self.scope == scope) & (self.method == method)
        there &= (self.block == block) & (self.name == name)
        if n_shapes is not None:
            there &= self.n_shapes == n_shapes
        rows = np.flatnonzero(there)
        return int(rows[np.argmin(self.n_shapes[rows])]) if len(rows) else None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per condition: what was replaced, by what, and the scores."""
        import pandas as pd

        columns: dict[str, Any] = {
            "scope": self.scope,
            "block": self.block,
            "name": self.name,
            "method": self.method,
            "n_shapes": self.n_shapes,
            "n_kernels": self.n_kernels,
            "coefficients": self.coefficients,
            "r2": self.r2,
        }
        for i, name in enumerate(SCORES):
            columns[name] = self.mean[i]
            columns[f"{name}_low"] = self.low[i]
            columns[f"{name}_high"] = self.high[i]
            columns[f"{name}_fit_minus_this"] = self.versus_fit[i]
            columns[f"{name}_fit_minus_this_low"] = self.versus_fit_low[i]
            columns[f"{name}_fit_minus_this_high"] = self.versus_fit_high[i]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        conditions = []
        for c in range(len(self.method)):
            row: dict[str, Any] = {"scope": str(self.scope[c]), "method": str(self.method[c])}
            if self.block[c] >= 0:
                row["block"] = int(self.block[c])
            if self.name[c]:
                row["name"] = str(self.name[c])
            if self.n_shapes[c]:
                described = self.n_shapes[c] == AS_DESCRIBED
                row["n_shapes"] = "as described" if described else int(self.n_shapes[c])
            row["n_kernels"] = int(self.n_kernels[c])
            row["coefficients"] = or_none(self.coefficients[c])
            row["r2"] = or_none(self.r2[c])
            for i, name in enumerate(SCORES):
                row[name] = or_none(self.mean[i, c])
                row[f"{name}_interval"] = [or_none(self.low[i, c]), or_none(self.high[i, c])]
                if np.isfinite(self.versus_fit[i, c]):
                    row[f"{name}_fit_minus_this"] = {
                        "mean": or_none(self.versus_fit[i, c]),
                        "interval": [
                            or_none(self.versus_fit_low[i, c]),
                            or_none(self.versus_fit_high[i, c]),
                        ],
                    }
            conditions.append(row)
        return {
            "images": {
                "n": self.n_images,
                "photographs": len(np.unique(self.group)),
                "note": self.images_note,
                "intervals_over": self.resampled,
            },
            "chance": {
                **dict(zip(SCORES, map(or_none, self.chance), strict=True)),
                "top_class_share": or_none(self.top_share),
            },
            "taps": self.n_taps,
            "conditions": conditions,
            "settings": dict(self.source.settings),
        }

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers and baselines."""
        fit, patch = self.find("all", "fit"), self.find("patch", "fit")
        parts = []
        if fit is not None:
            parts = [
                f"With each of the {self.n_kernels[fit]:,} depthwise kernels replaced by its "
                f"description ({self.coefficients[fit]:.0f} numbers for {self.n_taps} taps), the "
                f"network keeps its answer on {self._kept(fit)} of {self._images}"
                f"{self._beside('all', self._kept)}.",
                f"Its class probabilities diverge by {self._nats(fit)} nats"
                f"{self._beside('all', self._nats)}{self._chance}.",
            ]
        if patch is not None:
            parts.append(
                "With the patch filters replaced by their Gabor fits it keeps its answer on "
                f"{self._kept(patch)}{self._beside('patch', self._kept)}."
            )
        return " ".join(parts)

    @property
    def _images(self) -> str:
        photographs = len(np.unique(self.group))
        if photographs == self.n_images:
            return n_images(photographs)
        return f"{self.n_images} crops of {photographs} photographs"

    @property
    def _chance(self) -> str:
        """A warning where any two images get the same answer."""
        if not self.chance[0] > 0.9:
            return ""
        return (
            "; it says more than the answers, since two different images share theirs in "
            f"{100 * self.chance[0]:.0f} % of pairs"
        )

    def _kept(self, row: int) -> str:
        """Write how many answers a replacement keeps."""
        if self.n_images < FEW_IMAGES:
            return f"{round(float(self.mean[0, row]) * self.n_images)}"
        return f"{100 * self.mean[0, row]:.0f} %"

    def _nats(self, row: int) -> str:
        return f"{self.mean[1, row]:.2g}"

    def _beside(self, scope: str, write: Callable[[int], str]) -> str:
        """Write the same of the controls."""
        names = {
            "principal-components": "as many principal components",
            "dct": "as many DCT coefficients",
            "random": "noise",
        }
        rows = {words: self.find(scope, method) for method, words in names.items()}
        said = [f"{write(row)} with {words}" for words, row in rows.items() if row is not None]
        return f", against {listed(said)}" if said else ""
