"""A report made again from its data, without the checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from viz.report.growing import begin
from viz.report.manifest import read_manifest
from viz.report.plan import ReportError, check_folder
from viz.report.sections import Section, draw

if TYPE_CHECKING:
    from viz.catalogue.base import Shown

__all__ = ["rebuild"]


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
    """Draw a report's figures and pages anew from its data, without the checkpoint.

    Parameters
    ----------
    source : str or Path
        Folder of a report.
    folder : str or Path
        Of the new one; may be the same.
    rows : sequence of Shown
        Of the catalogue: all that may be in it.
    formats : sequence of str, optional
        Of the figures; default: as before.
    paper : str, optional
        ``"a4"`` or ``"letter"``; default: as before.
    force : bool
        Replace an existing report.
    progress : callable, optional
        Receives a line of text per section.

    Returns
    -------
    tuple of Section
        What was written, and what failed.

    Raises
    ------
    ReportError
        If there is no report, its data has changed, or the folder may not be replaced.
    """
    source = Path(source)
    facts, before = read_manifest(source)
    folder = check_folder(folder, force=force)
    facts["settings"] |= {"formats": list(formats)} if formats else {}
    facts["settings"] |= {"paper": paper} if paper else {}
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
            if old.failed:
                sections.append(old)
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
