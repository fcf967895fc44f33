"""What the measures are: the views' method pages, as far as they belong in a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from viz.views import COMPARISONS, VIEWS

# How the program was tried, and how long it takes, is in the docs.
_LEFT_OUT = ("what was measured", "cost", "examples", "the same however it is split", "speed")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Method:
    """A page on one or more sections.

    Parameters
    ----------
    name : str
        Of its file, without suffix.
    title : str
        Its heading.
    text : str
        In Markdown, without the title.
    """

    name: str
    title: str
    text: str


def methods_of(names: Sequence[str]) -> tuple[Method, ...]:
    """Return the pages that explain these sections, each once."""
    places = {row.name: row.page for row in (*VIEWS, *COMPARISONS)}
    found: dict[str, Method] = {}
    for name in names:
        place = places.get(name, f"views/{name.replace('-', '_')}")
        page = files("viz").joinpath(*place.split("/"), "method.md")
        if place not in found and page.is_file():
            title, _, text = page.read_text("utf-8").removeprefix("# ").partition("\n")
            found[place] = Method(place.rpartition("/")[2], title.strip(), _kept(text))
    return tuple(found.values())


def everywhere() -> str:
    """Return what holds for every measure, in Markdown."""
    text = (files("viz") / "views" / "methods.md").read_text("utf-8")
    return text.partition("\n")[2].strip()


def _kept(text: str) -> str:
    """Leave out parts by their headings."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return "".join(
        part
        for part in parts
        if not part.startswith("## ") or part[3:].partition("\n")[0].lower() not in _LEFT_OUT
    ).strip()


def parsed(text: str) -> list[Token]:
    """Parse Markdown; links are left out, their words are kept."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.children:
            token.children = [
                child
                for child in token.children
                if child.type not in ("link_open", "link_close", "image")
            ]
    return tokens


def to_html(text: str, level: int = 2) -> Markup:
    """Turn Markdown into HTML without links."""
    tokens = parsed(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + level)}"
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    # Wide tables scroll by themselves.
    html = html.replace("<table>", '<div class="scroll"><table>')
    return Markup(html.replace("</table>", "</table></div>"))
