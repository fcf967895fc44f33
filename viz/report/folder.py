"""Everything of one view in a folder: its figures, its table, its arrays, its numbers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz.core.refusal import Refusal
from viz.plot.style import FORMATS, save_figure

if TYPE_CHECKING:
    from viz.core.result import Result
    from viz.views.base import Shown

NARROW = "{}-one-column"
ODD_NAMES = "backslashreplace"
"""What becomes of bytes of a file's name that are no UTF-8; in JSON these are its own escapes."""


def write_numbers(row: Shown, result: Result, data: Path) -> None:
    """Write what can be read without this program: a table and the summary's numbers."""
    if hasattr(result, "to_frame"):
        result.to_frame().to_csv(data / f"{row.name}.csv", index=False, lineterminator="\n")
    if row.summary is not None:
        text = json.dumps(row.summary(result), indent=2, ensure_ascii=False, allow_nan=False)
        (data / f"{row.name}.json").write_text(text + "\n", encoding="utf-8", errors=ODD_NAMES)


def check_view_folder(folder: Path, *, force: bool = False) -> None:
    """Tell whether a view's folder can be written, before any work is done."""
    if folder.is_file():
        raise Refusal(f"{folder} is a file; give a folder, or a .png, .svg or .pdf file.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise Refusal(f"{folder} exists; choose another name or pass --force.")


def write_view_folder(
    row: Shown,
    result: Result,
    folder: str | Path,
    *,
    force: bool = False,
    draws: Mapping[str, Any] | None = None,
) -> Path:
    """Write everything of a view into one folder, whole or not at all.

    ``draws`` are settings of the main figure.
    """
    folder = Path(folder)
    check_view_folder(folder, force=force)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{folder.name}.", suffix=".part", dir=folder.parent, ignore_cleanup_errors=True
    ) as made:
        part = Path(made)
        result.save(part / f"{row.name}.npz")
        write_numbers(row, result, part)
        settings = {row.figures[0].name: draws or {}}
        figures = {f.name: f.make(result, **settings.get(f.name, {})) for f in row.figures}
        figures |= {NARROW.format(f.name): f.narrow(result, **settings.get(f.name, {}))
                    for f in row.figures if f.narrow}  # fmt: skip
        labels = {name: str(figure.get_label()) for name, figure in figures.items()}
        said = [f"{name}: {f.caption} {labels[name]}\n"
                for f in row.figures for name in (f.name, NARROW.format(f.name))
                if name == f.name or labels.get(name) not in (None, labels[f.name])]  # fmt: skip
        (part / f"{row.name}-captions.txt").write_text("\n".join(said), "utf-8")
        for name, figure in figures.items():
            for suffix in FORMATS:
                save_figure(figure, part / f"{name}{suffix}", force=True)
        folder.mkdir(exist_ok=True)
        for path in sorted(part.iterdir()):
            path.replace(folder / path.name)
    return folder
