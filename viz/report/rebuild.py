"""A report made again from its data, without the checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz.report.facts import versions
from viz.report.first import first_looks
from viz.report.growing import Growing, begin
from viz.report.manifest import read_manifest
from viz.report.page import html
from viz.report.paper import PAPERS
from viz.report.plan import ReportError, check_folder
from viz.report.sections import Section

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
    facts.pop("drawn_with", None)
    if versions() != facts["versions"]:
        facts["drawn_with"] = versions()
    _check(source, facts)
    known = {row.name: row for row in (*first_looks(1), *first_looks(2), *rows)}
    part = begin(folder, facts)
    try:
        sections, seconds = [], {}
        for number, old in enumerate(before, start=1):
            if progress:
                progress(f"{number}/{len(before)} {old.title}")
            begun = time.process_time()
            row = known.get(old.name)
            if row is None:
                raise ReportError(f"{source.name}: this version knows no section {old.name!r}.")
            sections.append(part.section(row, partial(_copied, source, part, row, old)))
            seconds[row.name] = round(time.process_time() - begun, 3)
        part.finish(folder, sections, seconds)
    except BaseException:
        shutil.rmtree(part.folder, ignore_errors=True)
        raise
    return tuple(sections)


def _copied(source: Path, part: Growing, row: Shown, old: Section) -> Section | None:
    """Copy the numbers of a section; return why there are none."""
    if old.failed or old.nothing:
        empty = Section(row.name, row.title, row.misleads, row.needs_images)
        return replace(empty, failed=str(old.failed), nothing=str(old.nothing))
    shutil.copyfile(source / "data" / f"{row.name}.npz", part.data(row.name))
    return None


def _check(source: Path, facts: Mapping[str, Any]) -> None:
    """Refuse, before any work, a manifest of which no page can be made."""
    try:
        html(facts, (), str)
        fits = facts["settings"]["paper"] in PAPERS and "one_column" in facts["settings"]
    except Exception:
        fits = False
    if not fits:
        raise ReportError(
            f"{source.name}: manifest.json does not hold what a report is made from; if another "
            "version of this program wrote it, write the report anew from the checkpoint."
        )
