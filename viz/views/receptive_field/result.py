"""What units see: theoretical and effective receptive fields by block, beside a random network's.

`ReceptiveField` is made by `viz.views.receptive_field.measure`.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Receptive fields of one unit of each block, B blocks, over N images of H x W pixels.

    Positions are row and column in pixels of the network's input, 0 is the middle of the first
    pixel. An effective field is the mean over images of |d sum_c y_c(unit) / d x|, summed over
    colours. Its mass within a radius counts pixels whose middle lies within it. Intervals are
    (low, high), from a bootstrap over images; nan for fewer than five images. Fields called
    ``random_...`` are of a randomly initialised network of the same shape on the same images; their
    first axis is 0 long where none was asked for.

    Parameters
    ----------
    image_size : tuple of int
        H and W.
    patch_size, kernel_size : int
        Of the network, in pixels and in patches.
    depth : int
        Blocks of the network.
    unit : tuple of int
        Row and column in the patch grid.
    channels : tuple of int
        Channels summed over; empty for all.
    n_images : int
        N.
    confidence : float
        Of every interval.
    passing_block : int
        First block whose theoretical field is wider than the image; -1 where none is.
    unseen_px : int
        Pixels that no unit sees, because the image is no whole number of patches.
    block : ndarray of int64, (B,)
        0-based.
    theoretical_px : ndarray of int64, (B,)
        Side of the theoretical field, borders left aside.
    centre_px : ndarray, (B, 2)
        Its middle.
    box_px : ndarray of int64, (B, 4)
        Its first row, first column, and row and column after the last, within the image.
    radius_px : ndarray, (B, 3)
        Radii about ``centre_px`` that hold the shares `SHARES` of the mass.
    radius_interval_px : ndarray, (B, 3, 2)
        Their intervals.
    rms_px : ndarray, (B,)
        Square root of the second moment about ``centre_px``.
    rms_interval_px : ndarray, (B, 2)
        Its interval.
    anisotropy : ndarray, (B,)
        (l1 - l2) / (l1 + l2) of the second moments about ``centre_px``: 0 round, 1 a line.
    anisotropy_interval : ndarray, (B, 2)
        Its interval.
    orientation : ndarray, (B,)
        Of the longer axis, [0, 180) degrees counter-clockwise on the screen; nan if it is round.
    offset_px : ndarray, (B, 2)
        Centre of mass minus ``centre_px``, row and column.
    share_of_theoretical : ndarray, (B,)
        Pixels of the theoretical field within the image that lie within the radius of 90 %, as a
        share of all of them. A field that is the same everywhere would have about .9.
    maps : ndarray of float32, (B, H, W)
        The mean of the gradients.
    random_radius_px : ndarray, (B, 3) or (0, 3)
        As without ``random_``.
    random_radius_interval_px : ndarray, (B, 3, 2) or (0, 3, 2)
        As without ``random_``.
    random_rms_px, random_anisotropy, random_share_of_theoretical : ndarray, (B,) or (0,)
        As without ``random_``.
    random_maps : ndarray of float32, (B, H, W) or (0, H, W)
        As without ``random_``.
    """

    kind: ClassVar[str] = "receptive fields"
    image_size: tuple[int, int]
    patch_size: int
    kernel_size: int
    depth: int
    unit: tuple[int, int]
    channels: tuple[int, ...]
    n_images: int
    confidence: float
    passing_block: int
    unseen_px: int
    block: NDArray[np.int64]
    theoretical_px: NDArray[np.int64]
    centre_px: NDArray[np.float64]
    box_px: NDArray[np.int64]
    radius_px: NDArray[np.float64]
    radius_interval_px: NDArray[np.float64]
    rms_px: NDArray[np.float64]
    rms_interval_px: NDArray[np.float64]
    anisotropy: NDArray[np.float64]
    anisotropy_interval: NDArray[np.float64]
    orientation: NDArray[np.float64]
    offset_px: NDArray[np.float64]
    share_of_theoretical: NDArray[np.float64]
    maps: NDArray[np.float32]
    random_radius_px: NDArray[np.float64]
    random_radius_interval_px: NDArray[np.float64]
    random_rms_px: NDArray[np.float64]
    random_anisotropy: NDArray[np.float64]
    random_share_of_theoretical: NDArray[np.float64]
    random_maps: NDArray[np.float32]

    @property
    def patch_px(self) -> NDArray[np.float64]:
        """Row and column of the middle of the unit's own patch, (2,), in pixels."""
        return self.patch_size * np.array(self.unit) + (self.patch_size - 1) / 2

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
        elif len(self.channels) == 1:
            channels = f"channel {self.channels[0]}"
        elif len(self.channels) <= 4:
            channels = f"channels {', '.join(map(str, self.channels))}"
        else:
            channels = f"{len(self.channels)} channels"
        return f"unit (row {row}, column {column}), {channels}"

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
        text = (
            f"On {n_images(self.n_images)} half of the gradient's mass lies within "
            f"{_px(r[0, 0])} px of the unit's centre after block {first}"
        )
        if first != last:
            text += f" and within {_px(r[-1, 0])} px after block {last}"
        if self.has_random:
            q = self.random_radius_px
            text += f", against {_px(q[0, 0])} px"
            text += f" and {_px(q[-1, 0])} px" if first != last else ""
            text += " in a randomly initialised network"
        side = max(self.image_size)
        text += f". The image has {side} px a side, and "
        if self.passing_block >= 0:
            return f"{text}the theoretical field exceeds it from block {self.passing_block} on."
        return f"{text}no theoretical field exceeds it."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block, columns named as in `rows`."""
        import pandas as pd

        flat: list[dict[str, Any]] = []
        for row in self.rows():
            out: dict[str, Any] = {}
            for name, value in row.items():
                if isinstance(value, dict):
                    out |= {f"{name}_{key}": entry for key, entry in value.items()}
                else:
                    out[name] = value
            flat.append(
                {
                    key: entry
                    for name, value in out.items()
                    for key, entry in _columns(name, value).items()
                }
            )
        return pd.DataFrame(flat)

    def rows(self) -> list[dict[str, Any]]:
        """Return the numbers by block as plain JSON values; what is undefined is None."""
        return [self._row(i) for i in range(len(self.block))]

    def _row(self, i: int) -> dict[str, Any]:
        y, x = (float(c) for c in self.centre_px[i])
        row: dict[str, Any] = {
            "block": int(self.block[i]),
            "theoretical_px": int(self.theoretical_px[i]),
            "centre_px": y if y == x else [y, x],
        }
        row |= _radii(self.radius_px[i], self.radius_interval_px[i])
        row |= {
            "rms_px": or_none(self.rms_px[i]),
            "rms_interval_px": _pair(self.rms_interval_px[i]),
            "anisotropy": or_none(self.anisotropy[i]),
            "anisotropy_interval": _pair(self.anisotropy_interval[i]),
            "orientation_degrees": or_none(self.orientation[i]),
            "offset_px": _pair(self.offset_px[i]),
            "share_of_theoretical": or_none(self.share_of_theoretical[i]),
            "wider_than_image": bool(self.theoretical_px[i] > max(self.image_size)),
            "unseen_px": self.unseen_px,
            "unit": list(self.unit),
            "channels": list(self.channels) or "all",
            "image_size": list(self.image_size),
            "n_images": self.n_images,
        }
        if self.has_random:
            row["random"] = _radii(self.random_radius_px[i], self.random_radius_interval_px[i]) | {
                "rms_px": or_none(self.random_rms_px[i]),
                "anisotropy": or_none(self.random_anisotropy[i]),
                "share_of_theoretical": or_none(self.random_share_of_theoretical[i]),
            }
        return row


def _columns(name: str, value: Any) -> dict[str, Any]:
    """Spread a pair over two columns; a list of channels becomes words."""
    if name == "channels":
        return {name: value if isinstance(value, str) else " ".join(map(str, value))}
    if "interval" in name:
        low, high = value or (None, None)
        return {f"{name}_low": low, f"{name}_high": high}
    if name in ("centre_px", "offset_px", "unit", "image_size"):
        down, across = value if isinstance(value, list) else (value, value)
        return {f"{name}_row": down, f"{name}_column": across}
    return {name: value}


def _radii(radius: NDArray[np.float64], interval: NDArray[np.float64]) -> dict[str, Any]:
    names = [f"r{100 * share:.0f}" for share in SHARES]
    found = {f"{n}_px": or_none(r) for n, r in zip(names, radius, strict=True)}
    return found | {f"{n}_interval_px": _pair(i) for n, i in zip(names, interval, strict=True)}


def _pair(values: NDArray[np.float64]) -> list[float] | None:
    return [float(v) for v in values] if np.isfinite(values).all() else None


def _px(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
