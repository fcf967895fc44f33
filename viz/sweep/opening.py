"""What views take from a sweep's file: the sweep of the same checkpoint, and channels by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.sweep.result import Sweep

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

RANKINGS = ("variance", "selectivity", "peak")
"""By what channels can be ranked: the variance of their values; how far their selectivity is above
that of a channel which knows no classes; the largest value in standard deviations above the mean,
which is large for channels that few images drive."""


def check_sweep(sweep: Sweep, checkpoint: Checkpoint) -> None:
    """Refuse a sweep of another checkpoint, or made with another input than the user asks for."""
    if checkpoint.source.sha256 != sweep.source.sha256:
        raise Refusal(
            f"the sweep is of {sweep.source.name}, not of {checkpoint.source.name} (their hashes "
            "differ); give the checkpoint that it was made with."
        )
    mine, swept = checkpoint.preprocessing, as_swept(checkpoint, sweep).preprocessing
    names, told, _ = mine.known.partition(" as told")
    for name in names.split(", ") if told else ():
        field = name.replace(" ", "_")
        if getattr(mine, field) != getattr(swept, field):
            raise Refusal(
                f"the sweep was made with the {name} {getattr(swept, field)}, not "
                f"{getattr(mine, field)}; leave the option out, or sweep anew with it."
            )


def as_swept(checkpoint: Checkpoint, sweep: Sweep) -> Checkpoint:
    """Return a checkpoint with the input that a sweep was made with."""
    how = sweep.source.settings.get("preprocessing")
    if how is None:
        return checkpoint
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in dict(how).items()
    }
    return replace(checkpoint, preprocessing=Preprocessing(**values))


def open_sweep(path: str | Path, checkpoint: Checkpoint) -> Sweep:
    """Read the file of a sweep of a checkpoint."""
    found = Sweep.load(path)
    check_sweep(found, checkpoint)
    return found


def channels_of_sweep(
    sweep: Sweep,
    most: int = 6,
    *,
    by: str = "variance",
    stage: str = "depthwise",
    block: int | None = None,
) -> list[tuple[int, int]]:
    """Return the channels that stand out in a sweep."""
    if stage == "patch embedding":
        block = -1
    if block is not None:
        row = sweep.row(block, stage)
        return [(block, c) for c in _ranked(sweep, row, by)[:most]]
    blocks = np.unique(np.linspace(0, sweep.depth - 1, most).round().astype(int)).tolist()
    first = {b: _ranked(sweep, sweep.row(b, stage), by)[:1] for b in blocks}
    return [(b, c) for b, chosen in first.items() for c in chosen]


def _ranked(sweep: Sweep, row: int, by: str) -> list[int]:
    """Return the channels of a row, the one that stands out most first."""
    score = scores(sweep, row, by)
    order = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
    found: list[int] = order[np.isfinite(score[order])].tolist()
    return found


def scores(sweep: Sweep, row: int, by: str) -> NDArray[np.float64]:
    """Return by how much each channel of a row stands out, (dim,)."""
    if by == "variance":
        spread: NDArray[np.float64] = sweep.variance[row]
        return spread
    if by == "selectivity":
        if not len(sweep.selectivity) or not sweep.class_names:
            raise Refusal(
                "the sweep knows no selectivity; sweep a folder whose subfolders are classes."
            )
        apart: NDArray[np.float64] = sweep.selectivity[row] - sweep.selectivity_null[row]
        return apart
    if by != "peak":
        raise Refusal(f"channels are ranked by {', '.join(RANKINGS)}, not by {by!r}.")
    if not len(sweep.top_value):
        raise Refusal("the sweep kept no top patches; sweep again with the part top.")
    deviation = np.sqrt(sweep.variance[row])
    score = np.full(sweep.dim, np.nan)
    above = sweep.top_value[row, :, 0] - sweep.mean[row]
    np.divide(above, deviation, out=score, where=deviation > 0)
    return score
