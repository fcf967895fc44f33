"""Which parts of an image a network's answer rests on, by several methods, and their trust.

Letters in shapes: n images of H x W pixels and a grid of gh x gw patches, M methods, A = M + 3
rated maps, T stages of the randomisation test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, records
from viz.views.tables import mean_of_finite
from viz.views.wording import FEW_IMAGES, listed, n_images, rounded

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHODS = (
    "saliency",
    "smoothgrad",
    "input-x-gradient",
    "integrated-gradients",
    "gradient-shap",
    "deeplift",
    "guided-backprop",
    "occlusion",
    "feature-ablation",
    "grad-cam",
)
"""Every method there is, in the order in which figures and tables show them."""
PIXEL_METHODS = METHODS[:7]
"""Methods that give a value to every input value; the others give one to every patch."""
GRADIENT = "logit per unit of input"
UNITS = {
    name: GRADIENT if name in ("saliency", "smoothgrad", "guided-backprop") else "logit"
    for name in METHODS
}
"""Unit of each method's values."""
COMPLETE = ("input-x-gradient", "integrated-gradients", "gradient-shap", "deeplift")
"""Methods that have a completeness gap: their values should add up to a difference of scores."""
REFERENCES = ("random", "edges", "constant")
"""Maps that know nothing of the network, rated like the methods."""
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
_FLIPS = 10_000


def method_words(method: str) -> str:
    """Return a method's name in words."""
    return {
        "smoothgrad": "SmoothGrad",
        "input-x-gradient": "input × gradient",
        "gradient-shap": "gradient SHAP",
        "deeplift": "DeepLIFT",
        "grad-cam": "Grad-CAM",
        "random": "random map",
        "edges": "edge detector",
        "constant": "constant map",
    }.get(method, method.replace("-", " "))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Attributions(Result):
    """Maps of several methods for several images, on the network's own patch grid.

    The score that is explained is the logit of ``target``, or that logit minus the one of
    ``against``. The value of a patch is the plain sum over its pixels and colours; of methods in
    units of "logit per unit of input", which are gradients, the sum of absolute values.

    Parameters
    ----------
    names : tuple of str
        Of the images.
    methods : tuple of str
        Of `METHODS`.
    classes : tuple of str
        Names of all classes, ``"class 3"`` where the checkpoint has none.
    pixels : ndarray of uint8, (n, H, W, 3)
        What the network saw, for display.
    patch_size : int
        In pixels.
    patches : ndarray, (n, M, gh, gw)
        Value of each patch.
    target, against, predicted : ndarray of int64, (n,)
        Class explained, the one whose logit is subtracted (-1 for none), that of the largest logit.
    score, baseline_score : ndarray, (n,)
        What is explained, in logits: of the image, and of an input of zeros (the mean colour).
    probability : ndarray, (n,)
        Softmax of the target; where a class is subtracted, over these two classes only.
    """

    kind: ClassVar[str] = "attributions"
    names: tuple[str, ...]
    methods: tuple[str, ...]
    classes: tuple[str, ...]
    pixels: NDArray[np.uint8]
    patch_size: int
    patches: Floats
    target: Ints
    against: Ints
    predicted: Ints
    score: Floats
    baseline_score: Floats
    probability: Floats


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Trust(Attributions):
    """Maps, and how they fare when patches go, the input trembles, or weights are drawn anew.

    Parameters
    ----------
    rated : tuple of str
        The M methods, then `REFERENCES`; the scores of "random" are means over several draws.
    reference_patches : ndarray, (n, 3, gh, gw)
        The first random map; edges: Sobel's gradient magnitude of the network input, summed; and
        the same value for every patch.
    insertion_auc, deletion_auc : ndarray, (n, A)
        Area under the probability of what is explained as patches are inserted into a blurred
        image, or replaced by zeros, the largest value first.
    infidelity : ndarray, (n, A)
        Mean squared error, in squared logits, of the score's change as the map predicts it when
        random patches go, under the best scaling of the map.
    unexplained : ndarray, (n, A)
        That, over the mean squared change: 0 where the map predicts everything, 1 where nothing.
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
    passes : mapping of str to int
        Images that each score sent through the network, for one image.
    """

    kind: ClassVar[str] = "trusted attributions"
    rated: tuple[str, ...]
    reference_patches: Floats
    insertion_auc: Floats
    deletion_auc: Floats
    infidelity: Floats
    unexplained: Floats
    max_sensitivity: Floats
    completeness_gap: Floats
    stages: tuple[str, ...]
    rank_correlation: Floats
    passes: Mapping[str, int]

    @property
    def randomisation(self) -> Floats:
        """Mean |rank correlation| over the stages, (n, A); nan if not measured."""
        if not self.stages:
            return np.full(self.insertion_auc.shape, np.nan)
        return mean_of_finite(np.abs(self.rank_correlation), 2)

    @property
    def margin(self) -> Floats:
        """Area under the insertion curve less that under deletion, (n, A)."""
        difference: Floats = self.insertion_auc - self.deletion_auc
        return difference

    def explained(self, image: int) -> list[str]:
        """Return the class explained for an image, and the one that is subtracted, if any."""
        return [self.classes[c] for c in (self.target[image], self.against[image]) if c >= 0]

    def _said(self) -> Floats:
        """Return the margins that the finding speaks of: of few images each, else their mean."""
        few = len(self.names) < FEW_IMAGES
        return self.margin if few else self.margin.mean(0, keepdims=True)

    def ends(self) -> list[tuple[str, str]]:
        """Return the methods of the lowest and the highest margin, a pair for each one said."""
        margin = self._said()[:, : len(self.methods)]
        return [(self.methods[row.argmin()], self.methods[row.argmax()]) for row in margin]

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
        """Return one row per image and rated map: what is explained, and every score."""
        import pandas as pd

        n, a = self.insertion_auc.shape
        of_image = {
            "image": self.names,
            "explained": [" minus ".join(self.explained(i)) for i in range(n)],
            "predicted": [self.classes[c] for c in self.predicted],
            "probability": self.probability,
            "score": self.score,
            "baseline_score": self.baseline_score,
        }
        columns: dict[str, Any] = {k: np.repeat(np.array(v), a) for k, v in of_image.items()}
        columns["map"] = np.tile(self.rated, n)
        columns["unit"] = np.tile([UNITS.get(name, "") for name in self.rated], n)
        columns |= {name: getattr(self, name).ravel() for name in SCORES}
        for i, stage in enumerate(self.stages):
            columns[f"rank_correlation: {stage}"] = self.rank_correlation[:, :, i].ravel()
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return every score as plain values, the means over images first."""
        frame = self.to_frame()
        means = frame.groupby("map", sort=False)[list(SCORES)].mean()
        means["insertion_less_deletion"] = self.margin.mean(0)
        p = dict(zip(self.methods, self.p_above_edges(), strict=True))
        means["p_above_edges"] = [p.get(name, np.nan) for name in self.rated]
        return {
            "n_images": len(self.names),
            "settings": dict(self.source.settings),
            "passes": dict(self.passes),
            "maps": records(means.reset_index()),
            "images": records(frame),
        }

    def sentence(self) -> str:
        """Say which methods rank patches better than an edge detector, as far as images allow."""
        n, m = len(self.names), len(self.methods)
        margin, rated = self._said(), self.rated

        def of(name: str) -> str:
            return listed([rounded(row[rated.index(name)]) for row in margin])

        span = [
            " to ".join(f"{rounded(row[rated.index(e)])} ({method_words(e)})" for e in pair)
            for row, pair in zip(margin, self.ends(), strict=True)
        ]
        means = (
            "Insertion less deletion (the area between the probability as patches go in and as "
            "they go out in a map's order; more is better) is "
            + (f"{listed(span)} over the {m} methods" if m > 1 else f"{of(self.methods[0])} for "
               f"{method_words(self.methods[0])}")
            + f", against {of('edges')} for an edge detector and {of('random')} for random maps"
        )  # fmt: skip
        if n < FEW_IMAGES:
            beaten = (margin[:, :m] > margin[:, [rated.index("edges")]]).sum(1).astype(str)
            text = f"On {n_images(n)}, too few to rank methods, {listed([*beaten])} of {m} order"
            return f"{text} patches better than an edge detector. {means}."
        p = self.p_above_edges()
        above = [method_words(name) for name, value in zip(self.methods, p, strict=True)
                 if value < 0.05]  # fmt: skip
        counted = f"One of {m} methods ranks" if len(above) == 1 else (
            f"{len(above) or 'None'} of {m} methods rank"
        )  # fmt: skip
        return (
            f"{counted} patches better than an edge detector on {n} images (sign-flip test of the "
            f"maximum over methods, p < .05){': ' + listed(above) if above else ''}. {means}."
        )
