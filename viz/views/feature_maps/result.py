"""Feature maps of one block beside its kernels; sparsity and rank by depth; what patches keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

MAPS = (
    "input",
    "depthwise",
    "depthwise_activation",
    "depthwise_norm",
    "residual",
    "pointwise",
    "pointwise_activation",
    "output",
)
"""The maps of a block that are kept: its input, then its stages in the network's order."""
SHARE = 0.99
"""Of the values lie within a colour scale; larger ones take its end colour."""
STATISTICS = ("off", "negative_mass", "hoyer", "rank", "rank_centred", "rank_shuffled")
"""Numbers per activation and image."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FeatureMaps(Result):
    """What a network makes of images, where its kernels can be seen beside it.

    m images are shown, M measured (the first m are the same); n channels of one block and f patch
    filters are shown. Token (i, j) of a map covers the pixels p i to p i + p - 1 down and p j to
    p j + p - 1 across; answer (y, x) at stride 1 is that of the window which begins there.

    Parameters
    ----------
    images : ndarray of uint8, (m, H, W, 3)
        What the network saw: resized and cropped.
    image_names : tuple of str
        Of the m shown.
    block : int
        0-based.
    channel : ndarray of int64, (n,)
        Channels shown.
    chosen_by : str
        Why these, in words.
    name : ndarray of str, (n,)
        Of their kernels; ``""`` where they were not described.
    activity : ndarray, (dim,)
        Of every channel of the block: standard deviation over positions of what the depthwise
        part adds (after its batch norm), averaged over the images shown.
    kernels : ndarray of float32, (n, k, k)
        Of the channels shown, as torch convolves them.
    maps : ndarray of float32, (8, m, n, h, w)
        By `MAPS`.
    activation : str
        Of the network.
    statistic_images : tuple of str
        Names of the M images.
    statistic_block : ndarray of int64, (r,)
        Of each activation: -1 for the patch embedding's.
    statistic_part : ndarray of str, (r,)
        ``"patch embedding"``, ``"depthwise"`` or ``"pointwise"``: what stands before it.
    off : ndarray, (r, M)
        Share of the units that the activation switches off: its input is at most 0. nan for the
        identity.
    negative_mass : ndarray, (r, M)
        Share of the absolute mass of the activation's output that is below 0.
    hoyer : ndarray, (r, M)
        Hoyer's sparsity of the activation's output, 0 (all alike) to 1 (one unit only).
    rank : ndarray, (r, M)
        Effective rank of the activation's output as a matrix of channels x positions.
    rank_centred : ndarray, (r, M)
        The same with every channel's mean over positions removed.
    rank_shuffled : ndarray, (r, M)
        The same as ``rank_centred`` with the positions of every channel shuffled on their own.
    rank_bound : ndarray of int64, (r,)
        The most that a centred rank can be: the smaller of channels and positions less one.
    filter : ndarray of int64, (f,)
        Patch filters shown.
    filters : ndarray of float32, (f, c, p, p)
        Their weights, in normalised-input space.
    answers : ndarray of float32, (m, f, H - p + 1, W - p + 1)
        Of the filters at every pixel, bias included, before the activation.
    tokens : ndarray of float32, (m, f, h, w)
        The same on the patch grid, which is all that the network has.
    kept_energy : ndarray, (dim,)
        Of every filter: share of the energy of its answers whose frequencies the patch grid can
        carry, averaged over the images shown; nan for an answer without variation.
    kept_peak : ndarray, (dim,)
        Of every filter: its largest absolute answer on the patch grid (bias apart) over its
        largest anywhere, averaged over the images shown.
    sweep_limits : ndarray, (8,) or (0,)
        By `MAPS`, what 99 % of the values of the channels shown stay within on the images of a
        sweep (the largest of them); nan where the sweep does not know. Empty without a sweep.
    sweep_images : int
        Images of that sweep.
    """

    kind: ClassVar[str] = "feature maps"
    images: NDArray[np.uint8]
    image_names: tuple[str, ...]
    block: int
    channel: NDArray[np.int64]
    chosen_by: str
    name: NDArray[np.str_]
    activity: NDArray[np.float64]
    kernels: NDArray[np.float32]
    maps: NDArray[np.float32]
    activation: str
    statistic_images: tuple[str, ...]
    statistic_block: NDArray[np.int64]
    statistic_part: NDArray[np.str_]
    off: NDArray[np.float64]
    negative_mass: NDArray[np.float64]
    hoyer: NDArray[np.float64]
    rank: NDArray[np.float64]
    rank_centred: NDArray[np.float64]
    rank_shuffled: NDArray[np.float64]
    rank_bound: NDArray[np.int64]
    filter: NDArray[np.int64]
    filters: NDArray[np.float32]
    answers: NDArray[np.float32]
    tokens: NDArray[np.float32]
    kept_energy: NDArray[np.float64]
    kept_peak: NDArray[np.float64]
    sweep_limits: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    sweep_images: int = 0

    @property
    def patch_size(self) -> int:
        """Side p of a patch, in pixels."""
        return int(self.filters.shape[-1])

    def of(self, name: str) -> NDArray[np.float32]:
        """Return one kind of map.

        Shapes: returns (m, n, h, w).
        """
        found: NDArray[np.float32] = self.maps[MAPS.index(name)]
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row per activation and image; ``block`` is -1 for the patch embedding."""
        import pandas as pd

        rows, images = self.off.shape
        columns: dict[str, Any] = {
            "block": np.repeat(self.statistic_block, images),
            "part": np.repeat(self.statistic_part, images),
            "image": np.tile(np.array(self.statistic_images, dtype=object), rows),
        }
        columns |= {name: getattr(self, name).ravel() for name in STATISTICS}
        columns["rank_bound"] = np.repeat(self.rank_bound, images)
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        channels = [
            {"channel": int(c), "name": str(name) or None, "activity": float(self.activity[c])}
            for c, name in zip(self.channel, self.name, strict=True)
        ]
        depth = [
            {"block": int(self.statistic_block[r]), "part": str(self.statistic_part[r])}
            | {name: or_none(_mean(getattr(self, name)[r])) for name in STATISTICS}
            | {"rank_bound": int(self.rank_bound[r])}
            for r in range(len(self.statistic_block))
        ]
        return {
            "block": self.block,
            "chosen_by": self.chosen_by,
            "channels": channels,
            "activation": self.activation,
            "images": list(self.statistic_images),
            "images_shown": list(self.image_names),
            "depth": depth,
            "rank_shuffled_mean": {
                part: float(np.mean(np.array(ranks, np.float64)))
                for part in ("depthwise", "pointwise")
                if (ranks := [row["rank_shuffled"] for row in depth if row["part"] == part])
                and None not in ranks
            },
            "patch_grid": {
                "kept_energy_median": or_none(_median(self.kept_energy)),
                "kept_energy_without_structure": 1 / self.patch_size**2,
                "kept_peak_median": or_none(_median(self.kept_peak)),
            },
        }


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
