"""The manifest: what a report was made from, and the hash of every file in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viz.plot.style import FORMATS
from viz.report.facts import sha256
from viz.report.folder import ODD_NAMES
from viz.report.plan import ReportError
from viz.report.sections import Section

FORMAT = "convmixer-viz report 1"
NAME = "manifest.json"
_MAX_BYTES = 64 << 20


def write_json(path: Path, value: Any) -> None:
    """Write plain values, always alike, whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    part = path.with_name(path.name + ".new")
    part.write_text(text, encoding="utf-8", errors=ODD_NAMES)
    part.replace(path)


def files_in(folder: Path, leave: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return ``bytes`` and ``sha256`` of every file but the manifest."""
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {
        name: {"bytes": paths[name].stat().st_size, "sha256": sha256(paths[name])}
        for name in sorted(paths)
        if name.partition("/")[0] not in (NAME, *leave)
    }


def write_manifest(
    folder: Path,
    facts: Mapping[str, Any],
    sections: Sequence[Section],
    times: Mapping[str, Any],
    *,
    leave: Sequence[str] = (),
) -> None:
    """Write the manifest, after all other files."""
    write_json(
        folder / NAME,
        {
            "format": FORMAT,
            **facts,
            "sections": [section.to_dict() for section in sections],
            "files": files_in(folder, leave),
            "times": times,
        },
    )


def read_manifest(folder: Path) -> tuple[dict[str, Any], tuple[Section, ...]]:
    """Read what a report was made from; its data must be as the manifest tells."""
    path = folder / NAME
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise ReportError(f"{folder.name}: no {NAME} in it; a folder made by viz report is needed.")
    try:
        found = json.loads(path.read_text("utf-8"))
        if found.pop("format") != FORMAT:
            raise KeyError("format")
        sections = tuple(Section.from_dict(each) for each in found.pop("sections"))
        files, _ = found.pop("files"), found.pop("times")
        there = [s.name for s in sections if not (s.failed or s.nothing)]
        hashes = {name: files[f"data/{name}.npz"]["sha256"] for name in there}
        fits = set(found["settings"]["formats"]) <= set(FORMATS) and found["checkpoints"]
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise ReportError(f"{folder.name}: {NAME} was not written by viz report of this version.")
    for name, expected in hashes.items():
        data = folder / "data" / f"{Path(name).name}.npz"
        if not data.is_file() or sha256(data) != expected:
            raise ReportError(
                f"{folder.name}: data/{data.name} is missing or not the file that {NAME} tells of; "
                "the report cannot be rebuilt from it."
            )
    return found, sections
