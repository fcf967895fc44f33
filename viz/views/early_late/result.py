"""How early and late blocks' kernels differ, and whether what has been said of them holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.core.result import Result, or_none, records
from viz.views.kernels.result import STATEMENT_R2, UNNAMED, descriptor_words
from viz.views.wording import blocks_words, listed, percent, plural, probability

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STATEMENTS = (
    "a positive centre in a negative surround",
    "two halves of opposite sign",
    "a ring",
    "two halves of opposite sign or a ring",
)
"""Rows of every ``statement_...`` field, as in `viz.views.kernels.result.STATEMENTS`."""
EARLY_STATEMENT, LATE_STATEMENT = 0, 3
"""Rows that hold what is said of early kernels, and of late ones."""
EARLY_NAMES, LATE_NAMES = ("on-centre",), ("edge", "bar", "ring")
"""Names of kernels that look as early, and as late ones are said to, halves, bars and rings."""
_APART = 0.05
"""Difference of shares from which a name is said to be commoner."""
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
        ``"holds"``, ``"holds for a minority"``, ``"undecided"``, ``"not specific"`` or ``"does not
        hold"``, as ``method.md`` beside this file defines them.
    own, other, random : float
        Shares of the group's, the other group's and randomly initialised kernels of which it is
        true.
    block_p : float
        How often blocks in random order would differ by as much; nan for a group of one block.
    robust : bool
        Whether it is true of most, of more than at random and of more than in the other group, or
        not, at every threshold tried alike.
    least_p : float
        The smallest p that so many blocks can give.
    turns : float
        A threshold at which the other group would not have as many, where it has; else nan.
    """

    group: str
    statement: str
    answer: str
    own: float
    other: float
    random: float
    block_p: float
    robust: bool
    least_p: float
    turns: float

    @property
    def sentence(self) -> str:
        """The number, what it is compared with, and what follows."""
        own, rest = ("early", "late") if self.group == "early" else ("late", "early")
        what = self.statement
        more = f"{own} kernels show {what} more often than {rest} ones"
        claim = {
            "holds": more,
            "holds for a minority": f"{more}, though fewer than half of them do",
            "undecided": f"it is undecided whether more {own} than {rest} kernels show {what}",
            "not specific": f"{own} kernels do not show {what} more often than {rest} ones",
            "does not hold": f"{own} kernels show {what} no more often than by chance",
        }[self.answer]
        it = "one of these" if " or " in what else "it"
        return (
            f"{claim[0].upper()}{claim[1:]}: {it} explains at least half of the energy of "
            f"{percent(self.own)} of the {own}, {percent(self.other)} of the {rest} and "
            f"{percent(self.random)} of the randomly initialised ones{self._so}."
        )

    @property
    def _so(self) -> str:
        """What the tests make of the shares, as the end of a sentence."""
        if self.answer in ("does not hold", "not specific"):
            turns = self.answer == "not specific" and self.turns > 0
            return f" (they do where {100 * self.turns:.0f} % is enough)" * turns
        if not np.isfinite(self.block_p):
            return "; a group of one block cannot be tested"
        least = ", the smallest that so few blocks can give" * (self.block_p < self.least_p + 1e-9)
        unsure = ", but blocks in random order may differ as much" * (self.answer == "undecided")
        return f"{unsure} (permutation test over blocks: p = {self.block_p:.2g}{least})"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class EarlyLate(Result):
    """Early against late blocks: descriptors, names and two statements.

    D descriptors, B blocks, E early and L late ones, N names, four statements, T thresholds.

    Parameters
    ----------
    early_blocks, late_blocks : ndarray of int64, (E,), (L,)
        0-based.
    blocks : ndarray of int64, (B,)
        All blocks described; trends are over all.
    descriptors : tuple of str
        Names of the D descriptors.
    quartiles, init_quartiles : ndarray, (D, B, 3), (D, 3)
        Of each descriptor in each block, and of randomly initialised kernels.
    delta, delta_interval : ndarray, (D,), (D, 2)
        Cliff's delta, P(late > early) - P(late < early), and a 95 % interval over blocks; nan for a
        group of one block.
    delta_pairs : ndarray, (D, E, L)
        Cliff's delta of each early block against each late one.
    block_trend, block_trend_p : ndarray, (D,)
        Spearman's correlation of the blocks' medians with depth, and the share of orders of the
        blocks whose correlation is at least as strong; nan for fewer than three blocks.
    kernel_names : tuple of str
        The N names, ``"unnamed"`` among them.
    name_shares, init_names : ndarray, (B, N), (N,)
        Share of each name by block, and among randomly initialised kernels.
    statement_shares : ndarray, (B, 4)
        Share of kernels of which each of `STATEMENTS` is true, by block: one such picture
        explains at least `viz.views.kernels.result.STATEMENT_R2` of the energy.
    statement_block_p : ndarray, (4, 2)
        One-sided p of a permutation test over blocks: that early ones have more, that late ones
        have; nan for a group of one block.
    thresholds : ndarray, (T,)
        Shares of the energy tried, `STATEMENT_R2` among them.
    threshold_shares, threshold_init : ndarray, (T, 4, 2), (T, 4)
        Share of early and of late kernels, and of randomly initialised ones, of which each
        statement is true.
    threshold_p : ndarray, (T, 4, 2)
        Fisher's exact p, one-sided over kernels, that the group's share is above the latter.
    kernels : ndarray of float32, (m, k, k)
        Kernels of both groups to look at, early ones first: all, or a random choice of each group.
    kernel_name, kernel_block, kernel_late : ndarray of str, int64 and bool, (m,)
        Their names, where they stand, and which are of the late group.
    """

    kind: ClassVar[str] = "early and late"
    early_blocks: Ints
    late_blocks: Ints
    blocks: Ints
    descriptors: tuple[str, ...]
    quartiles: Floats
    init_quartiles: Floats
    delta: Floats
    delta_interval: Floats
    delta_pairs: Floats
    block_trend: Floats
    block_trend_p: Floats
    kernel_names: tuple[str, ...]
    name_shares: Floats
    init_names: Floats
    statement_shares: Floats
    statement_block_p: Floats
    thresholds: Floats
    threshold_shares: Floats
    threshold_init: Floats
    threshold_p: Floats
    kernels: NDArray[np.float32]
    kernel_name: NDArray[np.str_]
    kernel_block: Ints
    kernel_late: NDArray[np.bool_]

    def side(self, late: bool) -> NDArray[np.bool_]:
        """Return which of `blocks` are late, or early ones, (B,)."""
        return np.isin(self.blocks, self.late_blocks if late else self.early_blocks)

    @property
    def early_names(self) -> Floats:
        """Share of each name among early kernels, (N,)."""
        return np.asarray(self.name_shares[self.side(False)].mean(0), np.float64)

    @property
    def late_names(self) -> Floats:
        """Share of each name among late kernels, (N,)."""
        return np.asarray(self.name_shares[self.side(True)].mean(0), np.float64)

    @property
    def at(self) -> int:
        """Place of `STATEMENT_R2` among the thresholds."""
        return int(np.abs(self.thresholds - STATEMENT_R2).argmin())

    @property
    def note(self) -> str:
        """What the intervals estimate, and what blocks themselves show."""
        if min(len(self.early_blocks), len(self.late_blocks)) < 2:
            return "A group of one block has no interval over blocks: the two cannot be told apart."
        return (
            "An interval says how far off delta could be if these blocks were a few of many like "
            f"them. {self.difference}"
        )

    @property
    def apart(self) -> tuple[str, ...]:
        """Descriptors whose medians in the late blocks all lie above, or all below, the early."""
        early, late = (self.quartiles[:, self.side(late), 1] for late in (False, True))
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
        names = ", ".join(descriptor_words(name) for name in self.apart)
        return (
            f"In {len(self.apart)} of {len(self.descriptors)} descriptors every late block's "
            f"median lies on the same side of every early block's{f' ({names})' * bool(names)}; "
            f"blocks in random order do so with a probability of "
            f"{probability(self.apart_by_chance)} in each."
        )

    @property
    def by_name(self) -> str:
        """What late and early kernels are called more often than each other, in a sentence."""
        late, early = self.late_names, self.early_names
        said = []
        for group, own, other, blocks in (
            ("late", late, early, self.late_blocks),
            ("early", early, late, self.early_blocks),
        ):
            more = [
                f"{plural(self.kernel_names[i])} ({percent(own[i])} against {percent(other[i])})"
                for i in np.argsort(other - own, kind="stable")
                if own[i] - other[i] >= _APART and i != self._unnamed
            ][:3]
            where = blocks_words(blocks.tolist())
            said += [f"{group} kernels ({where}) are more often {listed(more)}"] * bool(more)
        if not said:
            said = [f"no shape differs by {100 * _APART:.0f} points between early and late kernels"]
        random = 1 - float(self.init_names[self._unnamed])
        if np.isfinite(random):
            said.append(f"of randomly initialised ones {percent(random)} have a name")
        text = "; ".join(said)
        return f"{text[0].upper()}{text[1:]}."

    @property
    def _unnamed(self) -> int:
        return self.kernel_names.index(UNNAMED)

    def sentence(self) -> str:
        """What the eye sees, and the answer to both statements, in three sentences."""
        return " ".join([self.by_name, *(v.sentence for v in self.verdicts)])

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """The answers to the two statements, the early one first."""
        return self._verdict(False), self._verdict(True)

    def _verdict(self, late: bool) -> Verdict:
        row = LATE_STATEMENT if late else EARLY_STATEMENT
        owns, others = (self.threshold_shares[:, row, i] for i in (int(late), int(not late)))
        block_p = float(self.statement_block_p[row, int(late)])
        # The parts that can be told at each threshold without a permutation test of its own.
        parts = np.stack(
            [owns > 0.5, self.threshold_p[:, row, int(late)] < _CHANCE_P, owns > others], 1
        )
        most, above, more = parts[self.at]
        answer = "undecided" if more else "not specific"
        if more and block_p <= _BLOCK_P:
            answer = "holds" if most else "holds for a minority"
        return Verdict(
            group="late" if late else "early",
            statement=STATEMENTS[row],
            answer=answer if above else "does not hold",
            own=float(owns[self.at]),
            other=float(others[self.at]),
            random=float(self.threshold_init[self.at, row]),
            block_p=block_p,
            robust=bool((parts == parts[self.at]).all()),
            least_p=self.apart_by_chance / 2,
            turns=float(min(self.thresholds[parts[:, 2] & ~more], default=np.nan)),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per descriptor: effect with its interval, trend, random initialisation."""
        import pandas as pd

        low, high = self.delta_interval.T
        q1, median, q3 = self.init_quartiles.T
        return pd.DataFrame(
            {
                "descriptor": list(self.descriptors),
                "delta": self.delta,
                "delta_low": low,
                "delta_high": high,
                "block_trend": self.block_trend,
                "block_trend_p": self.block_trend_p,
                "init_q1": q1,
                "init_median": median,
                "init_q3": q3,
            }
        )

    def shares_frame(self) -> pd.DataFrame:
        """Return one row per name and statement: shares in the groups and in random kernels."""
        import pandas as pd

        early, late = self.threshold_shares[self.at].T
        return pd.DataFrame(
            {
                "name": [*self.kernel_names, *STATEMENTS],
                "early": np.concatenate([self.early_names, early]),
                "late": np.concatenate([self.late_names, late]),
                "random_init": np.concatenate([self.init_names, self.threshold_init[self.at]]),
                "by_block": np.concatenate([self.name_shares.T, self.statement_shares.T]).tolist(),
            }
        )

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None."""
        shares, n = self.shares_frame(), len(self.kernel_names)
        return {
            "early_blocks": self.early_blocks.tolist(),
            "late_blocks": self.late_blocks.tolist(),
            "blocks": self.blocks.tolist(),
            "finding": self.sentence(),
            "descriptors_apart": list(self.apart),
            "apart_by_chance": self.apart_by_chance,
            "verdicts": [
                {name: or_none(x) if isinstance(x, float) else x for name, x in vars(v).items()}
                | {"sentence": v.sentence}
                for v in self.verdicts
            ],
            "effects": records(self.to_frame()),
            "names": records(shares[:n]),
            "statements": records(shares[n:]),
            "note": self.note,
            "settings": dict(self.source.settings),
        }
