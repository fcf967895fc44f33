"""A sweep from start to end: plan, shards, result; it can be stopped and taken up again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from viz.core.counting import Progress
from viz.core.refusal import check_place
from viz.images.reading import ImageError
from viz.images.sets import ImageSet
from viz.network.checkpoint import Checkpoint
from viz.sweep.engines import Cluster
from viz.sweep.plan import (
    Listing,
    begin,
    check_finished,
    jobs_of,
    listed,
    plan_of,
    usual_shard_size,
)
from viz.sweep.reading import Decoded
from viz.sweep.result import Sweep, sweep_rows
from viz.sweep.shards import Counted, Job, Outcome, Work, count, count_shard, read_shard
from viz.sweep.tally import Settings, SweepError, Tally
from viz.views.receptive_field.measure import receptive_field
from viz.views.receptive_field.result import SHARES, ReceptiveField

_SKIPPED_KEPT = 1000


def shards_folder(output: str | Path) -> Path:
    """Return the folder in which the shards of a sweep wait until its file is written."""
    path = Path(output)
    return path.with_name(f"{path.name}.shards")


def sweep_folder(
    checkpoint: Checkpoint,
    folder: str | Path,
    output: str | Path,
    *,
    settings: Settings | None = None,
    engine: Cluster | None = None,
    shard_size: int | None = None,
    limit: int | None = None,
    resume: bool = False,
    force: bool = False,
    decoders: int = 2,
    progress: Progress | None = None,
) -> Sweep:
    """Run every image of a folder through a network once and collect numbers of every channel.

    ``progress`` is called with images done and in all, first with those of an earlier run.
    """
    settings = settings or Settings()
    output, shards = Path(output), shards_folder(output)
    check_place(output, force=force or resume)
    listing = listed(Path(folder).absolute(), limit)
    size = shard_size or usual_shard_size(len(listing.names))
    plan = plan_of(checkpoint, settings, listing, size)
    if output.exists() and not force:
        try:
            made = check_finished(output, plan)
        except SweepError:
            # Parts that failed are kept as shards: they are tried again.
            if not shards.exists():
                raise
        else:
            # Killed before its shards were removed, perhaps.
            shutil.rmtree(shards, ignore_errors=True)
            return made
    key = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
    said = settings.to_dict() | {
        "shard_size": size, "limit": limit, "plan": plan,
        "preprocessing": checkpoint.preprocessing.to_dict(),
    }  # fmt: skip
    work = Work(checkpoint.preprocessing, settings, shards.absolute(), key, decoders)
    try:
        begin(shards, plan, resume=resume, force=force)
        jobs = jobs_of(listing, size)
        failed = _count(engine, work, jobs, checkpoint, progress)
        total = _total(work, jobs, checkpoint)
        if not total.tally.n_images:
            _nothing(total, failed)
        found = _field(checkpoint, listing, settings, total)
        made = _assemble(checkpoint, total, listing.class_names, said, found, failed)
        made.save(output)
    except OSError as error:
        output.with_name(output.name + ".part").unlink(missing_ok=True)
        raise SweepError(
            f"{output}: cannot be written: {error.strerror or error}; shards that are finished are "
            "kept: make room and go on with --resume."
        ) from None
    if not failed:
        shutil.rmtree(shards)
    return made


def _count(
    engine: Cluster | None,
    work: Work,
    jobs: Sequence[Job],
    checkpoint: Checkpoint,
    progress: Progress | None,
) -> list[Outcome]:
    """Count the shards that are not there yet; return those that failed."""
    left = [job for job in jobs if read_shard(work, job.shard, checkpoint.config) is None]
    total = sum(len(job.entries) for job in jobs)
    done = total - sum(len(job.entries) for job in left)

    def step(images: int) -> None:
        nonlocal done
        done += images
        if progress is not None:
            progress(done, total)

    step(0)
    if engine is not None and left:
        return [outcome for outcome in engine.run(work, left, step) if outcome.failed]
    for job in left:
        count_shard(checkpoint, work, job, step)
    return []


def sweep_images(
    checkpoint: Checkpoint, images: ImageSet, *, settings: Settings | None = None
) -> Sweep:
    """Collect the same numbers of a few images, in memory."""
    settings = settings or Settings()
    names = images.names

    def decoded() -> Iterator[Decoded]:
        place = {name: i for i, name in enumerate(names)}
        for batch in images.batches(settings.batch_size):
            hashes = images.sha256
            for name, inputs in zip(batch.names, batch.inputs, strict=True):
                yield Decoded(place[name], name, inputs, hashes[name])

    # The paths are not used: the images read themselves.
    job = Job(0, 0, tuple((name, Path(name)) for name in names))
    total = count(checkpoint, settings, job, decoded())
    total.skipped.update(images.skipped)
    found = None
    if settings.field_images:
        found = receptive_field(checkpoint, images, random=False, seed=settings.seed)
    said = settings.to_dict() | {"preprocessing": images.preprocessing.to_dict()}
    return _assemble(checkpoint, total, (), said, found, [])


def _total(work: Work, jobs: Sequence[Job], checkpoint: Checkpoint) -> Counted:
    """Merge the shards in their order, one in memory at a time."""
    total: Counted | None = None
    for job in jobs:
        one = read_shard(work, job.shard, checkpoint.config)
        if total is None:
            total = one
        elif one is not None:
            total.merge(one)
    return total or Counted(Tally(checkpoint.config, Settings(parts=()), classes=False))


def _nothing(total: Counted, failed: Sequence[Outcome]) -> None:
    """Say why there is no result."""
    if failed:
        raise SweepError(f"no shard was finished: {failed[0].failed}.")
    reasons = list(total.skipped.values())
    raise ImageError(f"none of {len(reasons)} images can be read; the first: {reasons[0]}")


def _field(
    checkpoint: Checkpoint, listing: Listing, settings: Settings, total: Counted
) -> ReceptiveField | None:
    """Measure the effective receptive field on images spread over the folder."""
    if not settings.field_images:
        return None
    good = [i for i, name in enumerate(listing.names) if name not in total.skipped]
    chosen = np.linspace(0, len(good) - 1, min(settings.field_images, len(good))).round()
    numbers = [good[int(i)] for i in chosen]
    images = ImageSet(
        [(listing.names[i], listing.path(i)) for i in numbers], checkpoint.preprocessing,
        checkpoint.config.in_channels,
    )  # fmt: skip
    return receptive_field(checkpoint, images, random=False, seed=settings.seed)


def _assemble(
    checkpoint: Checkpoint,
    total: Counted,
    class_names: Sequence[str],
    settings: Mapping[str, Any],
    found: ReceptiveField | None,
    failed: Sequence[Outcome],
) -> Sweep:
    """Turn what was counted into the result."""
    tally, config = total.tally, checkpoint.config
    numbers = tally.result(settings["seed"])
    images = sorted(total.hashes)
    if numbers["top_image"].size:
        top = numbers["top_image"]
        numbers["top_image"] = np.where(top < 0, -1, np.searchsorted(images, top))
    classes = tally.parts.get("classes")
    class_count = np.zeros(len(class_names) if classes is not None else 0, dtype=np.int64)
    if classes is not None:
        class_count[classes.ids] = classes.count
    block, stage = sweep_rows(config.depth)
    nine = SHARES.index(0.9)
    return Sweep(
        source=replace(
            checkpoint.source,
            settings=dict(settings),
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
            images=dict(total.hashes[n] for n in images),
        ),
        block=block,
        stage=stage,
        n_images=tally.n_images,
        image_size=tally.size,
        grid=tally.grid,
        patch_size=config.patch_size,
        kernel_size=config.kernel_size,
        image_names=tuple(total.hashes[n][0] for n in images),
        class_names=tuple(class_names) if classes is not None else (),
        class_count=class_count,
        field_images=0 if found is None else found.n_images,
        field_radius_px=np.zeros(0) if found is None else found.radius_px[:, nine],
        field_interval_px=(
            np.zeros((0, 2)) if found is None else found.radius_interval_px[:, nine]
        ),
        skipped=dict(list(total.skipped.items())[:_SKIPPED_KEPT]),
        n_skipped=len(total.skipped),
        failed=tuple(outcome.failed for outcome in failed),
        n_missing=sum(outcome.images for outcome in failed),
        **numbers,
    )
