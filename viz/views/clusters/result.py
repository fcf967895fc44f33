"""What kernels have in common: the clusters they fall into, and their covariance by block.

Letters in shapes: n kernels of k x k taps in B blocks, K clusters, T numbers of clusters tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from viz.core.result import Result, or_none

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Clusters(Result):
    """Kernels grouped by k-means on their unit-norm taps, without any name, sign kept.

    Clusters are numbered by the mean block of their members, the earliest first.

    Parameters
    ----------
    block, channel : ndarray of int64, (n,)
        Of each kernel, 0-based.
    name : ndarray of str, (n,)
        Its name, of `viz.views.kernels.result.KERNEL_NAMES`.
    cluster : ndarray of int64, (n,)
        0 to K - 1; -1 for a kernel of zeros.
    similarity : ndarray, (n,)
        Cosine between each kernel and its cluster's centre; nan for a kernel of zeros.
    centres : ndarray of float32, (K, k, k)
        Mean of the members, each of unit norm. Its norm says how alike they are: 1 if equal.
    centres_by_block : ndarray of float32, (B, K, k, k)
        The same of the members in one block; nan where there are none.
    counts : ndarray of int64, (B, K)
        Members by block.
    given : bool
        Whether K was asked for, not chosen by stability.
    tried : ndarray of int64, (T,)
        Numbers of clusters tried.
    stability : ndarray, (T,)
        Mean adjusted Rand index between clusterings of bootstrap samples.
    stability_se : ndarray, (T,)
        Its standard error, by the jackknife over bootstrap samples.
    null_curves : ndarray, (R, T)
        The same of R Gaussian clouds of unit-norm kernels with the same mean and covariance.
    ami, ami_block : float
        Adjusted mutual information of the clusters with names and with blocks; 0 is chance.
    blocks : ndarray of int64, (B,)
        Blocks there are.
    covariance : ndarray of float32, (B, k^2, k^2)
        Of vec(kernel) over channels, taps row by row, in squared weights.
    components : ndarray of float32, (B, C, k, k)
        Leading eigenvectors, of unit norm, the tap with the largest magnitude positive.
    effective_rank : ndarray, (B,)
        Of the covariance: between 1 and k^2; 0 for equal kernels.
    null_effective_rank : ndarray, (B,)
        Of as many independent uniform kernels, mean over draws.
    """

    kind: ClassVar[str] = "kernel clusters"
    block: Ints
    channel: Ints
    name: NDArray[np.str_]
    cluster: Ints
    similarity: Floats
    centres: NDArray[np.float32]
    centres_by_block: NDArray[np.float32]
    counts: Ints
    given: bool
    tried: Ints
    stability: Floats
    stability_se: Floats
    null_curves: Floats
    ami: float
    ami_block: float
    blocks: Ints
    covariance: NDArray[np.float32]
    components: NDArray[np.float32]
    effective_rank: Floats
    null_effective_rank: Floats

    @property
    def kernel_size(self) -> int:
        """k."""
        return int(self.centres.shape[-1])

    @property
    def n_clusters(self) -> int:
        """K."""
        return len(self.centres)

    @property
    def tightness(self) -> Floats:
        """Norm of each centre, (K,): 1 if its members are equal up to scale, near 0 if unlike."""
        flat = self.centres.reshape(len(self.centres), -1).astype(np.float64)
        norms: Floats = np.linalg.norm(flat, axis=1)
        return norms

    @property
    def composition(self) -> Floats:
        """Share of each cluster among the clustered kernels of a block, (B, K)."""
        shares: Floats = self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1)
        return shares

    @property
    def null_stability(self) -> Floats:
        """Mean stability of the Gaussian clouds, (T,)."""
        mean: Floats = self.null_curves.mean(0)
        return mean

    @property
    def median_excess(self) -> float:
        """Median over the numbers tried of the stability above that of the clouds."""
        return float(np.median(self.stability - self.null_stability))

    @property
    def needed_excess(self) -> float:
        """Median excess that a further Gaussian cloud would show one time in two hundred.

        Student's prediction bound, mean + t sqrt(1 + 1/R) standard deviations of each cloud's
        median excess over the mean of the others.
        """
        r = len(self.null_curves)
        others = (self.null_curves.sum(0) - self.null_curves) / (r - 1)
        null = np.median(self.null_curves - others, axis=1)
        reach = student.ppf(0.995, r - 1) * (1 + 1 / r) ** 0.5
        return float(null.mean() + reach * null.std(ddof=1))

    @property
    def beyond_null(self) -> bool:
        """Whether clusters are more stable than those that k-means cuts Gaussian clouds into."""
        return self.median_excess > self.needed_excess

    def at_chosen(self) -> dict[str, float]:
        """Return stability and null stability of the number of clusters; empty if not tried."""
        at = np.flatnonzero(self.tried == self.n_clusters)
        names = ("stability", "null_stability") if len(at) else ()
        return {name: float(getattr(self, name)[at[0]]) for name in names}

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        at, more = self.at_chosen(), "more" if self.beyond_null else "no more"
        chosen = (
            f"; at the {self.n_clusters} clusters {'asked for' if self.given else 'chosen'} it is "
            f"{at['stability']:.2f}, against {at['null_stability']:.2f}" if at else ""
        )  # fmt: skip
        return (
            f"The {len(self.cluster):,} kernels have {more} structure than a Gaussian cloud with "
            "their mean and covariance, measured by how far k-means clusterings of resampled "
            "kernels agree (adjusted Rand index, 0 by chance, 1 in full). The agreement exceeds "
            f"that of such clouds by {self.median_excess:.2f} in the median over numbers of "
            f"clusters, where {self.needed_excess:.2f} would be significant{chosen}. The clusters "
            f"agree with the names by {self.ami:.2f} and with the blocks by {self.ami_block:.2f} "
            "(adjusted mutual information, 0 by chance, 1 in full)."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel: where it stands, its name, its cluster."""
        import pandas as pd

        names = ("block", "channel", "name", "cluster", "similarity")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the clusters and of the kernels' covariance as plain values."""
        frame = self.to_frame()
        columns = ("tried", "stability", "stability_se", "null_stability")
        curve = zip(*(getattr(self, name).tolist() for name in columns), strict=True)
        clusters = [
            {
                "cluster": i,
                "n": len(members),
                "tightness": float(self.tightness[i]),
                "mean_block": float(members["block"].mean()),
                "names": {str(n): int(c) for n, c in members["name"].value_counts().items()},
            }
            for i in range(self.n_clusters)
            for members in [frame[frame["cluster"] == i]]
        ]
        blocks = [
            {
                "block": int(b),
                "effective_rank": float(self.effective_rank[i]),
                "null_effective_rank": float(self.null_effective_rank[i]),
                "clusters": self.composition[i].tolist(),
            }
            for i, b in enumerate(self.blocks)
        ]
        return {
            "n": len(self.cluster),
            "n_clusters": self.n_clusters,
            "chosen_by": "given" if self.given else "stability",
            "beyond_null": self.beyond_null,
            "stability": {
                **self.at_chosen(),
                "median_excess": self.median_excess,
                "needed_excess": self.needed_excess,
                "curve": [dict(zip(("n_clusters", *columns[1:]), row, strict=True))
                          for row in curve],
            },
            "agreement": {"ami": or_none(self.ami), "ami_block": or_none(self.ami_block)},
            "clusters": clusters,
            "blocks": blocks,
            "settings": dict(self.source.settings),
        }  # fmt: skip
