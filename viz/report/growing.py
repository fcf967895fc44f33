"""The folder in which a report grows: what is finished in it is known, and taken over."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz.report.facts import difference, sha256
from viz.report.manifest import write_json
from viz.report.pages import finish
from viz.report.plan import STATE, ReportError, part_of
from viz.report.sections import Section


@dataclass(frozen=True)
class Growing:
    """A report that grows.

    Parameters
    ----------
    folder : Path
        Where its files are, until it is whole.
    facts : dict
        What it is made from.
    done : dict
        What is finished of each section, by its name.
    started : str
        When, in UTC.
    """

    folder: Path
    facts: dict[str, Any]
    done: dict[str, dict[str, Any]]
    started: str

    def keep(self, name: str, **state: Any) -> None:
        """Note what is finished of a section, with the hashes of its files."""
        section = state.get("section", {})
        figures = [f["name"] for kind in ("figures", "narrow") for f in section.get(kind, ())]
        files = [f for f in self.folder.glob("*/*") if f.stem in (name, *figures)]
        known = {f.relative_to(self.folder).as_posix(): sha256(f) for f in sorted(files)}
        # Nothing of before: measured anew, a section is not yet drawn.
        self.done[name] = state | {"files": known}
        write_json(
            self.folder / STATE,
            {"made_from": self.facts, "started": self.started, "done": self.done},
        )

    def whole(self, name: str) -> bool:
        """Tell whether all the files of a section are there as they were written."""
        files = self.done.get(name, {}).get("files", {})
        return all(
            (self.folder / file).is_file() and sha256(self.folder / file) == expected
            for file, expected in files.items()
        )

    def finish(self, folder: Path, sections: Sequence[Section], seconds: dict[str, float]) -> None:
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


def begin(folder: Path, facts: dict[str, Any], *, resume: bool) -> Growing:
    """Make the folder in which the report grows, or go on with the one that is there."""
    part = part_of(folder)
    facts = json.loads(json.dumps(facts))
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    done: dict[str, dict[str, Any]] = {}
    state = part / STATE
    if resume and state.is_file():
        try:
            kept = json.loads(state.read_text("utf-8"))
            other = difference(facts, kept["made_from"])
            done, started = dict(kept["done"]), str(kept["started"])
        except (KeyError, TypeError, ValueError):
            other = "its notes"
        if other:
            raise ReportError(
                f"{part} was begun with other {other}; give the same as before, or pass --force "
                "without --resume to begin anew."
            )
    else:
        shutil.rmtree(part, ignore_errors=True)
    for name in ("figures", "data", "made"):
        (part / name).mkdir(parents=True, exist_ok=True)
    return Growing(part, facts, done, started)
