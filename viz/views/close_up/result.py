"""One filter or kernel from close up, and the network's parts from afar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CloseUp(Result):
    """Everything about one filter or kernel that follows from its weights alone.

    Parameters
    ----------
    weights : ndarray of float32, (c, k, k)
        Not flipped; c is 1 for a depthwise kernel, the image's channels for a patch filter.
    channel : int
        Its channel; the block stands in ``source.block``, None for a patch filter.
    response : ndarray of float64, (m, m)
        Gain at each spatial frequency, zero frequency in the middle; the first row holds the
        largest frequency upwards, the first column the largest to the left.
    frequency : ndarray of float64, (m,)
        Of the columns of ``response``, and of its rows from the last, in cycles per tap.
    dc_share : float
        Share of the energy that is constant over each channel: 1 for a flat kernel, 0 for one
        that sums to zero.
    peak_frequency : float
        Where the gain is largest, in cycles per tap.
    stripes : float or None
        Angle of the stripes of that frequency, in degrees, [0, 180), counter-clockwise, 0 =
        horizontal; None where less than half a cycle fits on the kernel.
    norm_rank : float
        Share of the block's kernels (of all patch filters) whose norm is smaller.
    norm_rank_network : float
        Share of all blocks' kernels whose norm is smaller; for a patch filter as ``norm_rank``.
    """

    kind: ClassVar[str] = "close-up"
    weights: NDArray[np.float32]
    channel: int
    response: NDArray[np.float64]
    frequency: NDArray[np.float64]
    dc_share: float
    peak_frequency: float
    stripes: float | None
    norm_rank: float
    norm_rank_network: float

    @property
    def name(self) -> str:
        """What it is called in titles."""
        if self.source.block is None:
            return f"patch filter {self.channel}"
        return f"block {self.source.block}, kernel {self.channel}"

    def to_frame(self) -> Any:
        """Return one row per weight: input channel, row, column, weight."""
        import pandas as pd

        c, y, x = np.indices(self.weights.shape).reshape(3, -1)
        return pd.DataFrame(
            {"input_channel": c, "row": y, "column": x, "weight": self.weights.ravel()}
        )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Parts(Result):
    """The parts of a network from input to output, one row each.

    Parameters
    ----------
    part : tuple of str
        ``"patch embedding"``, ``"block 0"`` and so on, ``"head"``.
    parameters : ndarray of int64, (n,)
        Trainable parameters, batch norms included.
    receptive_field : ndarray of int64, (n,)
        Side of the square of input pixels that one output position can depend on, if the image
        is large enough; -1 for the head, which averages over the whole image.
    filter_parameters, pointwise_parameters : ndarray of int64, (n,)
        Of those, weights of patch filters or depthwise kernels; of pointwise convolutions or of
        the head's matrix. The rest are biases and batch norms.
    shape : ndarray of int64, (n, 3)
        Channels, height and width of what leaves the part, for an image of ``image_size``;
        classes, 1, 1 for the head.
    image_size, patch_size : int
        In pixels.
    """

    kind: ClassVar[str] = "parts of a network"
    part: tuple[str, ...]
    parameters: NDArray[np.int64]
    receptive_field: NDArray[np.int64]
    filter_parameters: NDArray[np.int64]
    pointwise_parameters: NDArray[np.int64]
    shape: NDArray[np.int64]
    image_size: int
    patch_size: int

    def to_frame(self) -> Any:
        """Return one row per part."""
        import pandas as pd

        return pd.DataFrame(
            {
                "part": list(self.part),
                "parameters": self.parameters,
                "receptive_field": self.receptive_field,
                "channels": self.shape[:, 0],
                "height": self.shape[:, 1],
                "width": self.shape[:, 2],
            }
        )
