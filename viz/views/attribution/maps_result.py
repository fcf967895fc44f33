"""Which parts of an image a network's answer rests on, by several methods.

`Attributions` is made by `maps`. Letters in shapes: n images of c x H x W input
and a grid of gh x gw patches, M methods of which P work at pixels, k images whose raw maps are
kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result

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
_LOCAL, _SHARE = "logit per unit of input", "logit"
UNITS = {
    name: _LOCAL if name in ("saliency", "smoothgrad", "guided-backprop") else _SHARE
    for name in METHODS
}
"""Unit of each method's values."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Attributions(Result):
    """Maps of several methods for several images, raw and on the network's own patch grid.

    The score that is explained is the logit of ``target``, or that logit minus the one of
    ``against``. Methods in units of "logit per unit of input" are gradients: their raw maps keep
    the gradient's sign, and their value for a patch is the sum of absolute values over its pixels
    and colours. All others keep their sign: a patch's value is the plain sum. Pixels beyond the
    last whole patch are seen by no unit and are 0.

    Parameters
    ----------
    names : tuple of str
        Of the images.
    methods : tuple of str
        Of `METHODS`.
    pixels : ndarray of uint8, (n, H, W, 3)
        What the network saw, for display.
    patch_size : int
        In pixels.
    patches : ndarray, (n, M, gh, gw)
        Value of each patch.
    raw : ndarray of float32, (k, P, c, H, W)
        What the pixel methods returned, for the first k images.
    raw_methods : tuple of str
        The P methods.
    target, against : ndarray of int64, (n,)
        Class explained, and the class whose logit is subtracted (-1 for none).
    target_name, against_name : tuple of str
        Their names, or ``"class 3"`` where the checkpoint has none; ``""`` for none.
    predicted : ndarray of int64, (n,)
        Class with the largest logit.
    predicted_name : tuple of str
        Its name.
    score, baseline_score : ndarray, (n,)
        What is explained, in logits: of the image, and of an input of zeros (the mean colour).
    probability : ndarray, (n,)
        Softmax of the target; where a class is subtracted, over these two classes only.
    grad_cam_block : int
        Block whose output Grad-CAM looks at, 0-based.
    """

    kind: ClassVar[str] = "attributions"
    names: tuple[str, ...]
    methods: tuple[str, ...]
    pixels: NDArray[np.uint8]
    patch_size: int
    patches: Floats
    raw: NDArray[np.float32]
    raw_methods: tuple[str, ...]
    target: Ints
    against: Ints
    target_name: tuple[str, ...]
    against_name: tuple[str, ...]
    predicted: Ints
    predicted_name: tuple[str, ...]
    score: Floats
    baseline_score: Floats
    probability: Floats
    grad_cam_block: int

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.patches.shape[2], self.patches.shape[3]

    def share(self) -> Floats:
        """Return each map over the sum of its absolute values, (n, M, gh, gw): signed."""
        return over_mass(self.patches)

    def explained(self, image: int) -> str:
        """Say in words what is explained for an image."""
        if self.against[image] < 0:
            return self.target_name[image]
        return f"{self.target_name[image]} minus {self.against_name[image]}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per image and method: classes, score, and the map's extremes."""
        import pandas as pd

        n, m = len(self.names), len(self.methods)
        flat = self.patches.reshape(n, m, -1)
        best = flat.argmax(2)
        return pd.DataFrame(
            {
                "image": np.repeat(self.names, m),
                "method": np.tile(self.methods, n),
                "unit": np.tile([UNITS[name] for name in self.methods], n),
                "target": np.repeat(self.target, m),
                "target_name": np.repeat(self.target_name, m),
                "against": np.repeat(self.against, m),
                "predicted": np.repeat(self.predicted, m),
                "probability": np.repeat(self.probability, m),
                "score": np.repeat(self.score, m),
                "sum": flat.sum(2).ravel(),
                "sum_abs": np.abs(flat).sum(2).ravel(),
                "top_row": (best // self.grid[1]).ravel(),
                "top_column": (best % self.grid[1]).ravel(),
            }
        )


def over_mass(maps: Floats) -> Floats:
    """Divide maps, (..., gh, gw), by the sum of their absolute values; zeros stay zeros."""
    mass = np.abs(maps).sum((-2, -1), keepdims=True)
    shares: Floats = maps / np.where(mass > 0, mass, 1)
    return shares
