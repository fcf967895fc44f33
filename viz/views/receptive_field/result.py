"""What units see: receptive fields by block, theoretical and effective, beside a random network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none
from viz.views.wording import FEW_IMAGES, n_images

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.5, 0.9, 0.99)
"""Shares of the gradient's mass whose radii are measured."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ReceptiveField(Result):
    """Receptive fields of one unit of each block, B blocks, over images of H x W pixels.

    Positions are row and column in pixels of the network's input, 0 is the middle of the first
    pixel. An effective field is the mean over images of |d sum_c y_c(unit) / d x|, summed over
    colours. Fields called ``random_...`` are of a randomly initialised network of the same shape on
    the same images; they are empty where none was asked for.

    Parameters
    ----------
    image_size : tuple of int
        H and W.
    patch_size : int
        Of the network, in pixels.
    unit : tuple of int
        Row and column in the patch grid.
    channels : tuple of int
        Channels summed over; empty for all.
    n_images : int
        Images that the mean is over.
    confidence : float
        Of every interval.
    passing_block : int
        First block whose theoretical field is wider than the image; -1 where none is.
    block : ndarray of int64, (B,)
        0-based.
    theoretical_px : ndarray of int64, (B,)
        Side of the theoretical field, borders left aside.
    centre_px : ndarray, (B, 2)
        Its middle.
    radius_px, random_radius_px : ndarray, (B, 3)
        Radii about ``centre_px`` that hold the shares `SHARES` of the mass of the mean gradient.
    radius_interval_px, random_radius_interval_px : ndarray, (B, 3, 2)
        Low and high end, from a bootstrap over images; nan for fewer than five images.
    maps, random_maps : ndarray of float32, (B, H, W)
        The mean of the gradients.
    """

    kind: ClassVar[str] = "receptive fields"
    image_size: tuple[int, int]
    patch_size: int
    unit: tuple[int, int]
    channels: tuple[int, ...]
    n_images: int
    confidence: float
    passing_block: int
    block: NDArray[np.int64]
    theoretical_px: NDArray[np.int64]
    centre_px: NDArray[np.float64]
    radius_px: NDArray[np.float64]
    radius_interval_px: NDArray[np.float64]
    maps: NDArray[np.float32]
    random_radius_px: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    random_radius_interval_px: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((0, 3, 2))
    )
    random_maps: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, 0, 0), np.float32)
    )

    @property
    def patch_px(self) -> NDArray[np.float64]:
        """Row and column of the middle of the unit's own patch, (2,), in pixels."""
        return self.patch_size * np.array(self.unit) + (self.patch_size - 1) / 2

    @property
    def unseen_px(self) -> int:
        """Pixels that no unit sees, because the image is no whole number of patches."""
        (height, width), p = self.image_size, self.patch_size
        return height * width - (height - height % p) * (width - width % p)

    @property
    def has_random(self) -> bool:
        """Whether a randomly initialised network stands beside."""
        return len(self.random_maps) > 0

    @property
    def what(self) -> str:
        """Which output was differentiated, in words."""
        row, column = self.unit
        if not self.channels:
            channels = "all channels"
        elif len(self.channels) <= 4:
            many = "s" if len(self.channels) > 1 else ""
            channels = f"channel{many} {', '.join(map(str, self.channels))}"
        else:
            channels = f"{len(self.channels)} channels"
        return f"The unit of row {row} and column {column}, {channels}."

    @property
    def intervals(self) -> str:
        """What the intervals rest on, in a sentence."""
        n = self.n_images
        if n < FEW_IMAGES:
            return f"{n_images(n).capitalize()}: too few for intervals."
        text = f"Intervals: {100 * self.confidence:.0f} %, bootstrap over {n} images"
        return f"{text}, too few to say much." if n < 10 else f"{text}."

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        first, last = self.block[0], self.block[-1]
        r = self.radius_px
        if not np.isfinite(r[[0, -1], 0]).all():
            return f"On {n_images(self.n_images)} no pixel has an effect on the unit."
        passing = self.passing_block
        can = f"exceeds it from block {passing} on" if passing >= 0 else "does not exceed it"
        text = (
            f"The image has {max(self.image_size)} px a side, and the field that the architecture "
            f"gives a unit {can}. On {n_images(self.n_images)} half of the effect that pixels have "
            f"on the unit (the gradient's mass) lies within {_px(r[0, 0])} px of its centre after "
            f"block {first}"
        )
        if first != last:
            text += f" and within {_px(r[-1, 0])} px after block {last}"
        if self.has_random:
            q = self.random_radius_px
            text += f", against {_px(q[0, 0])} px"
            text += f" and {_px(q[-1, 0])} px" if first != last else ""
            text += " in a randomly initialised network"
        return f"{text}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block; radii with the low and the high end of their intervals."""
        import pandas as pd

        columns: dict[str, Any] = {
            "block": self.block,
            "theoretical_px": self.theoretical_px,
            "wider_than_image": self.theoretical_px > max(self.image_size),
            "centre_row_px": self.centre_px[:, 0],
            "centre_column_px": self.centre_px[:, 1],
        }
        for before in ("", "random_") if self.has_random else ("",):
            radius = getattr(self, f"{before}radius_px")
            interval = getattr(self, f"{before}radius_interval_px")
            for j, share in enumerate(SHARES):
                name = f"{before}r{100 * share:.0f}"
                columns[f"{name}_px"] = radius[:, j]
                columns[f"{name}_low_px"], columns[f"{name}_high_px"] = interval[:, j].T
        same: dict[str, Any] = {
            "unit_row": self.unit[0],
            "unit_column": self.unit[1],
            "channels": " ".join(map(str, self.channels)) or "all",
            "image_height": self.image_size[0],
            "image_width": self.image_size[1],
            "unseen_px": self.unseen_px,
            "n_images": self.n_images,
        }
        return pd.DataFrame(columns).assign(**same)

    def rows(self) -> list[dict[str, Any]]:
        """Return the table as plain JSON values; what is undefined is None."""
        return [
            {str(k): or_none(v) if isinstance(v, float) else v for k, v in row.items()}
            for row in self.to_frame().to_dict("records")
        ]


def _px(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
