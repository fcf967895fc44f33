"""What kernels have in common: their covariance by block, and the clusters they fall into.

`KernelSpectra` is made by `viz.views.clusters.spectra`, `Clusters`, which holds one as well, by
`viz.views.clusters.measure`. Letters in shapes: n kernels of k x k taps in B blocks, K clusters, T
numbers of clusters tried, L names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from viz.core.result import Result

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class KernelSpectra(Result):
    """Covariance of the kernels of each block over its channels, and numbers drawn from it.

    Parameters
    ----------
    kernel_size : int
        k.
    blocks : ndarray of int64, (B,)
        0-based.
    n_kernels : ndarray of int64, (B,)
        Kernels of each block.
    covariance : ndarray of float32, (B, k^2, k^2)
        Of vec(kernel) over channels, taps row by row, in squared weights; divided by n - 1.
    eigenvalues : ndarray, (B, k^2)
        Of the covariance, largest first, in squared weights.
    components : ndarray of float32, (B, C, k, k)
        Leading eigenvectors, of unit norm, the tap with the largest magnitude positive.
    effective_rank : ndarray, (B,)
        exp(-sum p ln p) of the eigenvalues' shares p: between 1 and k^2; 0 for equal kernels.
    variance_entropy : ndarray, (B,)
        -sum p log10 p of the same shares, so the logarithm of the effective rank.
    sparsity : ndarray, (B,)
        Share of kernels whose largest |weight| is below 1 % of the block's.
    null_shares : ndarray, (B, k^2)
        Eigenvalues' shares of as many independent uniform kernels, mean over draws.
    null_effective_rank, null_effective_rank_sd : ndarray, (B,)
        Of those: mean and standard deviation over draws.
    null_variance_entropy, null_variance_entropy_sd : ndarray, (B,)
        Likewise.
    """

    kind: ClassVar[str] = "kernel spectra"
    kernel_size: int
    blocks: Ints
    n_kernels: Ints
    covariance: NDArray[np.float32]
    eigenvalues: Floats
    components: NDArray[np.float32]
    effective_rank: Floats
    variance_entropy: Floats
    sparsity: Floats
    null_shares: Floats
    null_effective_rank: Floats
    null_effective_rank_sd: Floats
    null_variance_entropy: Floats
    null_variance_entropy_sd: Floats

    @property
    def shares(self) -> Floats:
        """Eigenvalues' shares of the variance, (B, k^2), largest first."""
        total = self.eigenvalues.sum(1, keepdims=True)
        return self.eigenvalues / np.where(total > 0, total, 1)

    def spectra_frame(self) -> pd.DataFrame:
        """Return one row per block: number of kernels, the measures, and their nulls."""
        import pandas as pd

        return pd.DataFrame(
            {
                "block": self.blocks,
                "n": self.n_kernels,
                "effective_rank": self.effective_rank,
                "null_effective_rank": self.null_effective_rank,
                "variance_entropy": self.variance_entropy,
                "null_variance_entropy": self.null_variance_entropy,
                "sparsity": self.sparsity,
                "first_share": self.shares[:, 0],
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per block."""
        return self.spectra_frame()


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Clusters(KernelSpectra):
    """Kernels grouped by k-means on their unit-norm taps, without any name, sign kept.

    Clusters are numbered by the mean block of their members, the earliest first.

    Parameters
    ----------
    block : ndarray of int64, (n,)
        Block of each kernel, 0-based.
    channel : ndarray of int64, (n,)
        Its channel.
    name : ndarray of str, (n,)
        Its name, of `viz.views.kernels.result.KERNEL_NAMES`; ``""`` where names were not given.
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
    tried : ndarray of int64, (T,)
        Numbers of clusters tried.
    stability : ndarray, (T,)
        Mean adjusted Rand index between clusterings of bootstrap samples; nan if not measured.
    stability_se : ndarray, (T,)
        Its standard error, by the jackknife over bootstrap samples.
    null_curves : ndarray, (R, T)
        The same of R Gaussian clouds of unit-norm kernels with the same mean and covariance.
    chosen_by : str
        How K was chosen, in words.
    ari, ami : float
        Adjusted Rand index, and adjusted mutual information, between clusters and names, all
        kernels with a cluster; 0 is chance, 1 agreement, nan without names.
    ari_classified, ami_classified : float
        The same over kernels that have a name other than ``"unnamed"``.
    ami_block : float
        Adjusted mutual information between clusters and blocks: how much clusters follow depth.
    confusion : ndarray of int64, (L, K)
        Kernels of each name in each cluster.
    confusion_names : tuple of str
        Names of the rows: those that occur.
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
    tried: Ints
    stability: Floats
    stability_se: Floats
    null_curves: Floats
    chosen_by: str
    ari: float
    ami: float
    ari_classified: float
    ami_classified: float
    ami_block: float
    confusion: Ints
    confusion_names: tuple[str, ...]

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
        total = self.counts.sum(1, keepdims=True)
        return self.counts / np.where(total > 0, total, 1)

    @property
    def null_stability(self) -> Floats:
        """Mean stability of the Gaussian clouds, (T,); nan if not measured."""
        mean: Floats = self.null_curves.sum(0) / (len(self.null_curves) or np.nan)
        return mean

    @property
    def null_stability_sd(self) -> Floats:
        """Standard deviation of their stability over the clouds, (T,)."""
        if len(self.null_curves) < 2:
            return np.full(len(self.tried), np.nan)
        spread: Floats = self.null_curves.std(0, ddof=1)
        return spread

    @property
    def excess(self) -> Floats:
        """Stability above that of kernels without clusters, (T,)."""
        return self.stability - self.null_stability

    @property
    def median_excess(self) -> float:
        """Median of `excess` over the numbers tried; nan if not measured."""
        return float(np.median(self.excess))

    @property
    def null_median_excess(self) -> Floats:
        """The same of each Gaussian cloud against the mean of the other clouds, (R,)."""
        r = len(self.null_curves)
        others = (self.null_curves.sum(0) - self.null_curves) / (r - 1 if r > 1 else np.nan)
        middle: Floats = np.median(self.null_curves - others, axis=1)
        return middle

    @property
    def needed_excess(self) -> float:
        """Median excess that a further Gaussian cloud would show one time in two hundred.

        Student's prediction bound, mean + t sqrt(1 + 1/R) standard deviations of
        `null_median_excess`; nan if not measured.
        """
        r = len(self.null_curves)
        if r < 2:
            return float("nan")
        null, reach = self.null_median_excess, student.ppf(0.995, r - 1) * (1 + 1 / r) ** 0.5
        return float(null.mean() + reach * null.std(ddof=1))

    @property
    def beyond_null(self) -> bool:
        """Whether clusters are more stable than those that k-means cuts Gaussian clouds into."""
        return self.median_excess > self.needed_excess

    def at_chosen(self) -> dict[str, float]:
        """Return stability and null stability of the number of clusters chosen."""
        at = np.flatnonzero(self.tried == self.n_clusters)
        names = ("stability", "null_stability", "null_stability_sd", "excess")
        return {
            name: float(getattr(self, name)[at[0]]) if len(at) else float("nan") for name in names
        }

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        at, n, k = self.at_chosen(), len(self.cluster), self.n_clusters
        parts = []
        if len(self.null_curves):
            more = "more" if self.beyond_null else "no more"
            parts.append(
                f"The {n:,} kernels have {more} structure than a Gaussian: the stability of "
                "k-means exceeds that of Gaussian clouds of the same mean and covariance by "
                f"{self.median_excess:.2f} (median over numbers of clusters), where "
                f"{self.needed_excess:.2f} would be significant."
            )
        if np.isfinite(at["stability"]):
            how = "asked for" if self.chosen_by == "given" else "chosen"
            parts.append(
                f"At the {k} clusters {how} the adjusted Rand index between bootstrap samples is "
                f"{at['stability']:.2f}, against {at['null_stability']:.2f} in the null."
            )
        else:
            parts.append(f"The {n:,} kernels are cut into {k} clusters by k-means.")
        if np.isfinite(self.ami):
            parts.append(
                f"Clusters agree with the names by an adjusted mutual information of "
                f"{self.ami:.2f} and with the blocks by {self.ami_block:.2f}, where chance is 0."
            )
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kernel: where it stands, its name, its cluster."""
        import pandas as pd

        return pd.DataFrame(
            {
                "block": self.block,
                "channel": self.channel,
                "name": self.name,
                "cluster": self.cluster,
                "similarity": self.similarity,
            }
        )
