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
STATISTICS = ("off", "rank", "rank_shuffled")
"""Numbers per activation and image."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FeatureMaps(Result):
    """What a network makes of images, where its kernels can be seen beside it.

    m images are shown, M measured (the first m are the same); n channels of one block and f patch
    filters are shown. Token (i, j) of a map covers the pixels p i to p i + p - 1 down and p j to
    p j + p - 1 across; answer (y, x) at stride 1 is that of the window which begins there. Fields
    of numbers by depth and of patch filters are empty where they were not asked for.

    Parameters
    ----------
    images : ndarray of uint8, (m, H, W, 3)
        What the network saw: resized and cropped.
    image_names : tuple of str
        Of the m shown.
    block : int
        0-based.
    patch_size : int
        Side p of a patch, in pixels.
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
    rank, rank_shuffled : ndarray, (r, M)
        Effective rank of the activation's output as a matrix of channels x positions, each
        channel's mean removed; the same with the positions of every channel shuffled.
    rank_bound : int
        The most that a rank can be: the smaller of channels and positions less one.
    filter : ndarray of int64, (f,)
        Patch filters shown.
    filters : ndarray of float32, (f, c, p, p)
        Their weights, in normalised-input space.
    answers : ndarray of float32, (m, f, H - p + 1, W - p + 1)
        Of the filters at every pixel, bias included, before the activation.
    kept_energy : ndarray, (dim,)
        Of every filter: share of the energy of its answers whose frequencies the patch grid can
        carry, averaged over the images shown; nan for an answer without variation.
    """

    kind: ClassVar[str] = "feature maps"
    images: NDArray[np.uint8]
    image_names: tuple[str, ...]
    block: int
    patch_size: int
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
    rank: NDArray[np.float64]
    rank_shuffled: NDArray[np.float64]
    rank_bound: int
    filter: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    filters: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    answers: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    kept_energy: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def tokens(self) -> NDArray[np.float32]:
        """The answers on the patch grid, (m, f, h, w), which is all that the network has."""
        p, (h, w) = self.patch_size, self.maps.shape[3:]
        return self.answers[:, :, ::p, ::p][:, :, :h, :w]

    def of(self, name: str) -> NDArray[np.float32]:
        """Return one kind of map, (m, n, h, w)."""
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
        return pd.DataFrame(columns).assign(rank_bound=self.rank_bound)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        channels = [
            {"channel": int(c), "name": str(name) or None, "activity": float(self.activity[c])}
            for c, name in zip(self.channel, self.name, strict=True)
        ]
        depth = [
            {"block": int(self.statistic_block[r]), "part": str(self.statistic_part[r])}
            | {name: or_none(getattr(self, name)[r].mean()) for name in STATISTICS}
            for r in range(len(self.statistic_block))
        ]
        shuffled = self.rank_shuffled[self.statistic_part == "depthwise"]
        kept = self.kept_energy[np.isfinite(self.kept_energy)]
        return {
            "block": self.block,
            "chosen_by": self.chosen_by,
            "channels": channels,
            "activation": self.activation,
            "images": list(self.statistic_images),
            "images_shown": list(self.image_names),
            "depth": depth,
            "rank_bound": self.rank_bound,
            "rank_shuffled_mean": or_none(shuffled.mean()) if shuffled.size else None,
            "patch_grid": {
                "kept_energy_median": float(np.median(kept)) if len(kept) else None,
                "kept_energy_without_structure": 1 / self.patch_size**2,
            },
        }
