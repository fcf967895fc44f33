"""One depthwise kernel among the others: its sum of shapes, its place in the network, its partners.

Made by `measure`. ``block`` and ``channel`` are 0-based; lengths are in taps, angles
in degrees, counter-clockwise, 0 = horizontal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ShapeFit(Result):
    """A kernel as a sum of A shapes, each drawn on its own, and what is left.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    kernel, fitted : ndarray of float32, (k, k)
        The kernel, and the sum of the shapes.
    shapes : ndarray of float32, (A, k, k)
        In the weights' unit, the one that names the kernel first; none for a kernel of zeros.
    names : tuple of str
        Of each shape, as if it stood alone.
    amplitude, scale, orientation, x, y : ndarray, (A,)
        As the fields ``shape_amplitude`` and so on of `DepthwiseDescription`.
    r2_by_shapes : ndarray, (A,)
        Share of the energy that the first 1, 2, ... shapes explain.
    coefficients : int
        Numbers that the sum holds.
    """

    kind: ClassVar[str] = "kernel as a sum of shapes"
    block: int
    channel: int
    kernel: NDArray[np.float32]
    fitted: NDArray[np.float32]
    shapes: NDArray[np.float32]
    names: tuple[str, ...]
    amplitude: NDArray[np.float64]
    scale: NDArray[np.float64]
    orientation: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    r2_by_shapes: NDArray[np.float64]
    coefficients: int

    @property
    def residual(self) -> NDArray[np.float32]:
        """Kernel minus sum, (k, k)."""
        left: NDArray[np.float32] = self.kernel - self.fitted
        return left

    @property
    def r2(self) -> float:
        """Share of the energy that all shapes explain; 0 without any."""
        return float(self.r2_by_shapes[-1]) if len(self.r2_by_shapes) else 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return one row per shape, in the order in which they were found."""
        import pandas as pd

        columns: dict[str, Any] = {"shape": np.arange(1, len(self.shapes) + 1), "name": self.names}
        names = ("amplitude", "scale", "orientation", "x", "y")
        columns |= {name: getattr(self, name) for name in names}
        return pd.DataFrame(columns | {"r2": self.r2_by_shapes})


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Standing(Result):
    """What a kernel is called, and where its numbers stand among those of the other kernels.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    name, guess : str
        Its name (`KERNEL_NAMES`), and the likeliest one.
    probability : float
        Of the guess.
    sentence : str
        What it looks like, in words.
    share_block, share_network : float
        Share of kernels with this name.
    names : tuple of str
        Descriptors: `viz.views.kernels.result.DESCRIPTORS`, then ``"norm"`` and ``"r2"``.
    values : ndarray, (d,)
        Of this kernel; nan where undefined.
    in_block, in_network : ndarray, (d,)
        Percentile, 0 to 100: share of the kernels that have less, those that have as much
        counting half; nan where undefined.
    median_block, median_network : ndarray, (d,)
        Medians of the kernels in which the number is defined.
    """

    kind: ClassVar[str] = "kernel among kernels"
    block: int
    channel: int
    name: str
    guess: str
    probability: float
    sentence: str
    share_block: float
    share_network: float
    names: tuple[str, ...]
    values: NDArray[np.float64]
    in_block: NDArray[np.float64]
    in_network: NDArray[np.float64]
    median_block: NDArray[np.float64]
    median_network: NDArray[np.float64]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per descriptor: value, percentiles, medians."""
        import pandas as pd

        return pd.DataFrame(
            {
                "descriptor": list(self.names),
                "value": self.values,
                "percentile_in_block": self.in_block,
                "percentile_in_network": self.in_network,
                "median_of_block": self.median_block,
                "median_of_network": self.median_network,
            }
        )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Partners(Result):
    """Which kernels a kernel listens to and which listen to it, through the pointwise weights.

    A link is a pointwise weight times the scale (gamma) of the batch norm of the branch that it
    reads, as in `Mixing`: the change of an output's pre-activation when that
    branch rises by one of its standard deviations.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    inputs : ndarray of int64, (T,)
        Kernels of the block before with the strongest links to this channel, strongest first;
        empty in block 0, whose channel is one patch filter's.
    input_links, input_shares : ndarray, (T,)
        Links, and their shares of the sum of absolute links to it.
    input_kernels : ndarray of float32, (T, k, k)
        Their kernels.
    outputs : ndarray of int64, (T,)
        Output channels of this block that this kernel has the strongest links to; kernel i of the
        next block looks at output i. Of the last block, they go to the classifier.
    output_links, output_shares : ndarray, (T,)
        Likewise; shares are of the sum of absolute links from this kernel.
    output_kernels : ndarray of float32, (T, k, k) or (0, k, k)
        Kernels of the next block; none after the last.
    """

    kind: ClassVar[str] = "partners of a kernel"
    block: int
    channel: int
    inputs: NDArray[np.int64]
    input_links: NDArray[np.float64]
    input_shares: NDArray[np.float64]
    input_kernels: NDArray[np.float32]
    outputs: NDArray[np.int64]
    output_links: NDArray[np.float64]
    output_shares: NDArray[np.float64]
    output_kernels: NDArray[np.float32]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per partner: direction, block, channel, link, share."""
        import pandas as pd

        n, m = len(self.inputs), len(self.outputs)
        return pd.DataFrame(
            {
                "direction": ["in"] * n + ["out"] * m,
                "block": [self.block - 1] * n + [self.block + 1] * m,
                "channel": np.concatenate([self.inputs, self.outputs]),
                "link": np.concatenate([self.input_links, self.output_links]),
                "share": np.concatenate([self.input_shares, self.output_shares]),
            }
        )
