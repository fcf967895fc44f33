"""How early and late blocks' kernels differ, and whether what has been said of them holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none
from viz.views.kernels.result import STATEMENT_R2, descriptor_words
from viz.views.wording import percent

if TYPE_CHECKING:
    import pandas as pd

STATEMENTS = (
    "a positive centre in a negative surround",
    "half positive and half negative",
    "a ring",
    "half positive and half negative, or a ring",
)
"""Rows of every ``statement_...`` field, as in `viz.views.kernels.result.STATEMENTS`."""
EARLY_STATEMENT, LATE_STATEMENT = 0, 3
"""Rows that hold what is said of early kernels, and of late ones."""
EARLY_NAMES, LATE_NAMES = ("on-centre",), ("edge", "bar", "ring")
"""Names of kernels that look as early, and as late ones are said to, halves, bars and rings."""
FEW_BLOCKS = 5
"""With fewer blocks in a group, intervals over blocks rest on too little to say much."""
_CHANCE_P, _BLOCK_P = 0.01, 0.05


@dataclass(frozen=True)
class Verdict:
    """What a network says about one statement.

    Parameters
    ----------
    group : str
        ``"early"`` or ``"late"``: the kernels that the statement is about.
    statement : str
        One of `STATEMENTS`.
    answer : str
        ``"holds"``: true of most kernels of the group, of more than of randomly initialised ones
        (Fisher's exact test over kernels, p < .01), and of more than in the other group (exact
        permutation test over blocks, p of .05 or less). ``"holds for a minority"``: the last two
        only. ``"undecided"``: more than at random and than in the other group, but blocks in
        random order would often differ by as much. ``"not specific"``: more than at random, no
        more than in the other group. ``"does not hold"``: no more than at random.
    own, other, random : float
        Shares of the group's, the other group's and randomly initialised kernels of which it is
        true.
    block_p : float
        How often blocks in random order would differ by as much; nan for a group of one block.
    interval : tuple of float or None
        Of ``own - other``, over blocks; None where there is none.
    lowest, highest : float
        Share of the group's kernels over the thresholds tried.
    tried, differs : int
        Thresholds, and those at which a part of the answer is another: whether it is true of most,
        of more than at random, of more than in the other group.
    """

    group: str
    statement: str
    answer: str
    own: float
    other: float
    random: float
    block_p: float
    interval: tuple[float, float] | None
    lowest: float
    highest: float
    tried: int
    differs: int

    @property
    def robust(self) -> bool:
        """Whether the answer's parts are the same at every threshold tried."""
        return not self.differs

    @property
    def sentence(self) -> str:
        """The number, what it is compared with, and what follows."""
        have = "have" if self.group == "early" else "are"
        rest = "late" if self.group == "early" else "early"
        text = (
            f"{percent(self.own)} of the {self.group} kernels {have} {self.statement}, "
            f"against {percent(self.other)} of the {rest} and {percent(self.random)} of the "
            f"randomly initialised ones{self._so}."
        )
        return text[0].upper() + text[1:]

    @property
    def _so(self) -> str:
        """What the tests make of the shares, as the end of a sentence."""
        if self.answer == "does not hold":
            return ", which is no more than chance"
        if self.answer == "not specific":
            return f", so this is not specific to {self.group} blocks"
        test = ""
        if np.isfinite(self.block_p):
            test = f" (permutation test over blocks: p = {self.block_p:.2g})"
        if self.answer == "undecided":
            few = (
                "chance could order the blocks so" if test else "one block a side cannot be tested"
            )
            return f", but {few}{test}"
        return test

    @property
    def details(self) -> str:
        """What the answer rests on."""
        gap = f"The difference is {100 * (self.own - self.other):+.1f} points"
        if np.isfinite(self.block_p):
            gap += (
                "; blocks in random order would differ by as much with probability "
                f"{self.block_p:.2g}"
            )
        if self.interval is not None:
            low, high = (100 * end for end in self.interval)
            gap += f", and its interval over blocks is {low:+.1f} to {high:+.1f}"
        same = "the same" if self.robust else f"another at {self.differs}"
        return (
            f"{gap}. A statement is true of a kernel if one such picture explains "
            f"{100 * STATEMENT_R2:.0f} % of its energy; over {self.tried} such thresholds the "
            f"share of {self.group} kernels runs from {percent(self.lowest)} to "
            f"{percent(self.highest)}, and the answer is {same}."
        )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class EarlyLate(Result):
    """Early against late blocks: descriptors, names and two statements, with intervals.

    D descriptors, B blocks, E early and L late ones, N names, four statements, T thresholds.
    Intervals are (low, high) from a bootstrap over blocks and, within them, kernels; those called
    ``..._kernels`` keep the blocks and draw kernels alone, as do the p-values so called: they say
    something about this network's kernels and nothing about networks like it.

    Parameters
    ----------
    early_blocks, late_blocks : ndarray of int64, (E,), (L,)
        0-based.
    blocks : ndarray of int64, (B,)
        All blocks described; trends are over all.
    confidence : float
        Of every interval.
    descriptors : tuple of str
        Names of the D descriptors.
    quartiles : ndarray, (D, B, 3)
        Of each descriptor in each block.
    init_quartiles : ndarray, (D, 3)
        Of randomly initialised kernels.
    delta : ndarray, (D,)
        Cliff's delta, P(late > early) - P(late < early).
    delta_interval, delta_interval_kernels : ndarray, (D, 2)
        nan for a group of one block.
    delta_pairs : ndarray, (D, E, L)
        Cliff's delta of each early block against each late one.
    delta_p_kernels : ndarray, (D,)
        Of a Mann-Whitney test over kernels.
    trend : ndarray, (D,)
        Spearman's correlation of the descriptor with the block, over kernels.
    trend_interval : ndarray, (D, 2)
        nan for fewer than three blocks.
    trend_p_kernels : ndarray, (D,)
        Over kernels.
    block_trend, block_trend_p : ndarray, (D,)
        Spearman's correlation of the blocks' medians with depth, and the share of orders of the
        blocks whose correlation is at least as strong; nan for fewer than three blocks.
    kernel_names : tuple of str
        The N names, ``"unnamed"`` among them.
    name_shares : ndarray, (B, N)
        By block.
    early_names, late_names, init_names : ndarray, (N,)
        Shares in the groups, and of randomly initialised kernels.
    name_difference, name_interval : ndarray, (N,), (N, 2)
        Late minus early; nan where no kernel of either group has the name.
    statement_shares : ndarray, (B, 4)
        Share of kernels of which each of `STATEMENTS` is true, by block: one such picture
        explains at least `viz.views.kernels.result.STATEMENT_R2` of the energy.
    statement_difference, statement_interval : ndarray, (4,), (4, 2)
        Late minus early.
    statement_block_p : ndarray, (4, 2)
        One-sided p of a permutation test over blocks: that early ones have more, that late ones
        have; nan for a group of one block.
    thresholds : ndarray, (T,)
        Shares of the energy tried, `STATEMENT_R2` among them.
    threshold_shares : ndarray, (T, 4, 2)
        Share of early and of late kernels of which each statement is true.
    threshold_init : ndarray, (T, 4)
        The same of randomly initialised kernels.
    threshold_p : ndarray, (T, 4, 2)
        Fisher's exact p, one-sided over kernels, that the group's share is above that.
    kernels : ndarray of float32, (m, k, k)
        Kernels of both groups to look at: all, or a random choice of each group.
    kernel_name : ndarray of str, (m,)
        Their names.
    kernel_block, kernel_channel : ndarray of int64, (m,)
        Where they stand.
    kernel_late : ndarray of bool, (m,)
        Which are of the late group; early ones come first, each group as
        `viz.views.kernels.result.DepthwiseDescription.order` has it.
    """

    kind: ClassVar[str] = "early and late"
    early_blocks: NDArray[np.int64]
    late_blocks: NDArray[np.int64]
    blocks: NDArray[np.int64]
    confidence: float
    descriptors: tuple[str, ...]
    quartiles: NDArray[np.float64]
    init_quartiles: NDArray[np.float64]
    delta: NDArray[np.float64]
    delta_interval: NDArray[np.float64]
    delta_interval_kernels: NDArray[np.float64]
    delta_pairs: NDArray[np.float64]
    delta_p_kernels: NDArray[np.float64]
    trend: NDArray[np.float64]
    trend_interval: NDArray[np.float64]
    trend_p_kernels: NDArray[np.float64]
    block_trend: NDArray[np.float64]
    block_trend_p: NDArray[np.float64]
    kernel_names: tuple[str, ...]
    name_shares: NDArray[np.float64]
    early_names: NDArray[np.float64]
    late_names: NDArray[np.float64]
    init_names: NDArray[np.float64]
    name_difference: NDArray[np.float64]
    name_interval: NDArray[np.float64]
    statement_shares: NDArray[np.float64]
    statement_difference: NDArray[np.float64]
    statement_interval: NDArray[np.float64]
    statement_block_p: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    threshold_shares: NDArray[np.float64]
    threshold_init: NDArray[np.float64]
    threshold_p: NDArray[np.float64]
    kernels: NDArray[np.float32]
    kernel_name: NDArray[np.str_]
    kernel_block: NDArray[np.int64]
    kernel_channel: NDArray[np.int64]
    kernel_late: NDArray[np.bool_]

    @property
    def few_blocks(self) -> bool:
        """Whether a group has so few blocks that its intervals rest on little."""
        return min(len(self.early_blocks), len(self.late_blocks)) < FEW_BLOCKS

    @property
    def note(self) -> str:
        """What the intervals rest on."""
        early, late = len(self.early_blocks), len(self.late_blocks)
        if min(early, late) < 2:
            return (
                "A group of one block has no interval over blocks: nothing tells the group from "
                "its block."
            )
        text = (
            f"Intervals estimate how far the difference could be off if the {early} early and "
            f"{late} late blocks were drawn from many like them; a network's blocks are ordered "
            "and fixed."
        )
        if self.few_blocks:
            text += (
                f" With {min(early, late)} blocks in a group they are wide and only roughly right: "
                "in simulations they held the truth in 90 to 100 % of the cases."
            )
        return text

    @property
    def apart(self) -> tuple[str, ...]:
        """Descriptors whose medians in the late blocks all lie above, or all below, the early."""
        early, late = (
            self.quartiles[:, np.isin(self.blocks, group), 1]
            for group in (self.early_blocks, self.late_blocks)
        )
        split = (late.min(1) > early.max(1)) | (late.max(1) < early.min(1))
        return tuple(name for name, yes in zip(self.descriptors, split, strict=True) if yes)

    @property
    def apart_by_chance(self) -> float:
        """Probability that one descriptor is among `apart` if blocks were in random order."""
        early, late = len(self.early_blocks), len(self.late_blocks)
        return 2 / math.comb(early + late, early)

    @property
    def difference(self) -> str:
        """Whether early and late blocks differ at all, in a sentence."""
        found = len(self.apart)
        names = ", ".join(descriptor_words(name) for name in self.apart)
        return (
            f"In {found} of {len(self.descriptors)} descriptors every late block's median lies on "
            f"the same side of every early block's{f' ({names})' if found else ''}; in random "
            f"order, {len(self.early_blocks)} and {len(self.late_blocks)} blocks do so with "
            f"probability {self.apart_by_chance:.2g} in each."
        )

    @property
    def by_name(self) -> tuple[float, float, float]:
        """Share of late, early and randomly initialised kernels called any of `LATE_NAMES`."""
        rows = [self.kernel_names.index(name) for name in LATE_NAMES]
        late, early, init = (
            float(shares[rows].sum())
            for shares in (self.late_names, self.early_names, self.init_names)
        )
        return late, early, init

    @property
    def finding(self) -> str:
        """The answer to both statements, and what a reader's eye sees, in three sentences."""
        late, early, init = self.by_name
        rest = " ones"
        if np.isfinite(init):
            rest = f" and {percent(init)} of the randomly initialised ones"
        seen = (
            f"By name, {percent(late)} of the late kernels are edges, bars or rings, against "
            f"{percent(early)} of the early{rest}."
        )
        return " ".join([*(v.sentence for v in self.verdicts), seen])

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """The answers to the two statements, the early one first."""
        return self._verdict(False), self._verdict(True)

    def _verdict(self, late: bool) -> Verdict:
        row = LATE_STATEMENT if late else EARLY_STATEMENT
        at = int(np.abs(self.thresholds - STATEMENT_R2).argmin())
        owns, others = (self.threshold_shares[:, row, i] for i in (int(late), int(not late)))
        interval = np.sort(self.statement_interval[row] * (1 if late else -1))
        block_p = float(self.statement_block_p[row, int(late)])
        # The parts that can be told at each threshold without a permutation test of its own.
        parts = np.stack(
            [owns > 0.5, self.threshold_p[:, row, int(late)] < _CHANCE_P, owns > others], 1
        )
        most, above, more = parts[at]
        answer = "undecided" if more else "not specific"
        if more and block_p <= _BLOCK_P:
            answer = "holds" if most else "holds for a minority"
        if not above:
            answer = "does not hold"
        return Verdict(
            group="late" if late else "early",
            statement=STATEMENTS[row],
            answer=answer,
            own=float(owns[at]),
            other=float(others[at]),
            random=float(self.threshold_init[at, row]),
            block_p=block_p,
            interval=(float(interval[0]), float(interval[1]))
            if np.isfinite(interval).all()
            else None,
            lowest=float(owns.min()),
            highest=float(owns.max()),
            tried=len(owns),
            differs=int((parts != parts[at]).any(1).sum()),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per descriptor: effect, trend, intervals and p-values."""
        import pandas as pd

        columns: dict[str, Any] = {"descriptor": list(self.descriptors)}
        for name, values in (
            ("delta", self.delta_interval),
            ("delta_kernels", self.delta_interval_kernels),
            ("trend", self.trend_interval),
        ):
            low, high = values[:, 0], values[:, 1]
            if name != "delta_kernels":
                columns[name] = getattr(self, name)
            columns |= {f"{name}_low": low, f"{name}_high": high}
        for name in ("delta_p_kernels", "trend_p_kernels", "block_trend", "block_trend_p"):
            columns[name] = getattr(self, name)
        for i, quantile in enumerate(("q1", "median", "q3")):
            columns[f"init_{quantile}"] = self.init_quartiles[:, i]
        return pd.DataFrame(columns)

    def shares_frame(self) -> pd.DataFrame:
        """Return one row per name and statement: shares in the groups and in random kernels."""
        import pandas as pd

        at = int(np.abs(self.thresholds - STATEMENT_R2).argmin())
        early, late = self.threshold_shares[at].T
        difference = np.concatenate([self.name_interval, self.statement_interval])
        return pd.DataFrame(
            {
                "what": ["name"] * len(self.kernel_names) + ["statement"] * len(STATEMENTS),
                "name": [*self.kernel_names, *STATEMENTS],
                "early": np.concatenate([self.early_names, early]),
                "late": np.concatenate([self.late_names, late]),
                "random_init": np.concatenate([self.init_names, self.threshold_init[at]]),
                "difference": np.concatenate([self.name_difference, self.statement_difference]),
                "difference_low": difference[:, 0],
                "difference_high": difference[:, 1],
            }
        )

    def thresholds_frame(self) -> pd.DataFrame:
        """Return one row per statement and threshold: shares, and p that they exceed chance."""
        import pandas as pd

        threshold, row = (
            axis.ravel()
            for axis in np.meshgrid(self.thresholds, range(len(STATEMENTS)), indexing="ij")
        )
        return pd.DataFrame(
            {
                "statement": np.array(STATEMENTS)[row.astype(int)],
                "threshold": threshold,
                "early": self.threshold_shares[..., 0].ravel(),
                "late": self.threshold_shares[..., 1].ravel(),
                "random_init": self.threshold_init.ravel(),
                "early_p": self.threshold_p[..., 0].ravel(),
                "late_p": self.threshold_p[..., 1].ravel(),
            }
        )

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        shares = self.shares_frame()
        by_block = {"name": self.name_shares, "statement": self.statement_shares}
        tables = {
            what: [
                _plain(row) | {"by_block": by_block[what][:, i].tolist()}
                for i, row in enumerate(
                    shares[shares["what"] == what].drop(columns="what").to_dict("records")
                )
            ]
            for what in by_block
        }
        return {
            "early_blocks": self.early_blocks.tolist(),
            "late_blocks": self.late_blocks.tolist(),
            "blocks": self.blocks.tolist(),
            "finding": self.finding,
            "difference": self.difference,
            "descriptors_tested": len(self.delta),
            "descriptors_apart": list(self.apart),
            "apart_by_chance": self.apart_by_chance,
            "verdicts": [
                vars(v)
                | {"block_p": or_none(v.block_p)}
                | {"robust": v.robust, "sentence": v.sentence, "details": v.details}
                for v in self.verdicts
            ],
            "by_name": {
                group: or_none(share)
                for group, share in zip(("late", "early", "random_init"), self.by_name, strict=True)
            },
            "effects": [_plain(row) for row in self.to_frame().to_dict("records")],
            "names": tables["name"],
            "statements": tables["statement"],
            "thresholds": [_plain(row) for row in self.thresholds_frame().to_dict("records")],
            "confidence": self.confidence,
            "note": self.note,
            "settings": {
                name: or_none(value) if isinstance(value, float) else value
                for name, value in self.source.settings.items()
            },
        }


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Turn a row of a table into what JSON holds."""
    return {
        str(name): value
        if isinstance(value, str)
        else (float(value) if np.isfinite(value) else None)
        for name, value in row.items()
    }
