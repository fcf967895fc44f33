"""What the pointwise weights do: from which kernels to which, how many directions, which partners.

`Mixing` is made by `measure`. Letters in shapes: B blocks of d channels, k x k taps, L
names, m pixels a side of the matrices as shown, T partners kept per channel. ``block`` and
``channel`` are 0-based. Output channel i of block b is what kernel i of block b + 1 looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Mixing(Result):
    """Pointwise weights by block, in the units of the kernels' branches.

    A *link* is ``w_ij = P_ij gamma_j``: pointwise weight from channel j to i times the scale of
    the batch norm of channel j's depthwise branch, that is, the change of output i's
    pre-activation when branch j rises by one of its standard deviations (in training). Positive:
    a stronger response of kernel j raises output i.

    Parameters
    ----------
    names : ndarray of str, (B, d)
        Name of the kernel of each block and channel.
    names_used : tuple of str
        Those that occur, in the order of figures; L of them.
    branch_scale : ndarray, (B, d)
        gamma of each branch's batch norm.
    stream_scale : ndarray, (B, d)
        gamma of the batch norm that made the block's input, so what the residual path carries.
    branch_share : ndarray, (B,)
        Share of the branches in sum_ij P_ij^2 gamma_j^2, the rest being the residual path's.
    matrix : ndarray of float32, (B, m, m)
        Links, rows output channels and columns input channels, each sorted by name; of every
        ``pooled`` x ``pooled`` links the strongest, with its sign.
    pooled : int
        1 if every link is shown.
    limit : float
        Of the colour scale of all matrices: 99.5th percentile of |link| as shown.
    in_order : ndarray of int64, (B, d)
        Input channels by name of the block's kernels, within a name by total link.
    out_order : ndarray of int64, (B, d)
        Output channels by name of the next block's kernels; of the last block by total link.
    singular_values : ndarray, (B, d)
        Of the pointwise weights P, largest first.
    effective_rank : ndarray, (B,)
        exp(-sum p ln p) of the shares p of the squared singular values, 1 to d.
    null_singular_values : ndarray, (d,)
        Mean of new pointwise weights drawn as torch draws them.
    null_effective_rank, null_effective_rank_sd : float
        Of those; the standard deviation is over draws, nan for one.
    depthwise_slope, pointwise_slope : ndarray, (B, d)
        Mean slope of the activation after the depthwise and the pointwise convolution.
    slopes_from : str
        ``"images"``, or ``"running statistics, Gaussian assumption"``.
    input_gain : ndarray, (B, d)
        a of the effective link: batch-norm scale of the branch, gamma / sqrt(var + eps), times
        the mean slope.
    output_gain : ndarray, (B, d)
        b of the effective link, likewise of the pointwise part.
    inputs : ndarray of int64, (B, d, T)
        Input channels with the strongest links to each output channel, strongest first.
    input_weights, input_shares : ndarray of float32, (B, d, T)
        Their pointwise weights P_ij, and their shares of sum_j |w_ij|.
    outputs, output_weights, output_shares : ndarray, (B, d, T)
        Output channels that each input channel has the strongest links to, likewise.
    """

    kind: ClassVar[str] = "mixing"
    names: NDArray[np.str_]
    names_used: tuple[str, ...]
    branch_scale: Floats
    stream_scale: Floats
    branch_share: Floats
    matrix: Singles
    pooled: int
    limit: float
    in_order: Ints
    out_order: Ints
    singular_values: Floats
    effective_rank: Floats
    null_singular_values: Floats
    null_effective_rank: float
    null_effective_rank_sd: float
    depthwise_slope: Floats
    pointwise_slope: Floats
    slopes_from: str
    input_gain: Floats
    output_gain: Floats
    inputs: Ints
    input_weights: Singles
    input_shares: Singles
    outputs: Ints
    output_weights: Singles
    output_shares: Singles

    @property
    def depth(self) -> int:
        """Blocks."""
        return int(self.names.shape[0])

    @property
    def dim(self) -> int:
        """Channels."""
        return int(self.names.shape[1])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block and channel: name, gains, slopes, strongest partners."""
        import pandas as pd

        b, d = self.names.shape
        columns: dict[str, Any] = {
            "block": np.repeat(np.arange(b), d),
            "channel": np.tile(np.arange(d), b),
            "name": self.names.ravel(),
            "branch_scale": self.branch_scale.ravel(),
            "stream_scale": self.stream_scale.ravel(),
            "input_gain": self.input_gain.ravel(),
            "output_gain": self.output_gain.ravel(),
            "depthwise_slope": self.depthwise_slope.ravel(),
            "pointwise_slope": self.pointwise_slope.ravel(),
        }
        for t in range(min(3, self.inputs.shape[2])):
            columns[f"input_{t + 1}"] = self.inputs[:, :, t].ravel()
            columns[f"input_{t + 1}_weight"] = self.input_weights[:, :, t].ravel()
            columns[f"input_{t + 1}_share"] = self.input_shares[:, :, t].ravel()
        for t in range(min(3, self.outputs.shape[2])):
            columns[f"output_{t + 1}"] = self.outputs[:, :, t].ravel()
            columns[f"output_{t + 1}_weight"] = self.output_weights[:, :, t].ravel()
            columns[f"output_{t + 1}_share"] = self.output_shares[:, :, t].ravel()
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        squares = self.singular_values**2
        total = squares.sum(1, keepdims=True)
        shares = squares / np.where(total > 0, total, 1)
        blocks = [
            {
                "block": b,
                "effective_rank": float(self.effective_rank[b]),
                "first_shares": [float(s) for s in shares[b, :5]],
                "branch_share": or_none(self.branch_share[b]),
                "medians": {
                    name: float(np.median(getattr(self, name)[b]))
                    for name in ("input_gain", "output_gain", "depthwise_slope", "pointwise_slope")
                },
                "strongest_input_share": float(np.median(self.input_shares[b, :, 0])),
            }
            for b in range(self.depth)
        ]
        return {
            "dim": self.dim,
            "blocks": blocks,
            "null": {
                "effective_rank": self.null_effective_rank,
                "effective_rank_sd": or_none(self.null_effective_rank_sd),
            },
            "slopes_from": self.slopes_from,
            "settings": dict(self.source.settings),
        }

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        rank = self.effective_rank
        return (
            f"The effective rank of the pointwise weights is {rank.min():.0f} to {rank.max():.0f} "
            f"of {self.dim} over the blocks, against {self.null_effective_rank:.0f} for randomly "
            "initialised weights."
        )
