"""How much of a network's answer survives when its kernels are replaced by their descriptions.

Letters in shapes: C conditions (what was replaced, and by what), I images, 3 scores in the order
of `SCORES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.network import counted
from viz.core.result import Result, or_none, records
from viz.views.wording import FEW_IMAGES, listed

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("agreement", "kl", "correlation")
"""What is compared with the unchanged network on each image: whether the predicted class is the
same; the Kullback-Leibler divergence of the new class probabilities from the old, in nats; the
Pearson correlation of the logits over classes."""
AS_DESCRIBED = -1
"""``n_shapes`` where each kernel has as many shapes as its description kept."""
_CONTROLS = {
    "principal-components": "as many principal components",
    "dct": "as many cosine coefficients",
    "random": "noise",
}


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Substitution(Result):
    """Scores of the network with replaced kernels against the network as it is.

    Parameters
    ----------
    scope : ndarray of str, (C,)
        What is replaced: ``"all"`` depthwise kernels, those of one ``"block"``, ``"patch"``
        filters.
    block : ndarray of int64, (C,)
        The block; -1 where it is not one block.
    name : ndarray of str, (C,)
        The kind of patch filter; ``""`` for all.
    method : ndarray of str, (C,)
        By what: ``"fit"``, ``"principal-components"``, ``"dct"``, ``"constant"``, ``"random"``,
        ``"without"``.
    n_shapes : ndarray of int64, (C,)
        Shapes of the description, or of the one whose number of coefficients was taken over;
        `AS_DESCRIBED`; 0 where shapes play no part.
    n_kernels : ndarray of int64, (C,)
        Kernels replaced.
    coefficients : ndarray, (C,)
        Numbers that hold one kernel, mean over those replaced. Shared bases are not counted.
    scores : ndarray of float32, (3, C, I)
        By image. Correlation is nan where all logits are equal.
    group : ndarray of int64, (I,)
        Photograph of each image, where images are crops.
    mean, low, high : ndarray, (3, C)
        Mean over images and the 95 % bootstrap interval; nan for fewer than five photographs.
    chance : tuple of float
        Scores of the unchanged network on one image against itself on another, mean over pairs.
    n_taps, n_patch_taps : int
        Taps of a depthwise kernel, weights of a patch filter; 0 where none is replaced.
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
    scores: NDArray[np.float32]
    group: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    chance: tuple[float, ...]
    n_taps: int
    n_patch_taps: int
    images_note: str

    @property
    def n_images(self) -> int:
        """Images that scores are means over."""
        return len(self.group)

    @property
    def n_photographs(self) -> int:
        """Photographs that these are, or are crops of."""
        return len(np.unique(self.group))

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

        names = ("scope", "block", "name", "method", "n_shapes", "n_kernels", "coefficients")
        columns: dict[str, Any] = {name: getattr(self, name) for name in names}
        for i, name in enumerate(SCORES):
            columns[name] = self.mean[i]
            columns[f"{name}_low"] = self.low[i]
            columns[f"{name}_high"] = self.high[i]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        return {
            "images": {
                "n": self.n_images,
                "photographs": self.n_photographs,
                "note": self.images_note,
            },
            "chance": dict(zip(SCORES, map(or_none, self.chance), strict=True)),
            "taps": self.n_taps,
            "conditions": records(self.to_frame()),
            "settings": dict(self.source.settings),
        }

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers and baselines."""
        fit, patch = self.find("all", "fit"), self.find("patch", "fit")
        of = counted(self.n_images, "image")
        if self.n_photographs != self.n_images:
            of = f"{self.n_images} crops of {self.n_photographs} photographs"
        parts = []
        if fit is not None:
            parts.append(
                f"With each of the {self.n_kernels[fit]:,} depthwise kernels replaced by its "
                f"description ({self.coefficients[fit]:.0f} numbers for {self.n_taps} taps), the "
                f"network keeps its answer on {self._kept(fit)} of {of}{self._beside('all')}."
            )
        if patch is not None:
            parts.append(
                "With the patch filters replaced by their Gabor fits, it keeps its answer on "
                f"{self._kept(patch)} of {of if fit is None else 'them'}{self._beside('patch')}."
            )
        if parts and np.isfinite(self.chance[0]) and self.n_images >= FEW_IMAGES:
            parts.append(
                f"Two different images share their answer in {100 * self.chance[0]:.0f} % of pairs."
            )
        return " ".join(parts)

    def _kept(self, row: int) -> str:
        """Write on how many images a replacement keeps the answer."""
        if self.n_images < FEW_IMAGES:
            return f"{round(float(self.mean[0, row]) * self.n_images)}"
        return f"{100 * self.mean[0, row]:.0f} %"

    def _beside(self, scope: str) -> str:
        """Write the same of the controls."""
        rows = {words: self.find(scope, method) for method, words in _CONTROLS.items()}
        said = [f"{self._kept(row)} with {words}" for words, row in rows.items() if row is not None]
        return f", against {listed(said)}" if said else ""
