"""The text of report.pdf: the page's own, as ReportLab lays it out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, ListFlowable, Paragraph, Spacer, Table
from reportlab.platypus.tableofcontents import TableOfContents

from viz.plot.style import printable
from viz.report.formulas import outlined, placed
from viz.report.page import PX, face

FONT, _BOLD, *_SLANTED = (f"Roboto-{each}" for each in ("Regular", "Bold", "Italic", "BoldItalic"))
_MONO, _OTHER = "DejaVuSansMono", "DejaVuSans"
_TAGS = {"strong": "b", "em": "i", "b": "b", "i": "i"}

BODY = ParagraphStyle(
    "body", fontName=FONT, fontSize=9.5, leading=13, spaceAfter=4, autoLeading="max"
)
SMALL = ParagraphStyle("small", BODY, fontSize=8, leading=10.5, spaceAfter=3)
CELL = ParagraphStyle("cell", SMALL, spaceAfter=0, splitLongWords=True)
NUMBER = ParagraphStyle("number", CELL, alignment=TA_RIGHT)
CONTENTS = ParagraphStyle(
    "contents", SMALL, fontSize=8.5, leading=11, spaceAfter=2, rightIndent=8 * mm
)
HEADINGS = {
    tag: ParagraphStyle(tag, BODY, fontName=_BOLD, fontSize=size, leading=1.25 * size,
                        spaceBefore=before, spaceAfter=after, keepWithNext=1)
    for tag, size, before, after in (
        ("h1", 16, 0, 6), ("h2", 14, 16, 5), ("h3", 11, 8, 2), ("h4", 9, 5, 1), ("h5", 9, 4, 1),
    )
}  # fmt: skip


def _fonts() -> None:
    """Make the figures' fonts known to ReportLab, which embeds them."""
    if FONT in pdfmetrics.getRegisteredFontNames():
        return
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (_MONO, _OTHER):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
        pdfmetrics.registerFontFamily(name, *[name] * 4)
    names = (FONT, _BOLD, *_SLANTED)
    for name in names:
        pdfmetrics.registerFont(TTFont(name, face(name)))
    pdfmetrics.registerFontFamily(FONT, *names)


class Heading(Paragraph):  # type: ignore[misc]
    """A heading that is known to the contents list and the bookmarks.

    Parameters
    ----------
    markup : str
        Of ReportLab's kind.
    style : ParagraphStyle
        Named as the tag.
    key : str
        To which the contents list leads.
    told : str
        What the contents list says of it; it is not in the list if that is empty.
    """

    def __init__(self, markup: str, style: ParagraphStyle, key: str, told: str) -> None:
        super().__init__(markup, style)
        self.key, self.told = key, told


Room = Callable[[str, float, float, Paragraph], Flowable]
"""Name, width and height in millimetres, and caption to room for a figure."""


def story(page: str, room: Room) -> list[Flowable]:
    """Lay out the text of a page."""
    _fonts()
    body = ElementTree.fromstring(page.encode("utf-8", "backslashreplace")).find("body")
    assert body is not None
    return list(_Story(room).blocks(body, BODY))


class _Story:
    """Turns the page's elements into ReportLab's."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.contents: dict[str, str] = {}

    def blocks(self, parent: Element, style: ParagraphStyle) -> Iterator[Flowable]:
        """Lay out what stands in an element."""
        for element in parent:
            kind = element.get("class", "")
            if element.tag == "nav":
                yield from self._nav(element)
            elif element.tag in HEADINGS:
                key = element.get("id", "")
                yield Heading(
                    _inline(element), HEADINGS[element.tag], key, self.contents.get(key, "")
                )
            elif element.tag == "p":
                yield _paragraph(element, SMALL if "note" in kind else style)
            elif element.tag in ("ul", "ol"):
                items = [_paragraph(item, style) for item in element]
                yield ListFlowable(items, bulletType="bullet", start="•", leftIndent=9,
                                   bulletFontName=FONT, bulletFontSize=9)  # fmt: skip
            elif element.tag == "table":
                yield from (_table(element), Spacer(1, 1.5 * mm))
            elif element.tag == "figure":
                yield self._figure(element)
            elif element.tag == "pre":
                lines = (
                    escape("".join(element.itertext())).rstrip().replace(" ", "\N{NO-BREAK SPACE}")
                )
                yield Paragraph(_mono(lines.replace("\n", "<br/>")), SMALL)
            else:
                yield from self.blocks(
                    element, SMALL if "methods" in kind or "made" in kind else style
                )

    def _nav(self, element: Element) -> Iterator[Flowable]:
        """Take from the contents what they say of each section, and put pages beside it."""
        for item in element.iter("li"):
            (link, *_) = item
            self.contents[link.get("href", "")[1:]] = _inline(item)
        yield TableOfContents(levelStyles=[CONTENTS], dotsMinLevel=0)
        yield from (_paragraph(each, SMALL) for each in element.iter("p"))

    def _figure(self, element: Element) -> Flowable:
        image, caption = element
        width, height = (float(image.get(side, 0)) / PX for side in ("width", "height"))
        return self.room(image.get("src", ""), width, height, _paragraph(caption, SMALL))


def _mono(markup: str) -> str:
    return f'<font name="{_MONO}" size="-1">{markup}</font>'


def _safe(text: str | None) -> str:
    """Escape a text; characters that both fonts lack become white squares."""
    there = pdfmetrics.getFont(FONT).face.charToGlyph
    return "".join(
        escape(c) if ord(c) in there else f'<font name="{_OTHER}">{c}</font>'
        for c in printable(re.sub(r"[ \t\n]+", " ", text or "")).replace(r"\$", "$")
    )


def _inline(element: Element) -> str:
    """Turn what stands in a paragraph into ReportLab's markup."""
    out = [_safe(element.text)]
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag == "math":
            out.append(placed(child.get("alttext", "")))
        elif tag == "br":
            out.append("<br/>")
        elif tag == "code":
            out.append(_mono(_inline(child)))
        elif tag == "a":
            out.append(f"<b>{_inline(child)}</b>")
        elif tag in _TAGS:
            out.append(f"<{_TAGS[tag]}>{_inline(child)}</{_TAGS[tag]}>")
        else:
            out.append(_inline(child))
        out.append(_safe(child.tail))
    return "".join(out)


def _paragraph(element: Element, style: ParagraphStyle) -> Paragraph:
    markup = _inline(element).strip()
    return outlined(Paragraph(f"<b>{markup}</b>" if element.tag == "th" else markup, style))


def _table(element: Element) -> Table:
    """Lay out a table; columns are about as wide as their texts ask for."""
    rows = [list(row) for row in element.iter("tr")]
    cells = [
        [_paragraph(cell, NUMBER if cell.get("class") == "n" else CELL) for cell in row]
        for row in rows
    ]
    lengths = [[len("".join(cell.itertext())) for cell in row] for row in rows]
    asked = [min(120, max(8, *column)) ** 0.75 for column in zip(*lengths, strict=True)]
    return Table(
        cells,
        colWidths=[180 * mm * each / sum(asked) for each in asked],
        repeatRows=1,
        hAlign="LEFT",
        style=[
            (name, (0, 0), (-1, -1), *how)
            for name, *how in (
                ("LINEBELOW", 0.25, HexColor(0x999999)),
                ("VALIGN", "TOP"),
                ("LEFTPADDING", 0),
                ("RIGHTPADDING", 9),
                ("TOPPADDING", 1.5),
                ("BOTTOMPADDING", 2),
            )
        ],
    )
