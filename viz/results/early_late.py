"""How early and late blocks' kernels differ, and whether what has been said of them holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from viz.results.base import Result, or_none
from viz.results.depthwise import descriptor_words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EARLY_STATEMENT", "FEW_BLOCKS", "LATE_STATEMENT", "STATEMENTS", "EarlyLate", "Verdict"]

STATEMENTS = (
    "positive centre, negative rest",
    "half positive, half negative",
    "positive inside, negative around",
    "halves, or positive inside and negative around",
)
"""Rows of every ``statement_...`` field; the last is the second or the third."""
EARLY_STATEMENT, LATE_STATEMENT = 0, 3
"""Rows that hold what is said of early kernels, and of late ones."""
FEW_BLOCKS = 5
"""With fewer blocks in a group, intervals over blocks rest on too little to say much."""


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
        ``"holds"``: true of most kernels of the group, of more than in any randomly initialised
        network, and of more than in the other group, with an interval that leaves out 0.
        ``"holds for a minority"``: the last two only. ``"undecided"``: more than in random
        networks and than in the other group, but the interval holds 0 or there is none. ``"not
        specific"``: more than in random networks, no more than in the other group. ``"does not
        hold"``: no more than in random networks.
    robust : bool
        Whether the answer's parts stay the same at every threshold tried.
    truth, thresholds : str
        The shares that the answer is of, and how they change with the thresholds, in sentences.
    random_range : tuple of float
        Smallest and largest share among randomly initialised networks.
    difference : float
        Share of the group minus that of the other.
    interval : tuple of float or None
        Of that difference, over blocks; None where there is none.
    tried, differs : int
        Choices of thresholds, and those at which a part of the answer is another.
    """

    group: str
    statement: str
    answer: str
    robust: bool
    truth: str
    thresholds: str
    random_range: tuple[float, float]
    difference: float
    interval: tuple[float, float] | None
    tried: int
    differs: int

    @property
    def short(self) -> str:
        """The answer alone, in a sentence."""
        return f"{self.group.capitalize()} kernels, {self.statement}: {self.answer}."

    @property
    def shares(self) -> str:
        """The answer and the shares it is of."""
        return f"{self.short} {self.truth}"

    @property
    def sentence(self) -> str:
        """The answer with all it rests on."""
        return f"{self.shares} {self.thresholds}"

    @property
    def details(self) -> str:
        """What the answer rests on, to be read by itself."""
        truth = f"{self.truth[:1].lower()}{self.truth[1:]}"
        return f"{self.statement.capitalize()}: {truth} {self.thresholds}"


@dataclass(frozen=True, eq=False, kw_only=True)
class EarlyLate(Result):
    """Early against late blocks: descriptors, labels and two statements, with intervals.

    D descriptors, B blocks, E early and L late ones, N labels, four statements. Intervals are
    (low, high) from a bootstrap over blocks and, within them, kernels; those called
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
    labels : tuple of str
        The N labels.
    label_shares : ndarray, (B, N)
        By block.
    early_labels, late_labels, init_labels : ndarray, (N,)
        Shares in the groups, and of randomly initialised kernels.
    label_difference, label_interval : ndarray, (N,), (N, 2)
        Late minus early; nan where no kernel of either group has the label.
    statement_shares : ndarray, (B, 4)
        Share of kernels of which each of `STATEMENTS` is true, by block, at the thresholds named
        in the settings.
    early_statements, late_statements : ndarray, (4,)
        In the groups.
    init_statements : ndarray, (R, 4)
        In R randomly initialised networks, as many kernels as the larger group has.
    statement_difference, statement_interval : ndarray, (4,), (4, 2)
        Late minus early.
    rest_thresholds : ndarray, (a,)
        Shares of negative taps tried for the early statement.
    rest_shares, rest_init : ndarray, (a, 2), (a, R)
        Its share among early and late kernels, and in the random networks.
    odd_thresholds, radii : ndarray, (b,), (c,)
        Odd energies and inner radii (in taps) tried for the late statement.
    ring_shares, ring_init : ndarray, (b, c, 2), (b, c, R)
        As for the early statement.
    kernels : ndarray of float32, (m, k, k)
        Kernels of both groups to look at: all, or a random choice of each group.
    kernel_label : ndarray of str, (m,)
        Their labels.
    kernel_block, kernel_channel : ndarray of int64, (m,)
        Where they stand.
    kernel_late : ndarray of bool, (m,)
        Which are of the late group; early ones come first, each group ordered by label, then by
        the fit's R^2, best first.
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
    labels: tuple[str, ...]
    label_shares: NDArray[np.float64]
    early_labels: NDArray[np.float64]
    late_labels: NDArray[np.float64]
    init_labels: NDArray[np.float64]
    label_difference: NDArray[np.float64]
    label_interval: NDArray[np.float64]
    statement_shares: NDArray[np.float64]
    early_statements: NDArray[np.float64]
    late_statements: NDArray[np.float64]
    init_statements: NDArray[np.float64]
    statement_difference: NDArray[np.float64]
    statement_interval: NDArray[np.float64]
    rest_thresholds: NDArray[np.float64]
    rest_shares: NDArray[np.float64]
    rest_init: NDArray[np.float64]
    odd_thresholds: NDArray[np.float64]
    radii: NDArray[np.float64]
    ring_shares: NDArray[np.float64]
    ring_init: NDArray[np.float64]
    kernels: NDArray[np.float32]
    kernel_label: NDArray[np.str_]
    kernel_block: NDArray[np.int64]
    kernel_channel: NDArray[np.int64]
    kernel_late: NDArray[np.bool_]

    @property
    def few_blocks(self) -> bool:
        """Whether a group has so few blocks that its intervals rest on little."""
        return min(len(self.early_blocks), len(self.late_blocks)) < FEW_BLOCKS

    @property
    def note(self) -> str:
        """What the intervals rest on, in a sentence."""
        early, late = len(self.early_blocks), len(self.late_blocks)
        if min(early, late) < 2:
            return (
                "A group of one block has no interval over blocks: nothing tells the group from "
                "its block."
            )
        text = f"Intervals rest on {early} early and {late} late blocks of one network"
        return text + (": too few to say much." if self.few_blocks else ".")

    @property
    def difference(self) -> str:
        """Whether early and late kernels differ at all, in a sentence."""
        largest = int(np.abs(np.nan_to_num(self.delta)).argmax())
        low, high = self.delta_interval[largest]
        text = f"{descriptor_words(self.descriptors[largest])} (Cliff's delta of late against early"
        if not np.isfinite(self.delta_interval).any():
            return (
                f"Early and late kernels differ most in {text} {self.delta[largest]:+.2f}, "
                "without an interval over blocks)."
            )
        with np.errstate(invalid="ignore"):
            clear = int((self.delta_interval.prod(1) > 0).sum())
        return (
            f"Of {len(self.delta)} descriptors {clear} differ between early and late kernels with "
            f"an interval over blocks that leaves out 0, each tested by itself; the largest "
            f"difference is in {text} {self.delta[largest]:+.2f}, {low:+.2f} to {high:+.2f})."
        )

    @property
    def verdicts(self) -> tuple[Verdict, Verdict]:
        """The answers to the two statements, the early one first."""
        return self._verdict(False), self._verdict(True)

    def _verdict(self, late: bool) -> Verdict:
        row = LATE_STATEMENT if late else EARLY_STATEMENT
        groups = (self.early_statements[row], self.late_statements[row])
        own, other = groups[::-1] if late else groups
        chance = self.init_statements[:, row]
        tried = self.ring_shares if late else self.rest_shares
        tried = tried.reshape(-1, 2)
        owns, others = (tried[:, 1], tried[:, 0]) if late else (tried[:, 0], tried[:, 1])
        highest = (self.ring_init if late else self.rest_init).max(-1).ravel()
        interval = self.statement_interval[row] * (1 if late else -1)
        clear = bool(interval.min() > 0)
        most, chancy = own > 0.5, own <= chance.max()
        answer = "undecided" if own > other else "not specific"
        if clear:
            answer = "holds" if most else "holds for a minority"
        if chancy:
            answer = "does not hold"
        # The parts that can be told at each threshold without a bootstrap of its own.
        same = (owns > 0.5) == most
        same &= (owns <= highest) == chancy
        same &= (owns > others) == (own > other)
        name = "late" if late else "early"
        truth = _truth(name, (own, other, chance), interval)
        thresholds = _thresholds(name, owns, same)
        if late:
            thresholds += " " + self._parts()
        return Verdict(
            name, STATEMENTS[row], answer, bool(same.all()), truth, thresholds,
            (float(chance.min()), float(chance.max())), float(own - other),
            (float(interval.min()), float(interval.max())) if np.isfinite(interval).all() else None,
            len(same), int((~same).sum()),
        )  # fmt: skip

    def _parts(self) -> str:
        """Say how many kernels each half of the late statement is true of."""
        chance = self.init_statements.mean(0)
        said = "; ".join(
            f"{STATEMENTS[i]}: {_percent(self.late_statements[i])} of late, "
            f"{_percent(self.early_statements[i])} of early, {_percent(chance[i])} of random ones"
            for i in (1, 2)
        )
        return f"Its two parts: {said}."

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
        """Return one row per label and statement: shares in the groups and in random networks."""
        import pandas as pd

        what = ["label"] * len(self.labels) + ["statement"] * len(STATEMENTS)
        difference = np.concatenate([self.label_interval, self.statement_interval])
        return pd.DataFrame(
            {
                "what": what,
                "name": [*self.labels, *STATEMENTS],
                "early": np.concatenate([self.early_labels, self.early_statements]),
                "late": np.concatenate([self.late_labels, self.late_statements]),
                "random_init": np.concatenate([self.init_labels, self.init_statements.mean(0)]),
                "difference": np.concatenate([self.label_difference, self.statement_difference]),
                "difference_low": difference[:, 0],
                "difference_high": difference[:, 1],
            }
        )

    def thresholds_frame(self) -> pd.DataFrame:
        """Return one row per statement and threshold tried; what does not apply is nan."""
        import pandas as pd

        rest = pd.DataFrame(
            {
                "statement": STATEMENTS[EARLY_STATEMENT],
                "negative_rest": self.rest_thresholds,
                "odd_energy": np.nan,
                "inside_radius": np.nan,
                "early": self.rest_shares[:, 0],
                "late": self.rest_shares[:, 1],
                "random_init": self.rest_init.mean(-1),
            }
        )
        odd, radius = np.meshgrid(self.odd_thresholds, self.radii, indexing="ij")
        ring = pd.DataFrame(
            {
                "statement": STATEMENTS[LATE_STATEMENT],
                "negative_rest": np.nan,
                "odd_energy": odd.ravel(),
                "inside_radius": radius.ravel(),
                "early": self.ring_shares[..., 0].ravel(),
                "late": self.ring_shares[..., 1].ravel(),
                "random_init": self.ring_init.mean(-1).ravel(),
            }
        )
        return pd.concat([rest, ring], ignore_index=True)

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; what is undefined is None.

        Returns
        -------
        dict
            ``early_blocks``, ``late_blocks``, ``difference`` (a sentence; how many descriptors were
            tested, and differ), ``verdicts`` (group, statement, answer, robust, sentence),
            ``effects`` (the rows of `to_frame`), ``labels`` and ``statements`` (shares by group,
            random-init, difference and its interval, and by block), ``thresholds``
            (what was tried), ``note`` and ``settings``.
        """
        shares = self.shares_frame()
        by_block = {"label": self.label_shares, "statement": self.statement_shares}
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
            "difference": self.difference,
            "descriptors_tested": len(self.delta),
            "descriptors_that_differ": int((self.delta_interval.prod(1) > 0).sum()),
            "verdicts": [vars(v) | {"sentence": v.sentence} for v in self.verdicts],
            "effects": [_plain(row) for row in self.to_frame().to_dict("records")],
            "labels": tables["label"],
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


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _truth(
    group: str, shares: tuple[float, float, NDArray[np.float64]], interval: NDArray[np.float64]
) -> str:
    """Say of how many kernels a statement is true: of the group, elsewhere, and by chance."""
    own, other, chance = shares
    rest = "early" if group == "late" else "late"
    low, high = np.sort(interval)
    gap = (
        f"difference {100 * (own - other):+.1f} points, interval over blocks {100 * low:+.1f} to "
        f"{100 * high:+.1f}"
        if np.isfinite(low)
        else f"difference {100 * (own - other):+.1f} points, without an interval"
    )
    return (
        f"True of {_percent(own)} of {group} and {_percent(other)} of {rest} kernels ({gap}), and "
        f"of {_percent(float(chance.mean()))} in randomly initialised networks "
        f"({_percent(float(chance.min()))} to {_percent(float(chance.max()))} over {len(chance)} "
        "of them)."
    )


def _thresholds(group: str, owns: NDArray[np.float64], same: NDArray[np.bool_]) -> str:
    """Say what other thresholds would change."""
    text = (
        f"Over {len(owns)} choices of thresholds the {group} share runs from "
        f"{_percent(float(owns.min()))} to {_percent(float(owns.max()))}; "
    )
    if same.all():
        return text + (
            "at each the answer is the same: whether it is true of most, of more than at random, "
            "of more than elsewhere."
        )
    return text + (
        f"at {int((~same).sum())} of them the answer would change (whether it is true of "
        "most, of more than at random, or of more than elsewhere)."
    )
