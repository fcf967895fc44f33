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


def kappa(counts: NDArray[np.integer]) -> float:
    """Return Cohen's kappa of a table of names before and after.

    Shapes: ``counts`` (N, N).

    Cohen, Educational and Psychological Measurement 20 (1960).
    """
    total = counts.sum()
    if not total:
        return float("nan")
    stayed = float(np.trace(counts) / total)
    chance = float((counts.sum(0) * counts.sum(1)).sum() / float(total) ** 2)
    return (stayed - chance) / (1 - chance) if chance < 1 else float("nan")


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
    def kappas(self) -> Floats:
        """Cohen's kappa between the names before and after, (B,)."""
        return np.array([kappa(counts) for counts in self.migration])

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
            "Channels correspond by index: their mean cosine is "
            f"{rounded(self.index_similarity)}, and at most "
            f"{rounded(self.permuted_similarity.max())} after random permutations."
        ]
        if not np.nan_to_num(self.relative_change).any():
            parts.append("No kernel moved.")
        elif np.isfinite(medians).any():
            low, top = 100 * np.nanmin(medians), 100 * np.nanmax(medians)
            less = int((medians < self.permuted_change).sum())
            first, last = (100 * f(self.permuted_change) for f in (np.nanmin, np.nanmax))
            parts.append(
                f"In {less} of {len(medians)} blocks the median kernel changed less than kernels "
                f"of unrelated channels differ ({low:.0f} to {top:.0f} % of its norm, against "
                f"{first:.0f} to {last:.0f} %)."
            )
        agree = kappa(total)
        text = f"{changed:,} of {n:,} kernels ({100 * changed / n:.0f} %) have another name"
        both = [total.sum(axis) for axis in (0, 1)]
        if np.isfinite(agree) and all(n_of[:-1].any() for n_of in both):
            text += f" (agreement beyond chance, Cohen's kappa: {rounded(agree)}; 1 is full)"
        flows = [flow for flow in self.flows() if flow["before"] != flow["after"]][:3]
        if flows:
            words = [f"{flow['n']} from {flow['before']} to {flow['after']}" for flow in flows]
            text += ", among them " + listed(words)
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
        stayed, kappas = self.stayed, self.kappas
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
                    "kappa": finite(kappas[b]),
                }
                for b in self.blocks
            ],
            "migration": self.flows(),
            "kappa": finite(kappa(self.migration.sum(0))),
            "sentence": self.sentence(),
            "settings": dict(self.source.settings),
        }
