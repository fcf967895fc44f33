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
from viz.report.first import first_looks
from viz.report.growing import begin
from viz.report.plan import ReportError, check_folder
from viz.report.sections import Section, measure
from viz.sweep.opening import open_sweep
from viz.views import OF_SWEEPS, VIEWS, Comparison, Given

if TYPE_CHECKING:
    from viz.images.sets import ImageSet
    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Shown

LIMIT = 64
"""Images of a folder that a report takes, unless told otherwise."""


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
    one_column: bool = True,
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
    asked = [row.name for row in views]
    facts = {
        "command": command,
        "checkpoints": [about_checkpoint(each) for each in networks],
        "images": seen,
        "sweep": about,
        "settings": {
            "seed": seed, "limit": limit if images is not None else None,
            "formats": list(formats), "one_column": one_column, "paper": paper,
            "sections": asked,
        },
        "left_out": [*(r.title for r in rows if r.name not in asked and r.title not in refused),
                     *(f"{title} ({reason})" for title, reason in refused.items())],
        "versions": versions(),
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    part = begin(folder, facts, resume=resume)
    folders = [p.absolute() for p in (place, swept and swept.parent) if p]
    tell = progress or (lambda line: None)
    sections, seconds = [], {}
    try:
        for number, row in enumerate((*first_looks(len(networks)), *views), 1 - len(networks)):
            tell(f"{max(number, 0)}/{len(asked)} {row.title}")
            if steps is not None:
                steps(number, 0, 1)
            # A sweep names the few images it wants; they may be any of the folder.
            most = None if swept is not None and row in OF_SWEEPS else limit
            given = Given(
                images=partial(opened, most) if images is not None else None,
                seed=seed, progress=steps and partial(steps, number), sweep=swept,
            )  # fmt: skip
            begun = time.process_time()
            make = partial(
                measure, row, partial(row.measure, *networks, given), part.data(row.name), folders
            )
            section = part.section(row, make, folders)
            seconds[row.name] = round(time.process_time() - begun, 3)
            sections.append(section)
            if section.failed:
                tell(f"{section.title} failed: {section.failed}")
        tell("pages")
        part.finish(folder, sections, seconds)
    except BaseException:
        if not part.measured:
            shutil.rmtree(part.folder, ignore_errors=True)
        raise
    return tuple(sections)


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
