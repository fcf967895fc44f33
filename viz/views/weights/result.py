"""Weights as they stand in the file, chosen and ordered for looking at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result


def _sizes(weights: NDArray[np.float32]) -> dict[str, Any]:
    """Return norm, mean and largest absolute weight of each."""
    flat = weights.reshape(len(weights), -1)
    norm = np.linalg.norm(flat, axis=1)
    return {"norm": norm, "mean": flat.mean(1), "max_abs": np.abs(flat).max(1)}


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PatchFilters(Result):
    """Patch-embedding filters in the order in which they are shown.

    Parameters
    ----------
    filters : ndarray of float32, (n, c, p, p)
        In normalised-input space, not flipped: what the network correlates its input with.
    channel : ndarray of int64, (n,)
        Channel of each filter in the network.
    order : str
        How they are ordered.
    """

    kind: ClassVar[str] = "patch filter bank"
    filters: NDArray[np.float32]
    channel: NDArray[np.int64]
    order: str

    def to_frame(self) -> Any:
        """Return one row per filter: channel, norm, mean, largest absolute weight."""
        import pandas as pd

        return pd.DataFrame({"channel": self.channel, **_sizes(self.filters)})


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DepthwiseKernels(Result):
    """Depthwise kernels of some blocks, in the order in which they are shown.

    Parameters
    ----------
    kernels : ndarray of float32, (n, k, k)
        Not flipped: what the network correlates its feature maps with.
    block, channel : ndarray of int64, (n,)
        Where each kernel stands in the network; equal blocks are neighbours.
    order : str
        How they are ordered within a block.
    """

    kind: ClassVar[str] = "depthwise kernel bank"
    kernels: NDArray[np.float32]
    block: NDArray[np.int64]
    channel: NDArray[np.int64]
    order: str

    @property
    def blocks(self) -> tuple[int, ...]:
        """The blocks present, first block first."""
        return tuple(int(b) for b in np.unique(self.block))

    def to_frame(self) -> Any:
        """Return one row per kernel: block, channel, norm, mean, largest absolute weight."""
        import pandas as pd

        where = {"block": self.block, "channel": self.channel}
        return pd.DataFrame({**where, **_sizes(self.kernels)})
