"""Depthwise kernels of the same channels before and after: what moved, and which names changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import finite
from viz.views.compare.result import TwoNetworks
from viz.views.kernels.result import KERNEL_NAMES
from viz.views.wording import listed, rounded

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class KernelChange(TwoNetworks):
    """Kernels of the same block and channel in two networks, A before and B after.

    n kernels of k x k taps in B blocks; s kernels to look at; P permutations.

    Parameters
    ----------
    index_similarity, permuted_similarity : float and ndarray, (P,)
        Mean cosine of weights of the same channel, over blocks and channels, and after random
        permutations of B's channels, each block's its own.
    block, channel, label_a, label_b : ndarray of int64 and str, (n,)
        Where each kernel stands, and its names before and after.
    relative_change, cosine, norm_ratio : ndarray, (n,)
        |after - before| / |before|, norms over taps, the cosine between them, and |after| /
        |before|; nan where a kernel is zero.
    permuted_change : ndarray, (B,)
        Median relative change of each block if the channels after were another order's.
    moved : ndarray of int64, (s,)
        Rows of the kernels to look at: those that changed most in each block.
    kernels_a, kernels_b : ndarray of float32, (s, k, k)
        These kernels before and after.
    """

    kind: ClassVar[str] = "kernels before and after"
    index_similarity: float
    permuted_similarity: Floats
    block: Ints
    channel: Ints
    relative_change: Floats
    cosine: Floats
    norm_ratio: Floats
    label_a: NDArray[np.str_]
    label_b: NDArray[np.str_]
    permuted_change: Floats
    moved: Ints
    kernels_a: NDArray[np.float32]
    kernels_b: NDArray[np.float32]

    @property
    def blocks(self) -> Ints:
        """All blocks, (B,)."""
        return np.unique(self.block)

    @property
    def migration(self) -> Ints:
        """Kernels of each block by name before and after, (B, N, N) with all of `KERNEL_NAMES`."""
        n = len(KERNEL_NAMES)
        before, after = (
            np.array([KERNEL_NAMES.index(str(name)) for name in each])
            for each in (self.label_a, self.label_b)
        )
        counts = np.zeros((len(self.blocks), n, n), np.int64)
        np.add.at(counts, (self.block, before, after), 1)
        return counts

    @property
    def stayed(self) -> Floats:
        """Share of each block's kernels that kept their name, (B,)."""
        counts = self.migration
        share: Floats = np.trace(counts, axis1=1, axis2=2) / counts.sum((1, 2))
        return share

    @property
    def stayed_by_chance(self) -> Floats:
        """The same if a block's names in B were dealt to its kernels at random, (B,)."""
        counts = self.migration
        share: Floats = (counts.sum(1) * counts.sum(2)).sum(1) / counts.sum((1, 2)) ** 2
        return share

    def quartiles(self, name: str) -> Floats:
        """Return the quartiles of a field by block, (B, 3); nan where nothing is defined.

        Shapes: returns (B, 3).
        """
        values = getattr(self, name)
        out = np.full((len(self.blocks), 3), np.nan)
        for b in self.blocks:
            known = values[(self.block == b) & np.isfinite(values)]
            if len(known):
                out[b] = np.quantile(known, (0.25, 0.5, 0.75))
        return out

    def flows(self) -> list[dict[str, Any]]:
        """Return what names became: before, after, kernels in all and by block; most first."""
        counts = self.migration
        found: list[dict[str, Any]] = [
            {
                "before": KERNEL_NAMES[i],
                "after": KERNEL_NAMES[j],
                "n": int(counts[:, i, j].sum()),
                "by_block": counts[:, i, j].tolist(),
            }
            for i, j in zip(*np.nonzero(counts.sum(0)), strict=True)
        ]
        return sorted(found, key=lambda flow: -flow["n"])

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        total = self.migration.sum(0)
        n, changed = int(total.sum()), int(total.sum() - np.trace(total))
        medians = self.quartiles("relative_change")[:, 1]
        parts = [
            "The channels of A and B correspond: weights of one channel have a mean cosine of "
            f"{rounded(self.index_similarity)}, against at most "
            f"{rounded(self.permuted_similarity.max())} after random permutations."
        ]
        if not np.nan_to_num(self.relative_change).any():
            parts.append("No kernel moved.")
        elif np.isfinite(medians).any():
            low, top = 100 * np.nanmin(medians), 100 * np.nanmax(medians)
            less = int((medians < self.permuted_change).sum())
            first, last = (100 * f(self.permuted_change) for f in (np.nanmin, np.nanmax))
            parts.append(
                f"In {less} of {len(medians)} blocks the median kernel changed less than unrelated "
                f"kernels differ: by {low:.0f} to {top:.0f} % of its norm, against {first:.0f} to "
                f"{last:.0f} %."
            )
        chance = 100 * (1 - self.stayed_by_chance.mean())
        text = f"{changed:,} of {n:,} kernels ({100 * changed / n:.0f} %) have another name in B"
        if all(total.sum(axis)[:-1].any() for axis in (0, 1)):
            text += f", where names dealt at random within blocks would change {chance:.0f} %"
        flows = [flow for flow in self.flows() if flow["before"] != flow["after"]][:3]
        if flows:
            words = [f"{flow['n']} from {flow['before']} to {flow['after']}" for flow in flows]
            text += f"; {listed(words).replace(' from', ' went from', 1)}"
        return " ".join([*parts, text + "."])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel: where it stands, how far it moved, its names."""
        import pandas as pd

        names = ("block", "channel", "relative_change", "cosine", "norm_ratio", "label_a",
                 "label_b")  # fmt: skip
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        quartiles = {
            name: self.quartiles(name) for name in ("relative_change", "cosine", "norm_ratio")
        }
        stayed, chance = self.stayed, self.stayed_by_chance
        return {
            **self.both(),
            "channels": {
                "similarity": self.index_similarity,
                "permuted_highest": float(self.permuted_similarity.max()),
            },
            "blocks": [
                {
                    "block": int(b),
                    **{name: finite(values[b]) for name, values in quartiles.items()},
                    "permuted_change": finite(self.permuted_change[b]),
                    "label_kept": float(stayed[b]),
                    "label_kept_by_chance": float(chance[b]),
                }
                for b in self.blocks
            ],
            "migration": self.flows(),
            "sentence": self.sentence(),
            "settings": dict(self.source.settings),
        }
