"""How far attributions can be trusted: scores of maps, beside a random map and an edge detector.

`Trust` is made by `measure`; it is an `Attributions` with scores. Letters in shapes, more
than there: A = M + 2 rated maps, S + 1 points of a curve, T stages of the randomisation test.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from viz.views.attribution.maps_result import UNITS, Attributions, Floats, over_mass
from viz.views.wording import FEW_IMAGES

if TYPE_CHECKING:
    import pandas as pd

REFERENCES = ("random", "edges", "constant")
"""Maps that know nothing of the network, rated like the methods."""
_FLIPS = 10_000
COMPLETE = ("input-x-gradient", "integrated-gradients", "gradient-shap", "deeplift")
"""Methods that have a completeness gap: their values should add up to a difference of scores."""
SCORES = (
    "insertion_auc",
    "deletion_auc",
    "infidelity",
    "unexplained",
    "max_sensitivity",
    "completeness_gap",
    "randomisation",
)
"""One number per image and rated map."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Trust(Attributions):
    """Maps, and how they fare when patches go, the input trembles, or weights are drawn anew.

    What is random ("random") is rated on several draws, and its scores are their means.

    Parameters
    ----------
    rated : tuple of str
        The M methods, then `REFERENCES`.
    reference_patches : ndarray, (n, 3, gh, gw)
        The first random map; edges: Sobel's gradient magnitude of the network input, summed; and
        the same value for every patch.
    changed : ndarray, (S + 1,)
        Share of the patches inserted or deleted at each point of a curve, 0 to 1.
    insertion, deletion : ndarray, (n, A, S + 1)
        Probability of what is explained along the curves, the patches of largest value first.
    insertion_auc, deletion_auc : ndarray, (n, A)
        Area under these: large is good for insertion, small for deletion.
    infidelity : ndarray, (n, A)
        Mean squared error, in squared logits, of the score's change as the map predicts it when
        random patches go, under the best scaling of the map.
    unexplained : ndarray, (n, A)
        That, over the mean squared change: 0 where the map predicts everything, 1 where nothing.
    best_scale : ndarray, (n, A)
        The best scaling: about 1 where values are logits as they claim; negative where the map
        has the wrong sign.
    max_sensitivity : ndarray, (n, A)
        Largest relative change (L2) of the raw map under small uniform noise; nan if not measured.
    completeness_gap : ndarray, (n, A)
        Sum of the values minus the difference of scores they should add up to, in logits; nan for
        maps without such a promise.
    stages : tuple of str
        Parts drawn anew, from the head down, each together with those before it.
    rank_correlation : ndarray, (n, A, T)
        Spearman's, between the patch maps of the network and of the one drawn anew; nan where one
        of them is constant.
    """

    kind: ClassVar[str] = "trusted attributions"
    rated: tuple[str, ...]
    reference_patches: Floats
    changed: Floats
    insertion: Floats
    deletion: Floats
    insertion_auc: Floats
    deletion_auc: Floats
    infidelity: Floats
    unexplained: Floats
    best_scale: Floats
    max_sensitivity: Floats
    completeness_gap: Floats
    stages: tuple[str, ...]
    rank_correlation: Floats

    @property
    def randomisation(self) -> Floats:
        """Mean |rank correlation| over the stages, (n, A): near 0 is good; nan if not measured.

        Stages at which a map is constant have none, and are left out.
        """
        if not self.stages:
            return np.full(self.insertion_auc.shape, np.nan)
        return mean_of_finite(np.abs(self.rank_correlation), 2)

    def rated_share(self) -> Floats:
        """Return `share` with the reference maps after the methods, (n, A, gh, gw)."""
        shares: Floats = over_mass(np.concatenate([self.patches, self.reference_patches], axis=1))
        return shares

    def beats_random(self) -> tuple[Floats, Floats]:
        """Tell in what share of images each map beats the random one.

        Shapes: returns (A,).
        """
        at = self.rated.index("random")
        more = self.insertion_auc > self.insertion_auc[:, at, None]
        less = self.deletion_auc < self.deletion_auc[:, at, None]
        return more.mean(0), less.mean(0)

    @property
    def margin(self) -> Floats:
        """Area under the insertion curve less that under deletion, (n, A)."""
        difference: Floats = self.insertion_auc - self.deletion_auc
        return difference

    def p_above_edges(self) -> Floats:
        """Return p that each method ranks patches better than the edge detector, (M,).

        One-sided sign-flip test over images of the mean difference in `margin`, against the
        maximum over the methods, so that the p-values hold for all methods together; nan for
        fewer than five images. Every sign is tried for up to 12 images, else 10,000 random ones.
        """
        n, m = len(self.names), len(self.methods)
        if n < FEW_IMAGES:
            return np.full(m, np.nan)
        gap = self.margin[:, :m] - self.margin[:, self.rated.index("edges"), None]
        if n <= 12:
            signs = np.array(list(product((1.0, -1.0), repeat=n)))
        else:
            signs = np.random.default_rng(0).choice((1.0, -1.0), (_FLIPS, n))
            signs[0] = 1
        most = (signs @ gap / n).max(1)
        p: Floats = (most[:, None] >= gap.mean(0) - 1e-12).mean(0)
        return p

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image and rated map: class, sums and every score."""
        import pandas as pd

        n, a = self.insertion_auc.shape
        maps = np.concatenate([self.patches, self.reference_patches], axis=1).reshape(n, a, -1)
        best = maps.argmax(2)
        columns = {
            "image": np.repeat(self.names, a),
            "map": np.tile(self.rated, n),
            "unit": np.tile([UNITS.get(name, "") for name in self.rated], n),
            "target": np.repeat(self.target, a),
            "target_name": np.repeat(self.target_name, a),
            "against": np.repeat(self.against, a),
            "predicted": np.repeat(self.predicted, a),
            "probability": np.repeat(self.probability, a),
            "score": np.repeat(self.score, a),
            "baseline_score": np.repeat(self.baseline_score, a),
            "sum": maps.sum(2).ravel(),
            "sum_abs": np.abs(maps).sum(2).ravel(),
            "top_row": (best // self.grid[1]).ravel(),
            "top_column": (best % self.grid[1]).ravel(),
        }
        for name in (*SCORES[:4], "best_scale", *SCORES[4:]):
            columns[name] = getattr(self, name).ravel()
        for i, stage in enumerate(self.stages):
            columns[f"rank_correlation: {stage}"] = self.rank_correlation[:, :, i].ravel()
        return pd.DataFrame(columns)


def mean_of_finite(values: Floats, axis: int) -> Floats:
    """Average over an axis what is finite; nan where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis)
    total = np.where(there, values, 0).sum(axis)
    means: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means
