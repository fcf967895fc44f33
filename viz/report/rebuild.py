"""A report made again from its data, without the checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from viz.report.facts import versions
from viz.report.growing import begin
from viz.report.manifest import read_manifest
from viz.report.page import html
from viz.report.paper import PAPERS
from viz.report.plan import ReportError, check_folder
from viz.report.sections import Section, draw
from viz.report.words import story

if TYPE_CHECKING:
    from viz.views.base import Shown


def rebuild(
    source: str | Path,
    folder: str | Path,
    *,
    rows: Sequence[Shown],
    formats: Sequence[str] | None = None,
    paper: str | None = None,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Section, ...]:
    """Draw a report's figures and pages anew from its data, without the checkpoint."""
    source = Path(source)
    facts, before = read_manifest(source)
    folder = check_folder(folder, force=force)
    facts["settings"] |= {"formats": list(formats)} if formats else {}
    facts["settings"] |= {"paper": paper} if paper else {}
    _tell_versions(facts)
    _check(source, facts)
    known = {row.name: row for row in rows}
    part = begin(folder, facts, resume=False)
    try:
        sections, seconds = [], {}
        for number, old in enumerate(before, start=1):
            if progress:
                progress(f"{number}/{len(before)} {old.title}")
            begun = time.perf_counter()
            row = known.get(old.name)
            if row is None:
                raise ReportError(f"{source.name}: this version knows no section {old.name!r}.")
            if old.failed or old.nothing:
                empty = Section(row.name, row.title, row.misleads, row.needs_images)
                failed, nothing = str(old.failed), str(old.nothing)
                sections.append(replace(empty, failed=failed, nothing=nothing))
                continue
            name = f"{row.name}.npz"
            shutil.copyfile(source / "data" / name, part.folder / "data" / name)
            sections.append(draw(row, part.folder, part.facts["settings"]["formats"]))
            seconds[row.name] = round(time.perf_counter() - begun, 3)
        part.finish(folder, sections, seconds)
    except BaseException:
        shutil.rmtree(part.folder, ignore_errors=True)
        raise
    return tuple(sections)


def _tell_versions(facts: dict[str, Any]) -> None:
    """Note what the figures are drawn with, where that is not what measured their numbers."""
    facts.pop("drawn_with", None)
    now = versions()
    if now != facts["versions"]:
        facts["drawn_with"] = now


def _check(source: Path, facts: Mapping[str, Any]) -> None:
    """Refuse, before any work, a manifest of which no page can be made."""
    try:
        html(facts, (), source)
        story(facts, (), _no_room)
        fits = facts["settings"]["paper"] in PAPERS
    except Exception:
        fits = False
    if not fits:
        raise ReportError(f"{source.name}: manifest.json does not hold what a report is made from.")


def _no_room(name: str, width: float, height: float) -> NoReturn:
    raise LookupError(f"a page without figures has none named {name}.")
