"""One depthwise kernel among the others: its sum of shapes, its place in the network, its partners.

Made by `viz.measure.one_kernel`. ``block`` and ``channel`` are 0-based; lengths are in taps, angles
in degrees, counter-clockwise, 0 = horizontal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.results.base import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AtomFit", "Partners", "Standing"]


@dataclass(frozen=True, eq=False, kw_only=True)
class AtomFit(Result):
    """A kernel as a constant plus A atoms, each drawn on its own, and what is left.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    kernel, fitted : ndarray of float32, (k, k)
        The kernel, and the sum of the constant and the atoms.
    atoms : ndarray of float32, (A, k, k)
        The atoms in the weights' unit, the strongest first; none for a kernel of equal taps.
    constant : float
        In the weights' unit.
    labels : tuple of str
        Of each atom, as if it stood alone.
    strength : ndarray, (A,)
        R^2 lost when the atom is removed and the others are rescaled.
    amplitude, scale, orientation, x, y : ndarray, (A,)
        As the fields ``shape_amplitude`` and so on of `viz.results.depthwise.DepthwiseDescription`.
    r2 : float
        Of the sum, about the kernel's mean; 0 for a kernel of equal taps.
    coefficients : int
        Numbers that the sum holds.
    """

    kind: ClassVar[str] = "kernel as a sum of atoms"
    block: int
    channel: int
    kernel: NDArray[np.float32]
    fitted: NDArray[np.float32]
    atoms: NDArray[np.float32]
    constant: float
    labels: tuple[str, ...]
    strength: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    scale: NDArray[np.float64]
    orientation: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    r2: float
    coefficients: int

    @property
    def residual(self) -> NDArray[np.float32]:
        """Kernel minus sum, (k, k)."""
        left: NDArray[np.float32] = self.kernel - self.fitted
        return left

    def to_frame(self) -> pd.DataFrame:
        """Return one row per atom, strongest first."""
        import pandas as pd

        columns: dict[str, Any] = {"atom": np.arange(1, len(self.atoms) + 1), "label": self.labels}
        names = ("strength", "amplitude", "scale", "orientation", "x", "y")
        return pd.DataFrame(columns | {name: getattr(self, name) for name in names})


@dataclass(frozen=True, eq=False, kw_only=True)
class Standing(Result):
    """What a kernel is called, and where its numbers stand among those of the other kernels.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    label : str
        Of `viz.results.depthwise.KERNEL_NAMES`.
    sentence : str
        Its description in words.
    label_share_block, label_share_network : float
        Share of kernels with this label.
    statistic, threshold : float
        How far the fit stands above those of shuffled taps, and where a label begins.
    names : tuple of str
        Descriptors: `viz.results.depthwise.DESCRIPTORS`, then ``"norm"`` and ``"r2"``.
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
    label: str
    sentence: str
    label_share_block: float
    label_share_network: float
    statistic: float
    threshold: float
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Partners(Result):
    """Which kernels a kernel listens to and which listen to it, through the pointwise weights.

    A link is a pointwise weight times the scale (gamma) of the batch norm of the branch that it
    reads, as in `viz.results.mixing.Mixing`: the change of an output's pre-activation when that
    branch rises by one of its standard deviations.

    Parameters
    ----------
    block, channel : int
        Where the kernel stands.
    inputs : ndarray of int64, (T,)
        Kernels of the block before with the strongest links to this channel, strongest first;
        empty in block 0, whose channel is one patch filter's.
    input_links, input_weights, input_shares : ndarray, (T,)
        Links, pointwise weights, and the links' shares of the sum of absolute links to it.
    input_kernels : ndarray of float32, (T, k, k)
        Their kernels.
    outputs : ndarray of int64, (T,)
        Output channels of this block that this kernel has the strongest links to; kernel i of the
        next block looks at output i. Of the last block, they go to the classifier.
    output_links, output_weights, output_shares : ndarray, (T,)
        Likewise; shares are of the sum of absolute links from this kernel.
    output_kernels : ndarray of float32, (T, k, k) or (0, k, k)
        Kernels of the next block; none after the last.
    """

    kind: ClassVar[str] = "partners of a kernel"
    block: int
    channel: int
    inputs: NDArray[np.int64]
    input_links: NDArray[np.float64]
    input_weights: NDArray[np.float64]
    input_shares: NDArray[np.float64]
    input_kernels: NDArray[np.float32]
    outputs: NDArray[np.int64]
    output_links: NDArray[np.float64]
    output_weights: NDArray[np.float64]
    output_shares: NDArray[np.float64]
    output_kernels: NDArray[np.float32]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per partner: direction, block, channel, link, weight, share."""
        import pandas as pd

        n, m = len(self.inputs), len(self.outputs)
        return pd.DataFrame(
            {
                "direction": ["in"] * n + ["out"] * m,
                "block": [self.block - 1] * n + [self.block + 1] * m,
                "channel": np.concatenate([self.inputs, self.outputs]),
                "link": np.concatenate([self.input_links, self.output_links]),
                "weight": np.concatenate([self.input_weights, self.output_weights]),
                "share": np.concatenate([self.input_shares, self.output_shares]),
            }
        )
