"""Make the pictures and numbers of docs/ from the shipped checkpoints: ``make docs``."""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from from_cards import GALLERY

import viz
from viz.views import VIEWS, Given, View

DOCS = Path(__file__).parent
NAMES = ("imagenette-p7", "imagenette-p14", "cifar10-p2")
ALL_FIGURES = NAMES[0]
DPI = 150


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(v) for v in value)
    return str(value).replace("|", "\\|")


def _flat(row: dict[str, Any]) -> dict[str, str]:
    """Spread nested numbers over columns named ``outer inner``; leave out zeros of shares."""
    out: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            out |= {f"{name} {k}": v for k, v in _flat(value).items()}
        elif not (isinstance(value, list) and len(value) > 8):
            out[name] = _shown(value)
    return out


def table(summary: Any) -> list[str]:
    """Return the numbers of a view as a table in Markdown: a row per block, or name and value."""
    if isinstance(summary, list) and summary and all(isinstance(r, dict) for r in summary):
        rows = [_flat(r) for r in summary]
        names = [n for n in rows[0] if any(r.get(n, "0") != "0" for r in rows)]
        lines = [names, ["---"] * len(names), *([r.get(n, "") for n in names] for r in rows)]
    elif isinstance(summary, dict):
        rows = [list(item) for item in _flat(summary).items()]
        lines = [["", ""], ["---", "---"], *rows]
    else:
        return []
    return [f"| {' | '.join(line)} |" for line in lines]


def _save(figure: Any, path: Path) -> None:
    """Write a figure at screen size."""
    figure.savefig(path, dpi=DPI, metadata={"Software": None}, pil_kwargs={"optimize": True})


def section(row: View, checkpoint: viz.Checkpoint, name: str, n_figures: int | None) -> list[str]:
    """Measure and draw one view; return its part of the page."""
    started = time.perf_counter()
    result = row.measure(checkpoint, Given())
    sys.stderr.write(f"{name}: {row.name} in {time.perf_counter() - started:.1f} s\n")
    lines = [f"## {row.title}", ""]
    if row.sentence is not None:
        lines += [row.sentence(result), ""]
    for each in row.figures[:n_figures]:
        file = f"{name}-{each.name}.png"
        figure = each.make(result)
        _save(figure, DOCS / "figures" / file)
        text = f"*{each.caption} {figure.get_label()}*"
        lines += [f"![{each.caption}](../figures/{file})", "", text, ""]
    page = row.page.rpartition("/")[2].replace("_", "-")
    lines += [
        f"How this can mislead: {row.misleads} Method: [{page}](../../viz/{row.page}/method.md).",
        "",
    ]
    if row.summary is not None:
        summary = row.summary(result)
        text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
        (DOCS / "results" / f"{name}-{row.name}.json").write_text(text + "\n", "utf-8")
        lines += [f"Every number: [{name}-{row.name}.json]({name}-{row.name}.json).", ""]
        rows = table(summary)
        # Larger ones are read in the file.
        if rows and len(rows) <= 60 and max(map(len, rows)) < 1200:
            lines += ["<details><summary>The numbers</summary>", "", *rows, "", "</details>", ""]
    return lines


def write_page(name: str) -> None:
    """Write the page of one checkpoint."""
    checkpoint = viz.load(name)
    config = checkpoint.config
    lines = [
        f"# {name}: what it has learned",
        "",
        f"A ConvMixer of {config.depth} blocks with {config.dim} channels, kernel size "
        f"{config.kernel_size}, patch size {config.patch_size}; see its "
        f"[card](../../checkpoints/{name}.md). Made by `make docs`; images are scikit-learn's two "
        "photographs. Numbers are as measured, also where they are poor.",
        "",
    ]
    for row in VIEWS:
        lines += section(row, checkpoint, name, None if name == ALL_FIGURES else 1)
    (DOCS / "results" / f"{name}.md").write_text("\n".join(lines).rstrip() + "\n", "utf-8")


def run_gallery() -> None:
    """Run each script of the gallery where its picture belongs."""
    os.chdir(DOCS / "gallery")
    for name in GALLERY:
        runpy.run_path(f"{name}.py")


def main() -> None:
    """Write everything, or the checkpoints named on the command line."""
    for folder in ("figures", "results"):
        (DOCS / folder).mkdir(exist_ok=True)
    for name in sys.argv[1:] or NAMES:
        write_page(name)
    run_gallery()


if __name__ == "__main__":
    main()
