"""Patch filters of two networks matched one to one, beside matches of chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from viz.core.result import finite
from viz.views.compare.result import TwoNetworks
from viz.views.wording import rounded

if TYPE_CHECKING:
    import pandas as pd

NULLS = ("shuffled taps", "mixtures")
"""Rows of the fields called ``null_...``: what was done to B's filters before matching."""
SHUFFLED, MIXED = 0, 1
LEVEL = 0.005
"""How often filters that have nothing to do with each other would seem matched."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PatchFilterMatch(TwoNetworks):
    """Pairs of patch filters, one of each network, such that their similarities' sum is largest.

    n filters of A, m of B, s = min(n, m) pairs, c input channels, on a common grid of q x q cells a
    patch. R draws of each of the two `NULLS`, P permutations.

    Parameters
    ----------
    frame_size : int
        q: the smaller patch size.
    filters_a, filters_b : ndarray of float32, (n, c, q, q), (m, c, q, q)
        Filters as they act on pixels, on the common grid.
    kept_a, kept_b : ndarray, (n,), (m,)
        Share of each filter's energy that the common grid keeps; 1 where nothing was resampled,
        nan for a filter of zeros.
    channel_a, channel_b : ndarray of int64, (s,)
        The pairs, the most similar first.
    similarity : ndarray, (s,)
        Cosine of each pair, sign kept, -1 to 1; 0 where a filter is zero.
    null_mean : ndarray, (2, R)
        Mean similarity of the best pairs after B's filters were changed.
    null_by_rank : ndarray, (2, s)
        Their similarities, largest first, mean over the draws.
    index_similarity : float
        Mean similarity of filters of the same channel; nan where the numbers of filters differ.
    index_permuted : ndarray, (P,) or (0,)
        The same after random permutations of B's channels.
    """

    kind: ClassVar[str] = "matched patch filters"
    frame_size: int
    filters_a: NDArray[np.float32]
    filters_b: NDArray[np.float32]
    kept_a: Floats
    kept_b: Floats
    channel_a: NDArray[np.int64]
    channel_b: NDArray[np.int64]
    similarity: Floats
    null_mean: Floats
    null_by_rank: Floats
    index_similarity: float
    index_permuted: Floats

    @property
    def mean_similarity(self) -> float:
        """Mean similarity of the pairs."""
        return float(self.similarity.mean())

    @property
    def needed(self) -> Floats:
        """Mean similarity that a further draw of each null would reach one time in two hundred.

        Student's prediction bound, mean + t sqrt(1 + 1/R) standard deviations of ``null_mean``,
        (2,).
        """
        draws = self.null_mean.shape[1]
        reach = student.ppf(1 - LEVEL, draws - 1) * (1 + 1 / draws) ** 0.5
        bound: Floats = self.null_mean.mean(1) + reach * self.null_mean.std(1, ddof=1)
        return bound

    @property
    def better_than(self) -> tuple[bool, ...]:
        """Whether the pairs are more alike than is `needed`, for each of `NULLS`."""
        return tuple(bool(self.mean_similarity > bound + 1e-9) for bound in self.needed)

    @property
    def by_index(self) -> bool:
        """Whether filters of the same channel are more alike than after any permutation."""
        return bool(len(self.index_permuted) and self.index_similarity > self.index_permuted.max())

    @property
    def resampled(self) -> bool:
        """Whether patch sizes differ."""
        return bool(self.configs[0]["patch_size"] != self.configs[1]["patch_size"])

    @property
    def kept(self) -> tuple[float, float]:
        """Median share of energy that the common grid keeps of A's and of B's filters."""
        a, b = (
            float(np.nanmedian(k)) if np.isfinite(k).any() else float("nan")
            for k in (self.kept_a, self.kept_b)
        )
        return a, b

    @property
    def frame_note(self) -> str:
        """On which grid filters were compared, in a sentence."""
        q = self.frame_size
        if not self.resampled:
            return f"Filters are compared tap by tap, as they act on pixels ({q} x {q} px)."
        a, b = self.kept
        return (
            f"Patches differ, so both are compared on {q} x {q} cells a patch, in cycles a patch "
            f"and not a pixel; the grid keeps {100 * a:.0f} % of the energy of A's filters and "
            f"{100 * b:.0f} % of B's (medians)."
        )

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        middle, needed = self.null_mean.mean(1), self.needed
        better = self.better_than
        verdict = (
            "more alike than chance would make them"
            if all(better)
            else "more alike than filters with shuffled taps, but no more than mixtures of B's "
            "filters, which share their frequencies, orientations and colours"
            if better[SHUFFLED]
            else "no more alike than chance would make them"
        )
        parts = [
            f"The patch filters of A and B are {verdict}.",
            f"Matched one to one, {len(self.similarity):,} pairs have a mean cosine of "
            f"{self.mean_similarity:.3f}, against {middle[SHUFFLED]:.3f} with the taps of B's "
            f"filters shuffled and {middle[MIXED]:.3f} with mixtures of B's filters "
            f"({needed[SHUFFLED]:.3f} and {needed[MIXED]:.3f} would be significant).",
        ]
        if len(self.index_permuted):
            parts.append(
                f"Filters of the same channel are {'' if self.by_index else 'not '}more alike than "
                f"of random channels: their mean cosine is {rounded(self.index_similarity)}, and "
                f"at most {rounded(self.index_permuted.max())} after random permutations."
            )
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pair, the most similar first."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel_a": self.channel_a,
                "channel_b": self.channel_b,
                "similarity": self.similarity,
                **{f"null_{name.replace(' ', '_')}": rank
                   for name, rank in zip(NULLS, self.null_by_rank, strict=True)},
                "kept_a": self.kept_a[self.channel_a],
                "kept_b": self.kept_b[self.channel_b],
            }
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        return {
            **self.both(),
            "frame_size": self.frame_size,
            "kept": {side: finite(kept) for side, kept in zip("ab", self.kept, strict=True)},
            "n_pairs": len(self.similarity),
            "mean_similarity": self.mean_similarity,
            "quartiles": finite(np.quantile(self.similarity, (0.25, 0.5, 0.75))),
            "nulls": {
                name: {
                    "mean": float(means.mean()),
                    "lowest": float(means.min()),
                    "highest": float(means.max()),
                    "needed": float(self.needed[i]),
                    "better": self.better_than[i],
                }
                for i, (name, means) in enumerate(zip(NULLS, self.null_mean, strict=True))
            },
            "level": LEVEL,
            "index": {
                "similarity": finite(self.index_similarity),
                "permuted_highest": finite(self.index_permuted.max(initial=-np.inf)),
                "corresponds": self.by_index,
            }
            if len(self.index_permuted)
            else None,
            "sentence": self.sentence(),
            "settings": dict(self.source.settings),
        }
