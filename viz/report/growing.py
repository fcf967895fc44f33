"""The folder in which a report grows: what is measured in it is known, and taken over."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz.report.facts import difference, sha256
from viz.report.manifest import write_json
from viz.report.pages import finish
from viz.report.plan import STATE, ReportError, part_of
from viz.report.sections import Section, draw

if TYPE_CHECKING:
    from viz.views.base import Shown


@dataclass(frozen=True)
class Growing:
    """A report that grows.

    Parameters
    ----------
    folder : Path
        Where its files are, until it is whole.
    facts : dict
        What it is made from.
    measured : dict of str to str
        Hash of each section's data, by the section's name.
    started : str
        When, in UTC.
    """

    folder: Path
    facts: dict[str, Any]
    measured: dict[str, str] = field(default_factory=dict)
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def data(self, name: str) -> Path:
        """Return where the numbers of a section are."""
        return self.folder / "data" / f"{name}.npz"

    def has(self, name: str) -> bool:
        """Tell whether a section is measured, and its numbers are there as they were written."""
        path = self.data(name)
        return path.is_file() and self.measured.get(name) == sha256(path)

    def section(
        self, row: Shown, make: Callable[[], Section | None], folders: Iterable[Path] = ()
    ) -> Section:
        """Measure a section, unless it is measured, and draw it; ``make`` returns what failed."""
        if not self.has(row.name):
            failed = make()
            if failed is not None:
                return failed
            self.measured[row.name] = sha256(self.data(row.name))
            state = {"made_from": self.facts, "started": self.started, "measured": self.measured}
            write_json(self.folder / STATE, state)
        return draw(row, self.folder, self.facts["settings"], tuple(folders))

    def finish(self, folder: Path, sections: list[Section], seconds: dict[str, float]) -> None:
        """Write the pages and the manifest, and put the report in its place."""
        times = {"started": self.started, "seconds": seconds}
        finish(self.folder, self.facts, sections, times, leave=(STATE,))
        with tempfile.TemporaryDirectory(
            prefix=f"{folder.name}.old.", dir=folder.parent, ignore_cleanup_errors=True
        ) as old:
            before = Path(old) / "report"
            if folder.is_dir():
                folder.rename(before)
            try:
                self.folder.rename(folder)
            except BaseException:
                if before.is_dir():
                    before.rename(folder)
                raise


def begin(folder: Path, facts: dict[str, Any], *, resume: bool = False) -> Growing:
    """Make the folder in which the report grows, or go on with the one that is there."""
    part = Growing(part_of(folder), json.loads(json.dumps(facts)))
    state = part.folder / STATE
    if resume and state.is_file():
        try:
            kept = json.loads(state.read_text("utf-8"))
            other = difference(part.facts, kept["made_from"])
            part = Growing(part.folder, part.facts, dict(kept["measured"]), str(kept["started"]))
        except (KeyError, TypeError, ValueError):
            other = "its notes"
        if other:
            raise ReportError(
                f"{part.folder} was begun with other {other}; give the same as before, or pass "
                "--force without --resume to begin anew."
            )
    else:
        shutil.rmtree(part.folder, ignore_errors=True)
    for name in ("figures", "data", "made"):
        (part.folder / name).mkdir(parents=True, exist_ok=True)
    return part
