"""What the pointwise weights do: from which kernels to which, and how many directions.

Letters in shapes: B blocks of d channels, m pixels a side of the matrices as shown, T partners.
Output channel i of block b is what kernel i of block b + 1 looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none
from viz.views.spectrum import effective_rank, shares

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
    pre-activation when branch j rises by one of its standard deviations (in training).

    Parameters
    ----------
    names : ndarray of str, (B, d)
        Name of the kernel of each block and channel.
    branch_share : ndarray, (B,)
        Share of the branches in sum_ij P_ij^2 gamma_j^2, the rest being the residual path's.
    matrix : ndarray of float32, (B, m, m)
        Links, rows output channels and columns input channels, each sorted by name; where d > m of
        every few x few links the strongest, with its sign.
    in_order : ndarray of int64, (B, d)
        Input channels by name of the block's kernels, within a name by total link.
    out_order : ndarray of int64, (B, d)
        Output channels by name of the next block's kernels; of the last block by total link.
    singular_values : ndarray, (B, d)
        Of the pointwise weights P, largest first.
    null_singular_values : ndarray, (draws, d)
        Of new pointwise weights drawn as torch draws them.
    inputs, outputs : ndarray of int64, (B, d, T)
        Channels with the strongest links to each output channel, and from each input channel.
    input_shares, output_shares : ndarray of float32, (B, d, T)
        Their shares of the channel's sum of |w|.
    """

    kind: ClassVar[str] = "mixing"
    names: NDArray[np.str_]
    branch_share: Floats
    matrix: Singles
    in_order: Ints
    out_order: Ints
    singular_values: Floats
    null_singular_values: Floats
    inputs: Ints
    input_shares: Singles
    outputs: Ints
    output_shares: Singles

    @property
    def depth(self) -> int:
        """Blocks."""
        return int(self.names.shape[0])

    @property
    def dim(self) -> int:
        """Channels."""
        return int(self.names.shape[1])

    @property
    def pooled(self) -> int:
        """Links a side of a pixel; 1 if every link is shown."""
        return -(-self.dim // int(self.matrix.shape[1]))

    @property
    def limit(self) -> float:
        """Where the colours of all matrices end: 99.5th percentile of |link| as shown."""
        return float(np.quantile(np.abs(self.matrix), 0.995)) or 1.0

    @property
    def effective_rank(self) -> Floats:
        """Of each block's pointwise weights, (B,), 1 to d."""
        return effective_rank(self.singular_values**2)

    @property
    def null_effective_rank(self) -> float:
        """Of newly drawn weights, mean over draws."""
        return float(effective_rank(self.null_singular_values**2).mean())

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block and channel: name, strongest partners and their shares."""
        import pandas as pd

        columns: dict[str, Any] = {
            "block": np.repeat(np.arange(self.depth), self.dim),
            "channel": np.tile(np.arange(self.dim), self.depth),
            "name": self.names.ravel(),
        }
        for end in ("input", "output"):
            at, share = getattr(self, f"{end}s"), getattr(self, f"{end}_shares")
            for t in range(at.shape[2]):
                columns[f"{end}_{t + 1}"] = at[:, :, t].ravel()
                columns[f"{end}_{t + 1}_share"] = share[:, :, t].ravel()
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        energy = shares(self.singular_values**2)
        blocks = [
            {
                "block": b,
                "effective_rank": float(self.effective_rank[b]),
                "first_shares": [float(s) for s in energy[b, :5]],
                "branch_share": or_none(self.branch_share[b]),
                "strongest_input_share": float(np.median(self.input_shares[b, :, 0])),
            }
            for b in range(self.depth)
        ]
        return {
            "dim": self.dim,
            "blocks": blocks,
            "null": {"effective_rank": self.null_effective_rank},
            "settings": dict(self.source.settings),
        }

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        rank = self.effective_rank
        low, high, null = (round(r) for r in (rank.min(), rank.max(), self.null_effective_rank))
        few = "fewer" if high < null else "no more" if high == null else (
            "more" if low > null else "neither consistently fewer nor more")  # fmt: skip
        return (
            f"The pointwise weights mix channels along {few} directions "
            f"than at random: {f'{low} to ' * (low < high)}{high} of {self.dim} (effective rank, "
            f"by block), against {null} for randomly initialised weights."
        )
