"""Which sections a report has, and where it may be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from viz.core.refusal import Refusal
from viz.views import VIEWS

if TYPE_CHECKING:
    from viz.views.base import Shown

STATE = "progress.json"
"""File in which a growing report notes what is finished."""
_GROWN = {
    "data", "figures", "made", "index.html", "report.pdf",
    *(name + new for name in ("manifest.json", STATE) for new in ("", ".new")),
}  # fmt: skip


class ReportError(Refusal):
    """A report that cannot be written; the message is one sentence for the user."""


def part_of(folder: Path) -> Path:
    """Return the folder in which a report grows until it is whole."""
    return folder.with_name(folder.name + ".part")


def check_folder(folder: str | Path, *, force: bool = False, resume: bool = False) -> Path:
    """Tell whether a report can be written here, before any work is done."""
    folder = Path(folder)
    if not folder.name:
        folder = folder.resolve()
    if folder.is_file():
        raise ReportError(f"{folder} is a file; give the name of a folder that does not exist.")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise ReportError(f"{folder} exists; choose another name or pass --force.")
        if not (folder / "index.html").is_file():
            raise ReportError(
                f"{folder} exists and is not a report (it has no index.html); it is not replaced."
            )
    part = part_of(folder)
    if part.is_file() or (part.is_dir() and not {p.name for p in part.iterdir()} <= _GROWN):
        raise ReportError(
            f"{part} is in the way and is no interrupted report; move it, or choose another name."
        )
    if part.exists() and not (force or resume):
        raise ReportError(
            f"{part} holds an interrupted report; go on with --resume, or pass --force to begin "
            "anew."
        )
    return folder


def choose(
    *,
    quick: bool = False,
    full: bool = False,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    rows: Sequence[Shown] = VIEWS,
) -> tuple[Shown, ...]:
    """Choose the sections of a report: all but slow ones, unless it is quick or full."""
    names = [row.name for row in rows]
    for name in (*only, *skip):
        if name not in names:
            raise ReportError(f"there is no section {name!r}; they are {', '.join(names)}.")
    left_out = {row.name for row in rows if row.slow and not full}
    if quick:
        left_out |= {row.name for row in rows if row.needs_images}
    if only:
        left_out = set(names) - set(only)
    chosen = tuple(row for row in rows if row.name not in {*left_out, *skip})
    if not chosen:
        raise ReportError("no section is left to write; name fewer to skip.")
    return chosen
