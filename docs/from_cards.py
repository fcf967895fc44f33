"""What the documentation takes from the cards and docstrings: ``make docs`` writes it anew."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import viz
from viz.python import FUNCTIONS
from viz.views import COMPARISONS, VIEWS

ROOT = Path(__file__).resolve().parents[1]
GALLERY = ("patch_filters", "kernels", "kernels_by_name", "kernels_at_3_percent", "early_late",
           "statements", "receptive_field", "feature_maps", "evidence", "decision_by_depth",
           "own_figure")  # fmt: skip
"""Scripts of docs/gallery in their order; each writes one picture of its own name."""
_WHERE = {"": "CKPT", "needed": "CKPT [IMAGES]"}


def commands() -> str:
    """Return the views' commands with the question each answers, as a table."""
    rows = [f"| `viz {row.name} {_WHERE[row.images]}` | {row.question} |" for row in VIEWS]
    return "\n".join(["| command | question |", "|---|---|", *rows])


def methods() -> str:
    """Return the table of views and their method pages."""
    rows = [f"| {row.title} | {row.question} | [{row.page.rpartition('/')[2].replace('_', '-')}]"
            f"(../viz/{row.page}/method.md) |" for row in (*VIEWS, *COMPARISONS)]  # fmt: skip
    return "\n".join(["| view | question | page |", "|---|---|---|", *rows])


def gallery() -> str:
    """Return each script of the gallery below what it makes."""
    parts = []
    for stem in GALLERY:
        code = (ROOT / "docs" / "gallery" / f"{stem}.py").read_text("utf-8")
        title = code.partition('"""')[2].partition('"""')[0]
        name = stem.replace("_", "-")
        script = code.partition('"""\n\n')[2].strip()
        parts.append(f"### {title}\n\n![{title}](gallery/{name}.png)\n\n```python\n{script}\n```")
    return "\n\n".join(parts)


def _entry(name: str, thing: Any) -> str:
    text = inspect.getdoc(thing) or ""
    shown = f"viz.{name}"
    if callable(thing):
        shown += str(inspect.signature(thing))
    return f"## viz.{name}\n\n```python\n{shown}\n```\n\n```text\n{text.strip()}\n```"


def reference() -> str:
    """Return the page on the public interface, from its docstrings."""
    names = [name for name in viz.__all__ if name not in ("PAPER_CONFIGS",)]
    views = [row.name.replace("-", "_") for row in (*VIEWS, *COMPARISONS)]
    first = [name for name in names if name not in views]
    functions = [n for n in first if not inspect.isclass(getattr(viz, n))]
    classes = [n for n in first if inspect.isclass(getattr(viz, n))]
    parts = [_entry(name, getattr(viz, name)) for name in (*functions, *views, *classes)]
    from viz.core.result import Result

    shared = ("finding", "figures", "plot", "save", "load")
    parts.append(
        "## What every result can do\n\n"
        + "\n\n".join(f"### .{name}\n\n```text\n{inspect.getdoc(getattr(Result, name))}\n```"
                      for name in shared)
    )  # fmt: skip
    head = (
        "# Reference\n\nThe public interface, from its docstrings (`make docs`). What is not "
        "listed here may change.\n"
    )
    return head + "\n" + re.sub(r" object at 0x[0-9a-f]+", "", "\n\n".join(parts)) + "\n"


def stub() -> str:
    """Return what editors and type checkers know of ``viz``."""
    homes = [f"from {home} import {name} as {name}" for name, home in viz._HOMES.items()]
    lines = ["# Made from the cards by docs/from_cards.py.", "", "from typing import Any", ""]
    lines += [*sorted(homes), "", "__version__: str", ""]
    for name, row in FUNCTIONS.items():
        taken = inspect.signature(getattr(viz, name)).parameters.values()
        shown = inspect.Signature([each.replace(annotation=Any) for each in taken])
        lines += [f"def {name}{shown} -> {row.result.rpartition(':')[2]}: ..."]
    results = sorted({f"from {home} import {name}" for home, _, name in
                      (row.result.partition(":") for row in FUNCTIONS.values())})  # fmt: skip
    lines[3:3] = results
    return "\n".join(lines) + "\n"


def between(text: str, mark: str, inside: str) -> str:
    """Replace what stands between two marks of a page."""
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{inside}\n{end}{rest.partition(end)[2]}"


def pages() -> dict[Path, str]:
    """Return every page with what it takes from the cards."""
    readme, table = ROOT / "README.md", ROOT / "docs" / "methods.md"
    shown = ROOT / "docs" / "gallery.md"
    return {
        readme: between(readme.read_text("utf-8"), "commands", commands()),
        table: between(table.read_text("utf-8"), "methods", methods()),
        shown: between(shown.read_text("utf-8"), "scripts", gallery()),
        ROOT / "docs" / "reference.md": reference(),
        ROOT / "viz" / "__init__.pyi": stub(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
