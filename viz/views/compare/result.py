"""Two networks side by side: architectures, names by depth, descriptors, receptive fields.

`NetworkComparison` is made by `measure`. Differences are always the second network
minus the first. A has B_A blocks, B has B_B; D descriptors, N names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result
from viz.views.kernels.result import descriptor_words
from viz.views.wording import listed, percent

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def relative_depth(depth: int) -> Floats:
    """Return where the middle of each block stands, (depth,): (block + 1/2) / depth, 0 to 1."""
    return (np.arange(depth) + 0.5) / depth


def finite(value: Any) -> Any:
    """Turn numbers, and arrays of them, into what JSON holds; what is undefined is None."""
    if isinstance(value, np.ndarray):
        return [finite(each) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


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

    Fields ending in ``_a`` and ``_b`` are about one network. Differences without ``paired`` take
    all kernels of B against all of A, their intervals (low, high) from a bootstrap over blocks,
    then kernels; nan where a network has one block. Those with ``paired`` are means over blocks of
    the differences at the same block, their intervals from Student's t over blocks; 0 long where
    the depths differ.

    Parameters
    ----------
    facts : tuple of tuple of str
        What the networks are: name of the fact, A's, B's.
    confidence : float
        Of every interval.
    kernel_names : tuple of str
        The N names.
    shares_a, shares_b : ndarray, (B_A, N), (B_B, N)
        Share of each name by block.
    init_names_a, init_names_b : ndarray, (N,)
        The same of randomly initialised kernels of each network's size.
    share_difference, share_interval : ndarray, (N,), (N, 2)
        Of all kernels.
    paired_share_difference, paired_share_interval : ndarray, (N,), (N, 2)
        Mean over blocks.
    descriptors : tuple of str
        Names of the D descriptors.
    quartiles_a, quartiles_b : ndarray, (D, B_A, 3), (D, B_B, 3)
        Of each descriptor in each block.
    init_quartiles_a, init_quartiles_b : ndarray, (D, 3)
        Of randomly initialised kernels.
    delta, delta_interval : ndarray, (D,), (D, 2)
        Cliff's delta, P(B > A) - P(B < A), over all kernels.
    init_delta : ndarray, (D,)
        The same of randomly initialised kernels: what other kernel sizes do alone; 0 where the
        sizes agree.
    delta_by_block : ndarray, (D, B_A)
        Cliff's delta block by block.
    paired_delta, paired_delta_interval : ndarray, (D,), (D, 2)
        Its mean over blocks.
    theoretical_a, theoretical_b : ndarray of int64, (B_A,), (B_B,)
        Side of the theoretical receptive field after each block, in pixels of the network's input.
    reach_a, reach_b : ndarray, (B_A, 3), (B_B, 3)
        Quartiles of the kernels' RMS radius, in pixels: taps times the patch size.
    radius_a, radius_b : ndarray, (B_A, 3), (B_B, 3) or (0, 3)
        Radii that hold 50, 90 and 99 % of the effective field's mass, in pixels; 0 long where no
        images were given.
    radius_interval_a, radius_interval_b : ndarray, (B_A, 3, 2), (B_B, 3, 2) or (0, 3, 2)
        Their intervals over images.
    n_images : int
        Images of the effective fields; 0 where none were given.
    """

    kind: ClassVar[str] = "comparison of two networks"
    facts: tuple[tuple[str, str, str], ...]
    confidence: float
    kernel_names: tuple[str, ...]
    shares_a: Floats
    shares_b: Floats
    init_names_a: Floats
    init_names_b: Floats
    share_difference: Floats
    share_interval: Floats
    paired_share_difference: Floats
    paired_share_interval: Floats
    descriptors: tuple[str, ...]
    quartiles_a: Floats
    quartiles_b: Floats
    init_quartiles_a: Floats
    init_quartiles_b: Floats
    delta: Floats
    delta_interval: Floats
    init_delta: Floats
    delta_by_block: Floats
    paired_delta: Floats
    paired_delta_interval: Floats
    theoretical_a: Ints
    theoretical_b: Ints
    reach_a: Floats
    reach_b: Floats
    radius_a: Floats
    radius_b: Floats
    radius_interval_a: Floats
    radius_interval_b: Floats
    n_images: int

    @property
    def differing(self) -> tuple[str, ...]:
        """Names of the facts that differ, the file's name left out."""
        return tuple(name for name, a, b in self.facts if a != b and name != "file")

    @property
    def paired(self) -> bool:
        """Whether blocks are compared one to one, because the depths agree."""
        return len(self.paired_delta) > 0

    @property
    def shown_delta(self) -> tuple[Floats, Floats]:
        """The difference of each descriptor to read first, and its interval: paired if it can."""
        if self.paired:
            return self.paired_delta, self.paired_delta_interval
        return self.delta, self.delta_interval

    @property
    def shown_shares(self) -> tuple[Floats, Floats]:
        """The difference of each name's share to read first, and its interval."""
        if self.paired:
            return self.paired_share_difference, self.paired_share_interval
        return self.share_difference, self.share_interval

    @property
    def clear(self) -> tuple[str, ...]:
        """Descriptors whose interval leaves out 0, the largest difference first."""
        delta, interval = self.shown_delta
        out = (interval[:, 0] > 0) | (interval[:, 1] < 0)
        order = np.argsort(-np.abs(np.nan_to_num(delta)), kind="stable")
        return tuple(self.descriptors[i] for i in order if out[i])

    @property
    def note(self) -> str:
        """What the intervals rest on, in a sentence."""
        first, second = self.depths
        if self.paired and first > 1:
            return (
                f"Intervals rest on {first} pairs of blocks of two networks; whether other "
                "trainings differ alike, only other trainings tell."
            )
        if min(first, second) < 2:
            return "A network of one block has no interval over blocks."
        return (
            f"Depths differ ({first} and {second} blocks), so blocks are not paired: intervals "
            "rest on each network's own blocks and hold their differences with depth."
        )

    def sentence(self) -> str:
        """Return the finding in plain language, with its numbers."""
        parts = [
            "The files are the same."
            if self.identical
            else f"The architectures differ in {listed(self.differing)}."
            if self.differing
            else "The architectures are the same."
        ]
        parts.append(self._differing_descriptors())
        a, b = self._labelled().values()
        init = [1 - float(each[-1]) for each in (self.init_names_a, self.init_names_b)]
        parts.append(
            f"{percent(a).capitalize()} of A's kernels and {percent(b)} of B's have a name, "
            f"against {percent(max(init))} of randomly initialised ones."
        )
        return " ".join(parts)

    def _differing_descriptors(self) -> str:
        """Say how many descriptors differ, which, and how many would by chance."""
        interval = self.shown_delta[1]
        if not np.isfinite(interval).any():
            one = min(self.depths) < 2
            why = "a network of one block has no interval" if one else "their values do not vary"
            return f"Whether descriptors differ is not tested: {why}."
        clear, tested = self.clear, len(self.descriptors)
        named = listed([descriptor_words(name) for name in clear])
        return (
            f"{len(clear) or 'None'} of the {tested} descriptors "
            f"{'differs' if len(clear) == 1 else 'differ'} with a "
            f"{100 * self.confidence:.0f} % interval over blocks that leaves out 0"
            + (f" ({named})" if clear else "")
            + f", where {(1 - self.confidence) * tested:.1g} would by chance."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per descriptor and name: both networks, difference and intervals."""
        import pandas as pd

        return pd.DataFrame([{"what": "descriptor", **row} for row in self._descriptor_rows()]
                            + [{"what": "name", **row} for row in self._label_rows()])  # fmt: skip

    def _descriptor_rows(self) -> list[dict[str, Any]]:
        rows = []
        for i, name in enumerate(self.descriptors):
            middle = [np.nanmedian(q[i, :, 1]) if np.isfinite(q[i, :, 1]).any() else np.nan
                      for q in (self.quartiles_a, self.quartiles_b)]  # fmt: skip
            rows.append(
                {"name": name, "a": middle[0], "b": middle[1]}
                | _with_interval("difference", self.delta[i], self.delta_interval[i])
                | self._paired_row(self.paired_delta, self.paired_delta_interval, i)
                | {"random_init": self.init_delta[i]}
            )
        return rows

    def _label_rows(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "a": self.shares_a[:, i].mean(), "b": self.shares_b[:, i].mean()}
            | _with_interval("difference", self.share_difference[i], self.share_interval[i])
            | self._paired_row(self.paired_share_difference, self.paired_share_interval, i)
            | {"random_init": self.init_names_b[i] - self.init_names_a[i]}
            for i, name in enumerate(self.kernel_names)
        ]

    def _paired_row(self, values: Floats, intervals: Floats, i: int) -> dict[str, float]:
        if not self.paired:
            return _with_interval("paired", np.nan, np.full(2, np.nan))
        return _with_interval("paired", values[i], intervals[i])

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        labels, descriptors = self._label_rows(), self._descriptor_rows()
        for i, row in enumerate(labels):
            row["by_block"] = {"a": self.shares_a[:, i], "b": self.shares_b[:, i]}
        for i, row in enumerate(descriptors):
            row["median_by_block"] = {
                "a": self.quartiles_a[i, :, 1],
                "b": self.quartiles_b[i, :, 1],
            }
            row["by_block"] = self.delta_by_block[i] if self.paired else None
        return {
            **self.both(),
            "architecture": {
                name: {"a": a, "b": b, "differs": a != b} for name, a, b in self.facts
            },
            "named": self._labelled(),
            "names": [_plain(row) for row in labels],
            "descriptors": [_plain(row) for row in descriptors],
            "fields": {side: self._fields(side) for side in ("a", "b")},
            "confidence": self.confidence,
            "note": self.note,
            "sentence": self.sentence(),
            "settings": dict(self.source.settings),
        }

    def _labelled(self) -> dict[str, float]:
        """Share of kernels that have a name, by network."""
        shares = {"a": self.shares_a, "b": self.shares_b}
        return {side: float(1 - s[:, -1].mean()) for side, s in shares.items()}

    def _fields(self, side: str) -> list[dict[str, Any]]:
        theory, reach, radius, interval = (
            getattr(self, f"{name}_{side}")
            for name in ("theoretical", "reach", "radius", "radius_interval")
        )
        rows = []
        for b, size in enumerate(theory):
            row = {"block": b, "theoretical_px": int(size), "kernel_rms_px": finite(reach[b, 1])}
            if len(radius):
                row |= {f"r{s}_px": finite(radius[b, i]) for i, s in enumerate((50, 90, 99))}
                row |= {f"r{s}_interval_px": finite(interval[b, i])
                        for i, s in enumerate((50, 90, 99))}  # fmt: skip
            rows.append(row)
        return rows


def _with_interval(name: str, value: float, interval: Floats) -> dict[str, float]:
    low, high = interval
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(value) if isinstance(value, Mapping) else finite(value)
        for name, value in row.items()
    }
