"""What the pointwise weights do: from which kernels to which, how many directions, which partners.

`Mixing` is made by `viz.measure.mixing`. Letters in shapes: B blocks of d channels, k x k taps, L
labels, m pixels a side of the matrices as shown, T partners kept per channel. ``block`` and
``channel`` are 0-based. Output channel i of block b is what kernel i of block b + 1 looks at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.results.base import Result, or_none
from viz.results.refusal import NoSuch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Mixing"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Mixing(Result):
    """Pointwise weights by block, in the units of the kernels' branches.

    A *link* is ``w_ij = P_ij gamma_j``: pointwise weight from channel j to i times the scale of
    the batch norm of channel j's depthwise branch, that is, the change of output i's
    pre-activation when branch j rises by one of its standard deviations (in training). Positive:
    a stronger response of kernel j raises output i.

    Parameters
    ----------
    labels : ndarray of str, (B, d)
        Label of the kernel of each block and channel.
    label_names : tuple of str
        Those that occur, in the order of figures; L of them.
    kernels : ndarray of float32, (B, d, k, k)
        Depthwise kernels.
    branch_scale : ndarray, (B, d)
        gamma of each branch's batch norm.
    stream_scale : ndarray, (B, d)
        gamma of the batch norm that made the block's input, so what the residual path carries.
    branch_share : ndarray, (B,)
        Share of the branches in sum_ij P_ij^2 gamma_j^2, the rest being the residual path's.
    matrix : ndarray of float32, (B, m, m)
        Links, rows output channels and columns input channels, each sorted by label; of every
        ``pooled`` x ``pooled`` links the strongest, with its sign.
    pooled : int
        1 if every link is shown.
    limit : float
        Of the colour scale of all matrices: 99.5th percentile of |link| as shown.
    in_order : ndarray of int64, (B, d)
        Input channels by label of the block's kernels, within a label by total link.
    out_order : ndarray of int64, (B, d)
        Output channels by label of the next block's kernels; of the last block by total link.
    flow : ndarray, (B - 1, L, L)
        ``flow[b, to, from]``: share of the links from kernels of label ``from`` in block b to
        channels whose kernels in block b + 1 have the label ``to``, every output counting alike
        (s_ij = |w_ij| / sum_j |w_ij|); adds up to 1.
    expected : ndarray, (B - 1, L, L)
        The same if labels did not matter: product of the two labels' own shares.
    enrichment_low, enrichment_high : ndarray, (B - 1, L, L)
        2.5th and 97.5th percentile of flow / expected when the labels of the outputs are
        shuffled; nan where no kernel has the label.
    net : ndarray, (B - 1, L, L)
        Sum of sign(w_ij) s_ij over sum of s_ij: 1 all excite, -1 all inhibit, nan without links.
    pooled_flow, pooled_expected, pooled_low, pooled_high, pooled_net : ndarray, (L, L)
        The same over all pairs of blocks, each with equal weight.
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
    labels: NDArray[np.str_]
    label_names: tuple[str, ...]
    kernels: Singles
    branch_scale: Floats
    stream_scale: Floats
    branch_share: Floats
    matrix: Singles
    pooled: int
    limit: float
    in_order: Ints
    out_order: Ints
    flow: Floats
    expected: Floats
    enrichment_low: Floats
    enrichment_high: Floats
    net: Floats
    pooled_flow: Floats
    pooled_expected: Floats
    pooled_low: Floats
    pooled_high: Floats
    pooled_net: Floats
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
        return int(self.labels.shape[0])

    @property
    def dim(self) -> int:
        """Channels."""
        return int(self.labels.shape[1])

    @property
    def enrichment(self) -> Floats:
        """Flow over what it would be if labels did not matter, (B - 1, L, L); nan for 0 / 0."""
        return _ratio(self.flow, self.expected)

    @property
    def pooled_enrichment(self) -> Floats:
        """The same over all pairs of blocks, (L, L)."""
        return _ratio(self.pooled_flow, self.pooled_expected)

    def links_to(self, block: int, output: int) -> Floats:
        """Return the effective links to an output channel from its strongest partners.

        Parameters
        ----------
        block : int
            0-based.
        output : int
            Output channel i.

        Returns
        -------
        ndarray, (T, k, k)
            ``W_ij(u) = b_i P_ij [delta(u) + a_j K_j(u)]``, as convolved by torch (not flipped).

        Raises
        ------
        IndexError
            If there is no such block or channel.
        """
        if not (0 <= block < self.depth and 0 <= output < self.dim):
            raise NoSuch(
                f"There is no channel {output} of block {block}: blocks are 0 to "
                f"{self.depth - 1}, channels 0 to {self.dim - 1}."
            )
        j = self.inputs[block, output]
        k = self.kernels.shape[-1]
        link = self.input_gain[block, j][:, None, None] * self.kernels[block, j].astype(np.float64)
        link[:, (k - 1) // 2, (k - 1) // 2] += 1
        weight = self.output_gain[block, output] * self.input_weights[block, output]
        scaled: Floats = weight[:, None, None] * link
        return scaled

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block and channel: label, gains, slopes, strongest partners."""
        import pandas as pd

        b, d = self.labels.shape
        columns: dict[str, Any] = {
            "block": np.repeat(np.arange(b), d),
            "channel": np.tile(np.arange(d), b),
            "label": self.labels.ravel(),
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
        """Return the numbers as plain JSON values; what is undefined is None.

        Returns
        -------
        dict
            ``blocks``: effective rank, leading shares of the spectrum, branch share, medians of
            gains and slopes; ``null``; ``flows``: per pair of blocks and over all of them a list
            of ``from``, ``to``, ``share``, ``enrichment``, its ``null`` interval and ``net``;
            ``flows_outside_null``: how many of the latter; ``slopes_from``; ``settings``.
        """
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
        flows = [
            {"from_block": b, "to_block": b + 1, "flows": self._flows(b)}
            for b in range(self.depth - 1)
        ]
        return {
            "dim": self.dim,
            "blocks": blocks,
            "null": {
                "effective_rank": self.null_effective_rank,
                "effective_rank_sd": or_none(self.null_effective_rank_sd),
            },
            "flows": flows,
            "flows_of_all_blocks": self._flows(None),
            "flows_outside_null": int(self._outside().sum()),
            "slopes_from": self.slopes_from,
            "settings": dict(self.source.settings),
        }

    def _flows(self, pair: int | None) -> list[dict[str, Any]]:
        at: Any = slice(None) if pair is None else pair
        if pair is None:
            flow, ratio, net = self.pooled_flow, self.pooled_enrichment, self.pooled_net
            low, high = self.pooled_low, self.pooled_high
        else:
            flow, ratio, net = self.flow[at], self.enrichment[at], self.net[at]
            low, high = self.enrichment_low[at], self.enrichment_high[at]
        names = self.label_names
        return [
            {
                "from": names[j],
                "to": names[i],
                "share": float(flow[i, j]),
                "enrichment": or_none(ratio[i, j]),
                "null": [or_none(low[i, j]), or_none(high[i, j])],
                "net": or_none(net[i, j]),
            }
            for i in range(len(names))
            for j in range(len(names))
            if np.isfinite(ratio[i, j])
        ]

    def _outside(self) -> NDArray[np.bool_]:
        """Which flows over all blocks lie outside what shuffled labels give."""
        ratio = self.pooled_enrichment
        beyond = (ratio < self.pooled_low) | (ratio > self.pooled_high)
        return np.asarray(np.isfinite(ratio) & beyond)

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        rank = self.effective_rank
        text = (
            f"The pointwise weights use {rank.min():.0f} to {rank.max():.0f} effective dimensions "
            f"of {self.dim}; newly drawn ones {self.null_effective_rank:.0f}."
        )
        ratio = self.pooled_enrichment
        apart = self._outside()
        if not self.depth > 1:
            return text
        text += (
            f" Of {int(np.isfinite(ratio).sum())} flows from label to label, {int(apart.sum())} "
            "lie outside what shuffled labels give (one in twenty would by chance)"
        )
        if apart.any():
            i, j = np.unravel_index(np.where(apart, ratio, -np.inf).argmax(), ratio.shape)
            text += (
                f"; the largest is {self.label_names[j]} to {self.label_names[i]}, "
                f"{ratio[i, j]:.2f} times the expected."
            )
        else:
            text += "."
        return text


def _ratio(flow: Floats, expected: Floats) -> Floats:
    return flow / np.where(expected > 0, expected, np.nan)
