"""What the measures are: the views' method pages, as far as they belong in a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from markdown_it import MarkdownIt
from markupsafe import Markup

from viz.report.formulas import with_formulas
from viz.views import COMPARISONS, VIEWS

# How the program was tried, and how long it takes, is in the docs.
_LEFT_OUT = ("what was measured", "cost", "examples", "the same however it is split", "speed")
_MARKDOWN = with_formulas(MarkdownIt("commonmark", {"html": False}).enable("table"))


def methods_of(names: Sequence[str]) -> dict[str, str]:
    """Return the pages that explain these sections, each once: their text by their title."""
    places = {row.name: row.page for row in (*VIEWS, *COMPARISONS)}
    found: dict[str, str] = {}
    for place in dict.fromkeys(places[name] for name in names if name in places):
        page = files("viz").joinpath(*place.split("/"), "method.md")
        if page.is_file():
            title, _, text = page.read_text("utf-8").removeprefix("# ").partition("\n")
            found[title.strip()] = _kept(text)
    return found


def everywhere() -> str:
    """Return what holds for every measure, in Markdown."""
    text = (files("viz") / "views" / "methods.md").read_text("utf-8")
    return text.partition("\n")[2].strip()


def _kept(text: str) -> str:
    """Leave out parts by their headings."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    kept = "".join(
        part
        for part in parts
        if not part.startswith("## ") or part[3:].partition("\n")[0].lower() not in _LEFT_OUT
    ).strip()
    # The names of commands and modules begin a page, for those who read it in the repository.
    return kept.partition("\n\n")[2].strip() if kept.startswith("`viz ") else kept


def to_html(text: str, level: int = 2) -> Markup:
    """Turn Markdown into HTML without links; their words are kept."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        left_out = ("link_open", "link_close", "image")
        token.children = [each for each in token.children or () if each.type not in left_out]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + level)}"
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    # Wide tables scroll by themselves.
    html = html.replace("<table>", '<div class="scroll"><table>')
    return Markup(html.replace("</table>", "</table></div>"))
