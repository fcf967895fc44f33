"""The plan of a sweep: which images, in which shards; what must be the same to take it up again."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.images.reading import find_images
from viz.images.sets import spread
from viz.network.checkpoint import Checkpoint
from viz.sweep.result import Sweep
from viz.sweep.shards import Job
from viz.sweep.tally import Settings, SweepError

PLAN = "plan.json"
_SMALLEST_SHARD, _MOST_SHARDS = 64, 64
_WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Listing:
    """Images of a folder, sorted by name, so that a number stands for a name in every tie."""

    folder: Path
    names: tuple[str, ...]
    class_names: tuple[str, ...]  # folders, where every image is in one and there are two or more
    classes: tuple[int, ...]  # one per image; empty without classes
    fingerprint: str  # hash of names, sizes and times of change

    def path(self, number: int) -> Path:
        """Return the file of an image."""
        return self.folder if self.folder.is_file() else self.folder / self.names[number]


def listed(folder: str | Path, limit: int | None = None) -> Listing:
    """List a folder's images."""
    root = Path(folder)
    paths = {
        path.name if path == root else path.relative_to(root).as_posix(): path
        for path in find_images(root)
    }
    names = spread(sorted(paths), limit)
    digest = hashlib.sha256()
    for name in names:
        status = paths[name].stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(
            "utf-8", "surrogateescape"))  # fmt: skip
    class_names, classes = classes_of(names)
    return Listing(root, tuple(names), class_names, classes, digest.hexdigest())


def classes_of(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the folders of images and each image's; none unless all are in one of two or more."""
    folders = [name.rpartition("/")[0] for name in names]
    class_names = tuple(sorted(set(folders)))
    if "" in class_names or len(class_names) < 2:
        return (), ()
    numbers = {name: i for i, name in enumerate(class_names)}
    return class_names, tuple(numbers[name] for name in folders)


def usual_shard_size(n: int) -> int:
    """Return how many of n images a shard has where nothing was said."""
    return max(_SMALLEST_SHARD, -(-n // _MOST_SHARDS))


def jobs_of(listing: Listing, shard_size: int) -> list[Job]:
    """Cut a listing into shards."""
    made = []
    for shard, first in enumerate(range(0, len(listing.names), shard_size)):
        numbers = range(first, min(first + shard_size, len(listing.names)))
        classes = tuple(listing.classes[i] for i in numbers) if listing.classes else ()
        entries = tuple((listing.names[i], listing.path(i)) for i in numbers)
        made.append(Job(shard, first, entries, classes))
    return made


def output_of_classes(
    class_names: Sequence[str], checkpoint: Checkpoint
) -> tuple[tuple[int, ...], str]:
    """Find the network's output for each class folder."""
    short = [name.rpartition("/")[2] for name in class_names]
    places = {name: i for i, name in enumerate(checkpoint.classes)}
    found = tuple(places.get(name, -1) for name in short)
    if any(place >= 0 for place in found) and len(set(short)) == len(short):
        return found, "folders are named as the network's outputs"
    same = len(class_names) == checkpoint.config.n_classes
    if same and (not checkpoint.classes or all(_WNID.fullmatch(name) for name in short)):
        return tuple(range(len(class_names))), "as many folders as outputs: taken in their order"
    return (-1,) * len(class_names), "no folder is named as an output of the network"


def plan_of(
    checkpoint: Checkpoint, settings: Settings, listing: Listing, shard_size: int
) -> dict[str, Any]:
    """Return what must be the same for a sweep to be taken up again, as JSON has it."""
    plan = {
        "checkpoint": checkpoint.source.sha256,
        "network": checkpoint.config.to_dict(),
        "preprocessing": checkpoint.preprocessing.to_dict(),
        "settings": settings.to_dict(),
        "shard size": shard_size,
        "images": {"number": len(listing.names), "hash": listing.fingerprint},
    }
    # As JSON has it, so that it compares equal when it is read back.
    plain: dict[str, Any] = json.loads(json.dumps(plan))
    return plain


def begin(shards: Path, plan: dict[str, Any], *, resume: bool, force: bool) -> None:
    """Make the folder of the shards, or check that those in it are of the same sweep."""
    old = _read_plan(shards)
    if old is not None and resume:
        said = _difference(old, plan)
        if said:
            raise SweepError(
                f"{shards}: {said}; go on with what it was begun with, or start anew with --force."
            )
        return
    if old is not None and not force:
        raise SweepError(
            f"{shards} holds an unfinished sweep; go on with --resume, or start anew with --force."
        )
    if shards.exists():
        if old is None and any(path.suffix != ".part" for path in shards.iterdir()):
            raise SweepError(f"{shards} exists and is not of a sweep; move it away.")
        shutil.rmtree(shards)
    shards.mkdir()
    part = shards / f"{PLAN}.part"
    part.write_text(json.dumps(plan, indent=1), encoding="utf-8")
    part.replace(shards / PLAN)


def check_finished(path: Path, plan: dict[str, Any]) -> Sweep:
    """Return the sweep that a file holds, if it is the one that is planned."""
    found = Sweep.load(path)
    old = json.loads(json.dumps(found.source.settings.get("plan")))
    if not isinstance(old, dict):
        raise SweepError(
            f"{path} does not say what it was made of; make it anew with --force, or choose "
            "another name."
        )
    said = _difference(old, plan)
    if said:
        raise SweepError(
            f"{path} is a finished sweep of something else: {said}; choose another name or pass "
            "--force."
        )
    if found.failed:
        raise SweepError(
            f"{path} lacks {found.n_missing} images and its finished shards are gone; make it "
            "anew with --force."
        )
    return found


def _read_plan(shards: Path) -> dict[str, Any] | None:
    try:
        plan = json.loads((shards / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plan if isinstance(plan, dict) else None


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Say how one plan differs from another; empty where it does not."""
    name = next((name for name in new if new[name] != old.get(name)), "")
    if not name:
        return ""
    before, now = old.get(name), new[name]
    if name == "images" and isinstance(before, dict):
        if before.get("number") != now["number"]:
            return f"{now['number']} images found, {before.get('number')} when the sweep began"
        return "images were changed, renamed or replaced since the sweep began"
    if name == "checkpoint":
        return "another checkpoint found than the sweep began with"
    if isinstance(before, dict) and isinstance(now, dict):
        inner = next((key for key in now if now[key] != before.get(key)), "")
        return f"{name}: {inner} is {now.get(inner)}, it was {before.get(inner)} when it began"
    return f"{name} is {now}, it was {before} when the sweep began"
