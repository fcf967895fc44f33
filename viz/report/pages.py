"""What is written once all sections are there: pages, captions, tables, the manifest."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viz.report.folder import ODD_NAMES
from viz.report.manifest import write_json, write_manifest
from viz.report.page import embedded, html, title_of
from viz.report.paper import write_pdf
from viz.report.sections import Section
from viz.report.tex import figures_tex


def finish(
    part: Path,
    facts: Mapping[str, Any],
    sections: Sequence[Section],
    times: Mapping[str, Any],
    *,
    leave: Sequence[str] = (),
) -> None:
    """Write the pages of a report, and its manifest last."""
    begun = time.process_time()
    data, figures, made = part / "data", part / "figures", part / "made"
    write_json(data / "network.json", facts["checkpoints"])
    _write_parts(data / "network.csv", facts["checkpoints"])
    write_json(
        data / "summary.json",
        [{"section": s.name, "sentence": s.finding} for s in sections if s.finding],
    )
    suffix = next((s for s in (".pdf", ".png") if s in facts["settings"]["formats"]), None)
    if suffix:
        tex = figures_tex(title_of(facts), sections, suffix)
        (figures / "figures.tex").write_text(tex, encoding="utf-8", newline="\n")
    page = html(facts, sections, lambda name: embedded(made / f"{name}.png"))
    (part / "index.html").write_text(page, encoding="utf-8", errors=ODD_NAMES, newline="\n")
    write_pdf(part / "report.pdf", html(facts, sections, str), title_of(facts),
              facts["settings"]["paper"], (figures, made))  # fmt: skip
    times = {**times, "pages": round(time.process_time() - begun, 3)}
    write_manifest(part, facts, sections, times, leave=(made.name, *leave))
    shutil.rmtree(made)
    for name in leave:
        (part / name).unlink(missing_ok=True)


def _write_parts(path: Path, checkpoints: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of the networks' parts."""
    rows = [{"checkpoint": c["name"], **part} for c in checkpoints for part in c["parts"]]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
