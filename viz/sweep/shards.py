"""Shards of a sweep: each counted on its own and written by atomic rename."""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from viz.core.network import Config, Preprocessing
from viz.network.checkpoint import Checkpoint, load
from viz.network.guards import CheckpointWarning
from viz.sweep.reading import Decoded, read_ahead
from viz.sweep.tally import Settings, SweepError, Tally

_FORMAT = "convmixer-viz shard 1"


@dataclass(frozen=True)
class Work:
    """What is the same for every shard; it travels to the workers.

    Parameters
    ----------
    checkpoint : str
        Name, or absolute path.
    options : mapping
        As `viz.load` takes them.
    sha256 : str
        That the checkpoint must have.
    preprocessing : Preprocessing
        How files become network input.
    settings : Settings
        What is collected.
    folder : Path
        Where shards are written.
    plan : str
        Hash of the plan; a shard of another one is not taken.
    threads, decoders : int
        Of torch in every worker (0: as many as torch likes), and for reading images.
    """

    checkpoint: str
    options: Mapping[str, Any]
    sha256: str
    preprocessing: Preprocessing
    settings: Settings
    folder: Path
    plan: str
    threads: int = 0
    decoders: int = 2


@dataclass(frozen=True)
class Job:
    """The images of one shard.

    Parameters
    ----------
    shard : int
        Its number.
    first : int
        Number of its first image.
    entries : tuple
        Name and file of each image.
    classes, outputs : tuple of int
        Of each image: its class, and the output that stands for it or -1; empty without classes.
    """

    shard: int
    first: int
    entries: tuple[tuple[str, Path], ...]
    classes: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    def numbered(self) -> Iterator[tuple[int, str, Path]]:
        """Give number, name and file of each image."""
        for i, (name, path) in enumerate(self.entries):
            yield self.first + i, name, path


@dataclass(frozen=True)
class Outcome:
    """What became of a shard.

    Parameters
    ----------
    shard : int
        Its number.
    images : int
        Images that it holds, broken ones counted.
    skipped : int
        Broken ones.
    failed : str
        A sentence, where the shard is missing.
    kept : bool
        Whether it was finished before this run.
    """

    shard: int
    images: int
    skipped: int = 0
    failed: str = ""
    kept: bool = False


@dataclass
class Counted:
    """A tally with the names and hashes of its top images, and what was skipped."""

    tally: Tally
    hashes: dict[int, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def count(
    checkpoint: Checkpoint,
    settings: Settings,
    job: Job,
    decoded: Iterator[Decoded],
    step: Callable[[int], None] | None = None,
) -> Counted:
    """Run one shard's images through the network."""
    tally = Tally(checkpoint.model, settings, classes=bool(job.classes))
    made = Counted(tally)
    batch: list[Decoded] = []
    names: dict[int, tuple[str, str]] = {}
    since = 0

    def finish() -> None:
        numbers = [one.number for one in batch]
        inputs = torch.stack([one.inputs for one in batch if one.inputs is not None])
        at = [n - job.first for n in numbers]
        tally.update(
            checkpoint.model, inputs, numbers, [one.name for one in batch],
            [job.classes[i] for i in at] if job.classes else [],
            [job.outputs[i] for i in at] if job.outputs else [-1] * len(at),
        )  # fmt: skip
        names.update({one.number: (one.name, one.sha256) for one in batch})
        batch.clear()

    for one in islice(decoded, len(job.entries)):
        since += 1
        if one.reason:
            made.skipped[one.name] = one.reason
            continue
        batch.append(one)
        if len(batch) == settings.batch_size:
            finish()
            if step is not None:
                step(since)
            since = 0
    if batch:
        finish()
    if step is not None and since:
        step(since)
    made.hashes = {n: names[n] for n in _top_images(tally)}
    return made


def _top_images(tally: Tally) -> list[int]:
    if "top" not in tally.parts:
        return []
    images = np.unique(tally.parts["top"].result()["top_image"])
    found: list[int] = images[images >= 0].tolist()
    return found


def shard_path(folder: Path, shard: int) -> Path:
    """Return the file of a shard."""
    return folder / f"shard-{shard:06d}.npz"


def write_atomically(path: Path, write: Callable[[Any], None], what: str, kept: str) -> None:
    """Write a file under another name and rename it when it is whole: never half a file."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
        raise SweepError(f"{path}: {what} cannot be written: {why}; {kept}") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_shard(folder: Path, plan: str, shard: int, counted: Counted) -> None:
    """Write a finished shard."""
    header = json.dumps({
        "format": _FORMAT, "plan": plan, "shard": shard,
        "hashes": {str(n): pair for n, pair in counted.hashes.items()},
        "skipped": counted.skipped,
    })  # fmt: skip
    arrays: dict[str, Any] = counted.tally.state()

    def write(file: Any) -> None:
        np.savez(file, allow_pickle=False, __json__=np.array(header), **arrays)

    write_atomically(
        shard_path(folder, shard), write, f"shard {shard}",
        "shards that are finished are kept: make room and go on with --resume.",
    )  # fmt: skip


def read_shard(folder: Path, plan: str, shard: int, config: Config) -> Counted | None:
    """Read a finished shard back."""
    try:
        with (
            shard_path(folder, shard).open("rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            header = json.loads(str(file["__json__"]))
            if (header["format"], header["plan"], header["shard"]) != (_FORMAT, plan, shard):
                return None
            state = {name: file[name] for name in file.files if name != "__json__"}
        hashes = {int(n): (str(a), str(b)) for n, (a, b) in header["hashes"].items()}
        return Counted(Tally.restore(state, config), hashes, dict(header["skipped"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


@lru_cache(maxsize=2)
def _loaded(checkpoint: str, options: tuple[tuple[str, Any], ...], sha256: str) -> Checkpoint:
    """Load a checkpoint once per process; what is to be said of it was said where it began."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckpointWarning)
        found = load(checkpoint, **dict(options))
    if found.source.sha256 != sha256:
        raise SweepError(f"{checkpoint}: changed since the sweep began; start it anew.")
    return found


def run_job(work: Work, job: Job) -> Outcome:
    """Count one shard and write it; what a worker process does."""
    if work.threads:
        torch.set_num_threads(work.threads)
    options = tuple(sorted(work.options.items()))
    checkpoint = _loaded(work.checkpoint, options, work.sha256)
    in_channels = checkpoint.config.in_channels
    decoded = read_ahead(
        job.numbered(), work.preprocessing, in_channels, threads=work.decoders,
        ahead=2 * work.settings.batch_size,
    )  # fmt: skip
    counted = count(checkpoint, work.settings, job, decoded)
    write_shard(work.folder, work.plan, job.shard, counted)
    return Outcome(job.shard, len(job.entries), len(counted.skipped))
