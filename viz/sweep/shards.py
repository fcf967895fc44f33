"""Shards of a sweep: each counted on its own and written by atomic rename."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from viz.core.network import Config, Preprocessing
from viz.network.checkpoint import Checkpoint
from viz.sweep.reading import Decoded, read_ahead
from viz.sweep.tally import Settings, Tally

_FORMAT = "convmixer-viz shard 2"
Step = Callable[[int], None]
"""Is told how many more images are done."""


@dataclass(frozen=True)
class Work:
    """What is the same for every shard; it travels to the workers."""

    preprocessing: Preprocessing
    settings: Settings
    folder: Path  # where shards are written
    plan: str  # hash of the plan: a shard of another one is not taken
    decoders: int = 2  # threads that read images


@dataclass(frozen=True)
class Job:
    """The images of one shard: names and files, and of each its class."""

    shard: int
    first: int  # number of its first image
    entries: tuple[tuple[str, Path], ...]
    classes: tuple[int, ...] = ()  # none without classes


@dataclass(frozen=True)
class Outcome:
    """What became of a shard: how many images it holds, and why it is missing where it is."""

    shard: int
    images: int
    failed: str = ""


@dataclass
class Counted:
    """A tally with the names and hashes of its top images, and what was skipped."""

    tally: Tally
    hashes: dict[int, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def merge(self, other: Counted) -> None:
        """Add what was counted of other images."""
        self.tally.merge(other.tally)
        self.hashes |= other.hashes
        self.skipped |= other.skipped
        self.keep_top()

    def keep_top(self) -> None:
        """Forget images that are in no list of top patches."""
        top = self.tally.parts.get("top")
        kept = set() if top is None else set(np.unique(top.result()["top_image"]).tolist())
        self.hashes = {number: pair for number, pair in self.hashes.items() if number in kept}


def count(
    checkpoint: Checkpoint,
    settings: Settings,
    job: Job,
    decoded: Iterable[Decoded],
    step: Step | None = None,
) -> Counted:
    """Run one shard's images through the network."""
    made = Counted(Tally(checkpoint.config, settings, classes=bool(job.classes)))
    batch: list[Decoded] = []

    def finish() -> None:
        numbers = [job.first + one.place for one in batch]
        made.tally.update(
            checkpoint.model, torch.stack([one.inputs for one in batch if one.inputs is not None]),
            numbers, [one.name for one in batch],
            [job.classes[one.place] for one in batch] if job.classes else [],
        )  # fmt: skip
        made.hashes |= {n: (one.name, one.sha256) for n, one in zip(numbers, batch, strict=True)}
        batch.clear()

    for one in decoded:
        if one.reason:
            made.skipped[one.name] = one.reason
        else:
            batch.append(one)
        if len(batch) == settings.batch_size:
            finish()
        if step is not None:
            step(1)
    if batch:
        finish()
    made.keep_top()
    return made


def count_shard(checkpoint: Checkpoint, work: Work, job: Job, step: Step | None = None) -> Outcome:
    """Count one shard and write it."""
    decoded = read_ahead(
        job.entries, work.preprocessing, checkpoint.config.in_channels,
        threads=work.decoders, ahead=2 * work.settings.batch_size,
    )  # fmt: skip
    counted = count(checkpoint, work.settings, job, decoded, step)
    write_shard(work, job.shard, counted)
    return Outcome(job.shard, len(job.entries))


def _path(folder: Path, shard: int) -> Path:
    return folder / f"shard-{shard:06d}.npz"


def write_shard(work: Work, shard: int, counted: Counted) -> None:
    """Write a finished shard under another name, and rename it when it is whole."""
    header = json.dumps({
        "format": _FORMAT, "plan": work.plan, "hashes": counted.hashes, "skipped": counted.skipped,
    })  # fmt: skip
    path = _path(work.folder, shard)
    # Two workers may write the same shard, where one of them is thought dead.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, __json__=np.array(header), **counted.tally.state())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_shard(work: Work, shard: int, config: Config) -> Counted | None:
    """Read a finished shard back; None where there is none, or it is damaged or of another plan."""
    try:
        with (
            _path(work.folder, shard).open("rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            header = json.loads(str(file["__json__"]))
            if (header["format"], header["plan"]) != (_FORMAT, work.plan):
                return None
            state = {name: file[name] for name in file.files if name != "__json__"}
        hashes = {int(n): (str(a), str(b)) for n, (a, b) in header["hashes"].items()}
        return Counted(Tally.restore(state, config), hashes, dict(header["skipped"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None
