"""Whether a kernel's name tells what drives it most: predictions, checked on its input maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

WHERE = ("top", "elsewhere", "shuffled")
"""Where a kernel's input map is looked at: where the kernel's response is largest; at random
positions of the same maps; where a kernel of the same taps in random order responds most."""
TESTS = ("orientation", "contrast")
"""What a name predicts: the orientation of a line or boundary, or that some taps stand out."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PreferredInputs(Result):
    """For m named kernels of k x k taps, the patches of their input maps that drive them most.

    A kernel convolves its channel's map, not the image, so that patches are k x k pieces of that
    map as the convolution sees them, zeros beyond the border included. Kernels without name, and
    those that respond nowhere, are left out. First axes of 3 follow `WHERE`, those of 2 `TESTS`.

    Parameters
    ----------
    block, channel : ndarray of int64, (m,)
        Which kernels.
    name : ndarray of str, (m,)
        Of `viz.views.kernels.result.KERNEL_NAMES`.
    kernels, forms : ndarray of float32, (m, k, k)
        Taps, and the best single shape with its mean removed.
    preferred : ndarray of float32, (m, k, k)
        Mean of the patches at which the kernel responds most, one of each image.
    patches : ndarray of int64, (m,)
        How many there are.
    agreement : ndarray, (3, m)
        Share of the kernel's patches that are as the name predicts; nan where it predicts nothing.
    match : ndarray, (3, m)
        Mean correlation over taps of the patches with the best single shape.
    lift_name, lift_mean : ndarray, (m,)
        Shares of the best single shape, and of the mean of the kernel's taps, in what lifts the
        response from its mean over positions to its largest; the rest of the kernel has the rest.
    names : tuple of str
        Names that occur.
    count : ndarray of int64, (L,)
        Kernels of each.
    chance : ndarray, (L,)
        Agreement with a prediction made without looking.
    share : ndarray, (3, L)
        Mean agreement over the name's kernels.
    share_interval : ndarray, (L, 2)
        Of that at the top, 95 %, bootstrap over kernels; nan with fewer than 5 kernels.
    gain_interval : ndarray, (L, 2)
        Of its difference from that of shuffled taps.
    block_count : ndarray of int64, (2, depth)
        Kernels with each test, by block.
    block_share : ndarray, (3, 2, depth)
        Their mean agreement; nan where there are none.
    block_lift : ndarray, (2, 3, depth)
        Quartiles over a block's kernels of ``lift_name`` and ``lift_mean``.
    example : ndarray of int64, (L,)
        Of each name the kernel whose match at the top is the name's median.
    example_patches : ndarray of float32, (L, n, k, k)
        Its patches, the largest response first; nan where there are fewer.
    n_images : int
        Images that were searched.
    """

    kind: ClassVar[str] = "preferred inputs"
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    name: NDArray[np.str_]
    kernels: NDArray[np.float32]
    forms: NDArray[np.float32]
    preferred: NDArray[np.float32]
    patches: NDArray[np.int64]
    agreement: NDArray[np.float64]
    match: NDArray[np.float64]
    lift_name: NDArray[np.float64]
    lift_mean: NDArray[np.float64]
    names: tuple[str, ...]
    count: NDArray[np.int64]
    chance: NDArray[np.float64]
    share: NDArray[np.float64]
    share_interval: NDArray[np.float64]
    gain_interval: NDArray[np.float64]
    block_count: NDArray[np.int64]
    block_share: NDArray[np.float64]
    block_lift: NDArray[np.float64]
    example: NDArray[np.int64]
    example_patches: NDArray[np.float32]
    n_images: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel: block, channel, name, agreement, match and lifts."""
        import pandas as pd

        columns: dict[str, Any] = {
            "block": self.block, "channel": self.channel, "name": self.name,
            "patches": self.patches,
        }  # fmt: skip
        for name in ("agreement", "match"):
            for where, values in zip(WHERE, getattr(self, name), strict=True):
                columns[name if where == "top" else f"{name}_{where}"] = values
        return pd.DataFrame(columns | {"lift_name": self.lift_name, "lift_mean": self.lift_mean})

    def summary(self) -> dict[str, Any]:
        """Return the numbers by name and by block as plain JSON values."""
        by_name = []
        for i, name in enumerate(self.names):
            mine = self.name == name
            by_name.append({
                "name": name, "kernels": int(self.count[i]),
                "chance": or_none(self.chance[i]),
                "agreement": or_none(self.share[0, i]),
                "interval": [or_none(v) for v in self.share_interval[i]],
                "agreement_elsewhere": or_none(self.share[1, i]),
                "agreement_shuffled": or_none(self.share[2, i]),
                "gain_interval": [or_none(v) for v in self.gain_interval[i]],
                "match_median": _median(self.match[0, mine]),
                "lift_name_median": _median(self.lift_name[mine]),
                "lift_mean_median": _median(self.lift_mean[mine]),
            })  # fmt: skip
        blocks = []
        for b in range(self.block_count.shape[1]):
            row: dict[str, Any] = {"block": b}
            for t, test in enumerate(TESTS):
                row[test] = {
                    "kernels": int(self.block_count[t, b]),
                    "agreement": or_none(self.block_share[0, t, b]),
                    "agreement_elsewhere": or_none(self.block_share[1, t, b]),
                    "agreement_shuffled": or_none(self.block_share[2, t, b]),
                }
            row["lift_name_median"] = or_none(self.block_lift[0, 1, b])
            row["lift_mean_median"] = or_none(self.block_lift[1, 1, b])
            blocks.append(row)
        return {"images": self.n_images, "kernels": len(self.block), "names": by_name,
                "blocks": blocks}  # fmt: skip


def _median(values: NDArray[Any]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None
