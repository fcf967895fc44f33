"""The patches that drive channels most, beside kernel and feature map."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none
from viz.views.wording import n_images

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TopPatches(Result):
    """For m channels of one stage, the n image patches at which each is largest.

    Parameters
    ----------
    stage : str
        Of `viz.sweep.result.STAGES`.
    block, channel : ndarray of int64, (m,)
        Which; block -1 for the patch embedding.
    name : ndarray of str, (m,)
        Of the channel's kernel; ``""`` where it was not described.
    chosen_by : str
        Why these, in words.
    kernels : ndarray of float32, (m, k, k) or (m, c, p, p)
        Of the depthwise convolution; patch filters for the patch embedding; (m, 0, 0) for the
        pointwise stage, whose channels have no kernel.
    value : ndarray of float32, (m, n)
        Of the channel at each patch; nan where there are fewer.
    image : ndarray of int64, (m, n)
        Where in ``image_names``; -1 for none.
    image_names : tuple of str
        Images in which a patch lies.
    row, column : ndarray of int64, (m, n)
        In the patch grid; -1 for none.
    side : ndarray of int64, (m,)
        Of the crops, in pixels of the network's input.
    side_from : str
        What decided the sides, in words.
    crops : ndarray of uint8, (m, n, S, S, 3)
        Around each patch's middle; of a channel's crops the first ``side`` rows and columns count.
        Grey (200) beyond the image.
    strongest : ndarray of uint8, (m, H, W, 3)
        The image of the first patch, as the network saw it.
    maps : ndarray of float32, (m, h, w)
        The channel's map of it.
    patch_size : int
        In pixels.
    n_images : int
        Images that were searched.
    peak : ndarray, (m,)
        Standard deviations by which the first value lies above the channel's mean over all
        positions of all images; nan for a constant channel.
    same_class : float
        Share of pairs of the images searched that lie in one folder; nan where folders are no
        classes.
    """

    kind: ClassVar[str] = "top patches"
    stage: str
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    name: NDArray[np.str_]
    chosen_by: str
    kernels: NDArray[np.float32]
    value: NDArray[np.float32]
    image: NDArray[np.int64]
    image_names: tuple[str, ...]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    side: NDArray[np.int64]
    side_from: str
    crops: NDArray[np.uint8]
    strongest: NDArray[np.uint8]
    maps: NDArray[np.float32]
    patch_size: int
    n_images: int
    peak: NDArray[np.float64]
    same_class: float

    @property
    def normal_peak(self) -> float:
        """What ``peak`` would be in the median of as many independent normal values; of their
        positive parts where the stage is an activation, whose outputs are skewed."""
        top = NormalDist().inv_cdf(0.5 ** (1 / (self.n_images * self.maps[0].size)))
        # The positive part has a mean of 0.399 and a standard deviation of 0.584.
        return top if self.stage == "residual" else (max(top, 0) - 0.398942) / 0.583819

    @property
    def top_same_class(self) -> float:
        """Share of pairs of a channel's patches whose images lie in one folder, over channels."""
        folders = np.array([name.rpartition("/")[0] for name in self.image_names])
        alike = [folders[a] == folders[b] for row in self.image
                 for a, b in combinations(row[row >= 0], 2)]  # fmt: skip
        return float(np.mean(alike)) if alike else float("nan")

    def sentence(self) -> str:
        """Say how rare the top patches are, and whether they are of one class."""
        peak = self.peak[np.isfinite(self.peak)]
        if not len(peak):
            return f"0 of the {len(self.peak)} channels shown vary, so that no patch drives them."
        low, high = (f"{v:.1f}" for v in (peak.min(), peak.max()))
        which = "the channel" if len(peak) == 1 else f"each of the {len(peak)} channels"
        said = (
            f"The top response of {which} shown lies {low if low == high else f'{low} to {high}'} "
            f"standard deviations above its mean over {n_images(self.n_images)}, against "
            f"{self.normal_peak:.1f} for the top one of as many normal random numbers"
            f"{', negative ones set to 0' * (self.stage != 'residual')} "
            f"({(peak > self.normal_peak).sum()} of {len(peak)} lie above that)."
        )
        if np.isfinite([self.same_class, self.top_same_class]).all():
            said += (
                f" Two top patches of a channel are of one class in {100 * self.top_same_class:.0f}"
                f" % of pairs, against {100 * self.same_class:.0f} % of two images at random."
            )
        return said

    def crop(self, i: int, j: int) -> NDArray[np.uint8]:
        """Return a channel's j-th crop.

        Shapes: returns (side, side, 3).
        """
        side = int(self.side[i])
        found: NDArray[np.uint8] = self.crops[i, j, :side, :side]
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel and patch: block, channel, rank, value, image, row, column."""
        import pandas as pd

        m, n = self.value.shape
        names = np.array([*self.image_names, ""], dtype=object)
        return pd.DataFrame({
            "block": np.repeat(self.block, n),
            "stage": self.stage,
            "channel": np.repeat(self.channel, n),
            "name": np.repeat(self.name, n),
            "rank": np.tile(np.arange(1, n + 1), m),
            "value": self.value.ravel(),
            "image": names[self.image.ravel()],
            "row": self.row.ravel(),
            "column": self.column.ravel(),
        })  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return the patches as plain JSON values."""
        channels = []
        for i in range(len(self.block)):
            patches = [
                {"image": self.image_names[self.image[i, j]], "row": int(self.row[i, j]),
                 "column": int(self.column[i, j]), "value": float(self.value[i, j])}
                for j in np.flatnonzero(self.image[i] >= 0)
            ]  # fmt: skip
            channels.append({"block": int(self.block[i]), "channel": int(self.channel[i]),
                             "name": str(self.name[i]) or None, "side_px": int(self.side[i]),
                             "peak": or_none(self.peak[i]), "patches": patches})  # fmt: skip
        return {"stage": self.stage, "images": self.n_images, "chosen_by": self.chosen_by,
                "side_from": self.side_from, "normal_peak": self.normal_peak,
                "same_class": or_none(self.same_class),
                "top_same_class": or_none(self.top_same_class), "channels": channels}  # fmt: skip
