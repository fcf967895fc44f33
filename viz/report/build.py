"""A folder of figures, numbers and pages that opens anywhere, and can be made again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from viz.images.sets import open_images
from viz.plot.style import FORMATS
from viz.report.facts import about_checkpoint, about_images, about_sweep, versions
from viz.report.growing import Growing, begin
from viz.report.plan import ReportError, check_folder
from viz.report.sections import Section, draw, measure
from viz.sweep.opening import open_sweep
from viz.views import OF_SWEEPS, VIEWS, Comparison, Given

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Shown

LIMIT = 64
"""Images of a folder that a report takes, unless told otherwise."""


def _kept(part: Growing, name: str) -> Section | None:
    """Return a section that is there and whole, of a report that is gone on with."""
    section = part.done.get(name, {}).get("section")
    if section and not section["failed"] and part.whole(name):
        return Section.from_dict(section)
    return None


def _measured(
    part: Growing, row: Shown, make: Callable[[], Result], folders: Sequence[Path]
) -> Section | None:
    """Measure a section, as far as that is not done yet; return why it cannot be."""
    kept = part.done.get(row.name, {})
    if kept.get("measured") and part.whole(row.name):
        return None
    begun = time.perf_counter()
    failed = measure(row, make, part.folder / "data", folders)
    seconds = round(time.perf_counter() - begun, 3)
    if failed is None:
        part.keep(row.name, measured=True, seconds=seconds)
    else:
        part.keep(row.name, measured=False, section=failed.to_dict(), seconds=seconds)
    return failed


def _drawn(part: Growing, row: Shown, formats: Sequence[str], folders: Sequence[Path]) -> Section:
    """Draw a section that is measured, and note it as finished."""
    begun = time.perf_counter()
    section = draw(row, part.folder, formats, folders)
    seconds = round(part.done[row.name]["seconds"] + time.perf_counter() - begun, 3)
    part.keep(row.name, measured=False, section=section.to_dict(), seconds=seconds)
    return section


def build(
    checkpoints: Checkpoint | Sequence[Checkpoint],
    folder: str | Path,
    *,
    images: str | Path | None = None,
    views: Sequence[Shown] = VIEWS,
    rows: Sequence[Shown] = VIEWS,
    limit: int = LIMIT,
    sweep: str | Path | None = None,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
    paper: str = "a4",
    command: str = "",
    force: bool = False,
    resume: bool = False,
    progress: Callable[[str], object] | None = None,
    steps: Callable[[int, int, int], None] | None = None,
) -> tuple[Section, ...]:
    """Write a report: figures, numbers, ``index.html``, ``report.pdf``, ``manifest.json``."""
    import torch

    folder = check_folder(folder, force=force, resume=resume)
    networks = tuple(checkpoints) if isinstance(checkpoints, (list, tuple)) else (checkpoints,)
    views, refused = _fitting(views, networks)
    place, swept = (None if each is None else Path(each) for each in (images, sweep))

    def opened(most: int | None = limit) -> ImageSet:
        first: Checkpoint = networks[0]
        return open_images(images, first.preprocessing, first.config.in_channels, limit=most)

    about = about_sweep(swept)
    if swept is not None:
        # A wrong file must not show after minutes.
        open_sweep(swept, networks[0])
    seen = None
    if images is not None or any(row.needs_images for row in views):
        seen = about_images(opened(), len(opened(None)), place)
    names = [row.name for row in views]
    facts = {
        "command": command,
        "checkpoints": [about_checkpoint(each) for each in networks],
        "images": seen,
        "sweep": about,
        "settings": {
            "seed": seed, "limit": limit if images is not None else None,
            "formats": list(formats), "paper": paper, "sections": names,
        },
        "left_out": [*(r.title for r in rows if r.name not in names and r.title not in refused),
                     *(f"{title} ({reason})" for title, reason in refused.items())],
        "versions": versions(),
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    part = begin(folder, facts, resume=resume)
    folders = [p.absolute() for p in (place, swept and swept.parent) if p]
    tell = progress or (lambda line: None)
    sections: dict[str, Section] = {}

    try:
        sections |= {name: kept for name in names if (kept := _kept(part, name))}
        for number, row in enumerate(views, start=1):
            tell(f"{number}/{len(views)} {row.title}")
            if steps is not None:
                steps(number, 0, 1)
            if row.name in sections:
                continue
            # A sweep names the few images it wants; they may be any of the folder.
            most = None if swept is not None and row in OF_SWEEPS else limit
            given = Given(
                images=partial(opened, most) if images is not None else None,
                seed=seed, progress=steps and partial(steps, number), sweep=swept,
            )  # fmt: skip
            section = _measured(part, row, partial(row.measure, *networks, given), folders)
            if section is None:
                section = _drawn(part, row, formats, folders)
            sections[row.name] = section
            if section.failed:
                tell(f"{section.title} failed: {section.failed}")
        tell("pages")
        seconds = {name: part.done[name]["seconds"] for name in names}
        part.finish(folder, [sections[name] for name in names], seconds)
    except BaseException:
        if not part.done:
            shutil.rmtree(part.folder, ignore_errors=True)
        raise
    return tuple(sections[name] for name in names)


def unfit(views: Sequence[Shown], networks: Sequence[Checkpoint]) -> dict[str, str]:
    """Tell which comparisons two networks do not allow."""
    asked = (row for row in views if isinstance(row, Comparison))
    return {row.title: reason for row in asked if (reason := row.refuses(*networks))}


def _fitting(
    views: Sequence[Shown], networks: Sequence[Checkpoint]
) -> tuple[tuple[Shown, ...], dict[str, str]]:
    """Leave out comparisons that two networks do not allow; say why, by title."""
    refused = unfit(views, networks)
    kept = tuple(row for row in views if row.title not in refused)
    if not kept:
        raise ReportError(f"no section is left to write: {'; '.join(refused.values())}")
    return kept, refused
