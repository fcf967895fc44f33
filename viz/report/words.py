"""The text of report.pdf, as ReportLab lays it out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from markdown_it.token import Token
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    Flowable,
    KeepTogether,
    ListFlowable,
    PageBreak,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

from viz.plot.style import printable
from viz.report.methods import everywhere, methods_of, parsed
from viz.report.page import network_words, title_of
from viz.report.sections import Section

FONT = "DejaVu"
_FACES = {"": "DejaVuSans", "-Bold": "DejaVuSans-Bold", "-Oblique": "DejaVuSans-Oblique",
          "-BoldOblique": "DejaVuSans-BoldOblique", "-Mono": "DejaVuSansMono"}  # fmt: skip
_GREY = HexColor(0x999999)

BODY = ParagraphStyle("body", fontName=FONT, fontSize=8.5, leading=12, spaceAfter=4)
SMALL = ParagraphStyle("small", BODY, fontSize=7, leading=9.6, spaceAfter=3)
CELL = ParagraphStyle("cell", SMALL, spaceAfter=0, splitLongWords=True)
NUMBER = ParagraphStyle("number", CELL, alignment=TA_RIGHT)
_BOLD = f"{FONT}-Bold"
HEADINGS = (
    ParagraphStyle("h1", BODY, fontName=_BOLD, fontSize=14, leading=17, spaceAfter=6,
                   spaceBefore=10, keepWithNext=1),
    ParagraphStyle("h2", BODY, fontName=_BOLD, fontSize=10, leading=13, spaceBefore=8,
                   keepWithNext=1),
    ParagraphStyle("h3", BODY, fontName=_BOLD, fontSize=8, leading=11, spaceBefore=5,
                   keepWithNext=1),
)  # fmt: skip


def _fonts() -> None:
    """Make matplotlib's DejaVu fonts known to ReportLab: the figures' own, and embedded."""
    if FONT in pdfmetrics.getRegisteredFontNames():
        return
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for face, file in _FACES.items():
        pdfmetrics.registerFont(TTFont(f"{FONT}{face}", str(folder / f"{file}.ttf")))
    pdfmetrics.registerFontFamily(
        FONT, normal=FONT, bold=_BOLD, italic=f"{FONT}-Oblique", boldItalic=f"{FONT}-BoldOblique"
    )


def _safe(text: str) -> str:
    """Escape a text; characters that the font lacks become white squares."""
    return escape(printable(str(text)).replace(r"\$", "$"))


class Heading(Paragraph):  # type: ignore[misc]
    """A heading that is known to the contents list and the bookmarks.

    Parameters
    ----------
    text : str
        Plain.
    level : int
        0 is the highest.
    """

    def __init__(self, text: str, level: int) -> None:
        super().__init__(_safe(text), HEADINGS[min(level, 2)])
        self.level, self.plain = level, text
        self.key = "h" + hashlib.sha256(f"{level}{text}".encode()).hexdigest()[:12]


def story(
    facts: Mapping[str, Any],
    sections: Sequence[Section],
    room: Callable[[str, float, float], Flowable],
) -> list[Flowable]:
    """Write the whole text."""
    _fonts()
    title = title_of(facts)
    contents = TableOfContents(
        levelStyles=[ParagraphStyle("toc", BODY, fontSize=8, leading=11, spaceAfter=0)],
        dotsMinLevel=0,
        tableStyle=TableStyle(
            [("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 0)]
        ),
    )
    out: list[Flowable] = [Paragraph(_safe(title), HEADINGS[0])]
    several = len(facts["checkpoints"]) > 1
    for c in facts["checkpoints"]:
        named = f"<b>{_safe(c['name'])}</b>: " if several else ""
        out += [Paragraph(f"{named}{network_words(c)}", BODY)]
    out += [Heading("In short", 0)]
    out += [
        Paragraph(f"<b>{_safe(s.title)}.</b> {_safe(_short(s))}", SMALL)
        for s in sections
        if _short(s)
    ]
    out += [Paragraph("Contents", HEADINGS[1]), contents, PageBreak()]
    out += _network(facts)
    for section in sections:
        out += _section(section, room)
    out += [PageBreak(), Heading("Methods", 0), *_markdown(everywhere())]
    for method in methods_of([s.name for s in sections if not s.failed]):
        out += [Heading(method.title, 1), *_markdown(method.text)]
    out += [Heading("How this was made", 0), *_made(facts)]
    return out


def _network(facts: Mapping[str, Any]) -> list[Flowable]:
    """Tell the architecture, the input, the file and the images."""
    out: list[Flowable] = [Heading("The network" + "s" * (len(facts["checkpoints"]) > 1), 0)]
    for c in facts["checkpoints"]:
        if len(facts["checkpoints"]) > 1:
            out.append(Heading(c["name"], 1))
        rows = [["Part", "Times", "Each", "Parameters", "Share"]] + [
            [p["part"], str(p["times"]), _safe(p["shape"]), f"{p['parameters']:,}",
             f"{100 * p['share']:.1f} %"]
            for p in c["parts"]
        ]  # fmt: skip
        out.append(_table(rows, (1, 3, 4)))
        pre, source = c["preprocessing"], c["source"]
        words = [
            f"Activation: {c['config']['activation']} ({source['activation_source']}).",
            f"Input: {pre['image_size']} px, crop {pre['crop']}, {pre['interpolation']}, mean "
            f"{', '.join(map(str, pre['mean']))}, std {', '.join(map(str, pre['std']))} "
            f"({pre['known']}).",
            f"File: layout {source['layout']}, {source['dtype']}; SHA-256 {c['sha256']}.",
            *source["warnings"],
        ]
        accuracy = c["training"].get("held_out_accuracy")
        if accuracy is not None:
            words.append(f"Held-out accuracy: {100 * accuracy:.1f} % (as the file says).")
        out += [Spacer(1, 2 * mm), *(Paragraph(_safe(w), BODY) for w in words)]
    images = facts["images"]
    if images:
        names = ", ".join(images["names"][:12]) + (", ..." if len(images["names"]) > 12 else "")
        text = f"Images: {len(images['names'])} of {images['folder']}: {names}. {images['note']}"
        out.append(Paragraph(_safe(text), BODY))
    if facts["sweep"]:
        out.append(Paragraph(_safe(f"Sweep: {facts['sweep']['name']}."), BODY))
    if facts["left_out"]:
        out.append(Paragraph(_safe(f"Left out: {'; '.join(facts['left_out'])}."), BODY))
    return out


def _short(section: Section) -> str:
    said = section.finding.split("\n\n")[0]
    return said or section.nothing or (section.failed and f"failed: {section.failed}")


def _section(section: Section, room: Callable[[str, float, float], Flowable]) -> list[Flowable]:
    out: list[Flowable] = [PageBreak(), Heading(section.title, 0)]
    if section.failed:
        text = f"<b>This section failed.</b> {_safe(section.failed)}"
        out.append(Paragraph(text, BODY))
    if section.nothing:
        out.append(Paragraph(_safe(section.nothing), BODY))
    if section.finding:
        out += [Paragraph(_safe(each), BODY) for each in section.finding.split("\n\n")]
    out.append(Paragraph(f"<b>How this can mislead.</b> {_safe(section.misleads)}", SMALL))
    for each in section.figures:
        place = room(each.name, each.width, each.height)
        text = f"{_safe(f'{each.caption} {each.note}'.strip())} File: figures/{each.name}."
        if place.scale < 1:
            text += f" Shown at {100 * place.scale:.0f} % of its size."
        out.append(KeepTogether([Spacer(1, 2 * mm), place, Paragraph(text, SMALL)]))
    return out


def _anew(facts: Mapping[str, Any]) -> str:
    if "drawn_with" not in facts:
        return ""
    now = facts["drawn_with"]
    return (
        "Figures and pages were drawn anew by another version (drawn_with in manifest.json): "
        f"convmixer-viz {now['convmixer-viz']}, matplotlib {now['matplotlib']}. "
    )


def _made(facts: Mapping[str, Any]) -> list[Flowable]:
    made = ", ".join(f"{n} {v}" for n, v in facts["versions"].items() if n != "code")
    texts = (
        facts["command"],
        f"Seed {facts['settings']['seed']}, threads {facts['threads']}; {made}. {_anew(facts)}"
        "Hashes of checkpoint, images and of every file of the report stand in manifest.json, the "
        "numbers behind every figure in data/.",
    )
    return [Paragraph(_safe(text), BODY) for text in texts if text]


def _table(rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> Table:
    """Lay out cells of markup; columns are about as wide as their texts ask for.

    Columns of numbers stand to the right.
    """
    n = max(len(row) for row in rows)
    cells = [list(row) + [""] * (n - len(row)) for row in rows]
    lengths = [[len(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in cells]
    asked = [min(120, max(8, max(row[i] for row in lengths))) ** 0.75 for i in range(n)]
    widths = [180 * mm * each / sum(asked) for each in asked]
    return _ruled(
        [[Paragraph(c, NUMBER if i in numbers else CELL) for i, c in enumerate(row)]
         for row in cells],
        widths,
    )  # fmt: skip


def _ruled(cells: list[list[Paragraph]], widths: Sequence[float]) -> Table:
    return Table(
        cells,
        colWidths=widths,
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _GREY),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
    )


_MARKS = {"strong_open": "<b>", "strong_close": "</b>", "em_open": "<i>", "em_close": "</i>",
          "softbreak": " ", "hardbreak": "<br/>"}  # fmt: skip


def _inline(token: Token) -> str:
    """Turn a line of Markdown into ReportLab's markup."""
    out = []
    for child in token.children or []:
        if child.type == "code_inline":
            out.append(f'<font name="{FONT}-Mono">{_safe(child.content)}</font>')
        elif child.type in _MARKS:
            out.append(_MARKS[child.type])
        else:
            out.append(_safe(child.content))
    return "".join(out)


def _markdown(text: str) -> list[Flowable]:
    """Lay out a page of methods: headings, paragraphs, lists, tables, lines of code."""
    out: list[Flowable] = []
    items: list[Flowable] | None = None
    rows: list[list[str]] = []
    kind = ""
    for token in parsed(text):
        if token.type == "heading_open":
            kind = "heading"
        elif token.type in ("th_open", "td_open"):
            kind = "cell"
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            items = []
        elif token.type in ("bullet_list_close", "ordered_list_close") and items is not None:
            out.append(ListFlowable(items, bulletType="bullet", start="•", leftIndent=9,
                                    bulletFontName=FONT, bulletFontSize=6))  # fmt: skip
            items = None
        elif token.type == "table_close":
            out += [_table(rows), Spacer(1, 1.5 * mm)]
            rows = []
        elif token.type in ("fence", "code_block"):
            lines = (
                _safe(line).replace(" ", "\N{NO-BREAK SPACE}")
                for line in token.content.splitlines()
            )
            out.append(Paragraph(f'<font name="{FONT}-Mono">{"<br/>".join(lines)}</font>', SMALL))
        elif token.type == "inline":
            if kind == "heading":
                out.append(Paragraph(_inline(token), HEADINGS[2]))
            elif kind == "cell":
                rows[-1].append(_inline(token))
            elif items is not None:
                items.append(Paragraph(_inline(token), SMALL))
            else:
                out.append(Paragraph(_inline(token), SMALL))
            kind = ""
    return out
