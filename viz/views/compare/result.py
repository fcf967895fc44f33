"""Two networks side by side: architectures, names by depth, descriptors, receptive fields.

Differences are always the second network minus the first. A has B_A blocks, B has B_B; D
descriptors, N names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, finite, records
from viz.views.kernels.result import descriptor_words
from viz.views.wording import listed, percent

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def relative_depth(depth: int) -> Floats:
    """Return where the middle of each block stands, (depth,): (block + 1/2) / depth, 0 to 1."""
    return (np.arange(depth) + 0.5) / depth


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TwoNetworks(Result):
    """Base of what is measured on two networks; ``source`` is the first one's.

    Parameters
    ----------
    other : mapping
        Fields of the second network's `viz.core.network.Source`.
    configs, preprocessings : tuple of two mappings
        Fields of `viz.core.network.Config` and `Preprocessing`.
    """

    kind: ClassVar[str] = "two networks"
    other: Mapping[str, Any]
    configs: tuple[Mapping[str, Any], ...]
    preprocessings: tuple[Mapping[str, Any], ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of both networks; where they are equal, the hash tells them apart."""
        first, second = self.source.name, str(self.other["name"])
        if first != second or self.identical:
            return first, second
        return f"{first} ({self.source.sha256[:6]})", f"{second} ({self.other['sha256'][:6]})"

    @property
    def identical(self) -> bool:
        """Whether both files are the same one, byte for byte."""
        return bool(self.source.sha256 == self.other["sha256"])

    @property
    def depths(self) -> tuple[int, int]:
        """Blocks of both networks."""
        return int(self.configs[0]["depth"]), int(self.configs[1]["depth"])

    def both(self) -> dict[str, Any]:
        """Return names and hashes of both networks as plain JSON values."""
        return {
            "a": {"name": self.source.name, "sha256": self.source.sha256},
            "b": {"name": str(self.other["name"]), "sha256": str(self.other["sha256"])},
        }


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class NetworkComparison(TwoNetworks):
    """Two networks' architectures, names by depth, descriptors and receptive fields.

    Fields ending in ``_a`` and ``_b`` are about one network. Where depths agree, differences are
    means over blocks of those at the same block, else of all kernels of B against all of A.
    Intervals are (low, high), 95 %, over blocks; nan where a network has one block.

    Parameters
    ----------
    facts : tuple of tuple of str
        What the networks are: name of the fact, A's, B's.
    kernel_names, descriptors : tuple of str
        The N names, the D descriptors.
    shares_a, shares_b : ndarray, (B_A, N), (B_B, N)
        Share of each name by block.
    init_names_a, init_names_b : ndarray, (N,)
        The same of randomly initialised kernels of each network's size.
    share_difference, share_interval : ndarray, (N,), (N, 2)
        Of each name; nan where no kernel has it.
    quartiles_a, quartiles_b : ndarray, (D, B_A, 3), (D, B_B, 3)
        Of each descriptor in each block.
    init_quartiles_a, init_quartiles_b : ndarray, (D, 3)
        Of randomly initialised kernels.
    delta, delta_interval : ndarray, (D,), (D, 2)
        Cliff's delta, P(B > A) - P(B < A).
    delta_by_block : ndarray, (D, B_A) or (D, 0)
        Block by block, where depths agree.
    init_delta : ndarray, (D,)
        Of randomly initialised kernels: what other kernel sizes do alone; 0 where they agree.
    theoretical_a, theoretical_b : ndarray of int64, (B_A,), (B_B,)
        Side of the theoretical receptive field after each block, in pixels of the network's input.
    radius_a, radius_b : ndarray, (B_A,), (B_B,) or (0,)
        Radius that holds 90 % of the effective field's mass, in pixels; 0 long without images.
    radius_interval_a, radius_interval_b : ndarray, (B_A, 2), (B_B, 2) or (0, 2)
        Over images.
    n_images : int
        Images of the effective fields; 0 where none were given.
    """

    kind: ClassVar[str] = "comparison of two networks"
    version: ClassVar[int] = 2
    facts: tuple[tuple[str, str, str], ...]
    kernel_names: tuple[str, ...]
    descriptors: tuple[str, ...]
    shares_a: Floats
    shares_b: Floats
    init_names_a: Floats
    init_names_b: Floats
    share_difference: Floats
    share_interval: Floats
    quartiles_a: Floats
    quartiles_b: Floats
    init_quartiles_a: Floats
    init_quartiles_b: Floats
    delta: Floats
    delta_interval: Floats
    delta_by_block: Floats
    init_delta: Floats
    theoretical_a: Ints
    theoretical_b: Ints
    radius_a: Floats
    radius_b: Floats
    radius_interval_a: Floats
    radius_interval_b: Floats
    n_images: int

    def of(self, name: str) -> tuple[Any, Any]:
        """Return both networks' values of a field that ends in ``_a`` and ``_b``."""
        return getattr(self, f"{name}_a"), getattr(self, f"{name}_b")

    @property
    def reach(self) -> tuple[Floats, Floats]:
        """Quartiles of the kernels' RMS radius in pixels, taps times patch size: (B_A, 3), ..."""
        row = self.descriptors.index("rms_radius")
        a, b = (
            q[row] * config["patch_size"]
            for q, config in zip(self.of("quartiles"), self.configs, strict=True)
        )
        return a, b

    @property
    def differing(self) -> tuple[str, ...]:
        """What differs in the architectures, with both values."""
        return tuple(
            f"{name} ({a} and {b})" for name, a, b in self.facts
            if a != b and name not in ("file", "parameters")
        )  # fmt: skip

    @property
    def paired(self) -> bool:
        """Whether blocks are compared one to one, because the depths agree."""
        return self.depths[0] == self.depths[1]

    @property
    def clear(self) -> tuple[str, ...]:
        """Descriptors whose interval leaves out 0, the largest difference first."""
        out = (self.delta_interval[:, 0] > 0) | (self.delta_interval[:, 1] < 0)
        order = np.argsort(-np.abs(np.nan_to_num(self.delta)), kind="stable")
        return tuple(self.descriptors[i] for i in order if out[i])

    @property
    def note(self) -> str:
        """What the intervals rest on, in a sentence."""
        first, second = self.depths
        if min(first, second) < 2:
            return "A network of one block has no interval over blocks."
        if self.paired:
            return (
                f"Intervals rest on {first} pairs of blocks of two networks; whether other "
                "trainings differ alike, only other trainings tell."
            )
        return (
            f"Depths differ ({first} and {second} blocks), so blocks are not paired: intervals "
            "rest on each network's own blocks and hold their differences with depth."
        )

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        a, b = self._named().values()
        init = max(1 - float(each[-1]) for each in self.of("init_names"))
        built = (
            "The files are the same."
            if self.identical
            else f"The networks differ in {listed(self.differing)}."
            if self.differing
            else "The networks are built alike."
        )
        return (
            f"{percent(a).capitalize()} of A's kernels and {percent(b)} of B's look like a named "
            f"shape, against {percent(init)} of randomly initialised ones. "
            f"{self._differing_descriptors()} {built}"
        )

    def _differing_descriptors(self) -> str:
        """Say in how many descriptors kernels differ, in which, and in how many by chance."""
        if not np.isfinite(self.delta_interval).any():
            one = min(self.depths) < 2
            why = "a network of one block has no interval" if one else "their values do not vary"
            return f"Whether kernels differ in other ways is not tested: {why}."
        clear, tested = self.clear, int(np.isfinite(self.delta_interval).all(1).sum())
        named = listed([descriptor_words(name) for name in clear])
        return (
            f"The kernels differ clearly in {len(clear) or 'none'} of {tested} numbers that "
            f"describe them{f' ({named})' if named else ''}, where chance alone would give "
            f"{0.05 * tested:.1g} on average."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per descriptor and name: both networks, difference and interval.

        A descriptor's values are medians of the blocks' medians.
        """
        import pandas as pd

        init_a, init_b = self.of("init_names")
        low, high = np.concatenate([self.delta_interval, self.share_interval]).T
        a, b = (
            np.concatenate([_medians(quartiles[:, :, 1]), shares.mean(0)])
            for quartiles, shares in zip(self.of("quartiles"), self.of("shares"), strict=True)
        )
        return pd.DataFrame(
            {
                "what": ["descriptor"] * len(self.descriptors) + ["name"] * len(self.kernel_names),
                "name": [*self.descriptors, *self.kernel_names],
                "a": a,
                "b": b,
                "difference": np.concatenate([self.delta, self.share_difference]),
                "difference_low": low,
                "difference_high": high,
                "random_init": np.concatenate([self.init_delta, init_b - init_a]),
            }
        )

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        frame, d = self.to_frame().drop(columns="what"), len(self.descriptors)
        for side, quartiles, shares in zip(
            "ab", self.of("quartiles"), self.of("shares"), strict=True
        ):
            frame[f"by_block_{side}"] = [*quartiles[:, :, 1], *shares.T]
        return {
            **self.both(),
            "architecture": {
                name: {"a": a, "b": b, "differs": a != b} for name, a, b in self.facts
            },
            "named": self._named(),
            "names": records(frame[d:]),
            "descriptors": records(frame[:d]),
            "fields": {side: self._fields(i) for i, side in enumerate("ab")},
            "note": self.note,
            "sentence": self.sentence(),
            "settings": dict(self.source.settings),
        }

    def _named(self) -> dict[str, float]:
        """Share of kernels that have a name, by network."""
        shares = zip("ab", self.of("shares"), strict=True)
        return {side: float(1 - s[:, -1].mean()) for side, s in shares}

    def _fields(self, i: int) -> list[dict[str, Any]]:
        radius, interval = self.of("radius")[i], self.of("radius_interval")[i]
        rows: list[dict[str, Any]] = [
            {"block": b, "theoretical_px": int(size), "kernel_rms_px": finite(reach)}
            for b, (size, reach) in enumerate(
                zip(self.of("theoretical")[i], self.reach[i][:, 1], strict=True)
            )
        ]
        for b, row in enumerate(rows if len(radius) else ()):
            row |= {"r90_px": finite(radius[b]), "r90_interval_px": finite(interval[b])}
        return rows


def _medians(values: Floats) -> Floats:
    """Return the median of each row's finite values; nan where there are none."""
    return np.array([np.nan if np.isnan(row).all() else np.nanmedian(row) for row in values])
