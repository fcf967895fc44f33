"""report.pdf: pages of text by ReportLab, with the figures' own PDFs placed on them by pypdf."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    PdfObject,
)
from reportlab.lib.pagesizes import A4, letter
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph

from viz.report.formulas import MathCanvas
from viz.report.story import FONT, Heading, story

PAPERS: dict[str, tuple[float, float]] = {"a4": A4, "letter": letter}
_MARGIN = 15 * mm
_FOOT = 12 * mm
_GAP = 2 * mm
_SMALLEST = 0.85
"""Of its size that a figure is drawn at, where one more fits then; its 7 pt stay 6."""


class _Room(Flowable):  # type: ignore[misc]
    """Room for a figure with its caption, below or beside it; it knows where it came to lie."""

    def __init__(self, name: str, width: float, height: float, caption: Paragraph) -> None:
        super().__init__()
        self.name, self.caption, self.share = name, caption, 1.0
        self.full = width * mm, height * mm

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take its share of the figure's own size, or a little less where it fits then."""
        self.beside = self.full[0] < 0.6 * width
        told = width - self.full[0] - 2 * _GAP if self.beside else width
        _, text = self.caption.wrap(told, height)
        self.below = 0 if self.beside else text + _GAP / 2
        whole = self.share * min(1.0, width / self.full[0])
        fits = (height - self.below - 2 * _GAP) / self.full[1]
        self.scale = fits if _SMALLEST * whole <= fits < whole else whole
        self.width, self.high = width, max(self.full[1] * self.scale, self.beside * text)
        return width, self.high + self.below + 2 * _GAP

    def draw(self) -> None:
        """Write the caption, and note the place; the figure is put there afterwards."""
        across = self.full[0] * self.scale
        x, y = self.canv.absolutePosition(
            0 if self.beside else (self.width - across) / 2, _GAP + self.below
        )
        self.place = self.canv.getPageNumber() - 1, x, y
        self.caption.drawOn(self.canv, across + 2 * _GAP if self.beside else 0, _GAP)


class _Document(BaseDocTemplate):  # type: ignore[misc]
    """Pages with numbers, a contents list and bookmarks."""

    def __init__(
        self, file: io.BytesIO, size: tuple[float, float], title: str, flowables: list[Flowable]
    ) -> None:
        bottom = _MARGIN + _FOOT / 2
        super().__init__(
            file, pagesize=size, title=title, author="convmixer-viz", invariant=1,
            leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=bottom,
        )  # fmt: skip
        self.running, self.flowables = title, flowables
        frame = Frame(_MARGIN, bottom, self.width, self.height, 0, 0, 0, 0)
        self.addPageTemplates([PageTemplate("all", [frame], onPage=self.number)])

    def beforeDocument(self) -> None:
        """Lay the figures out; from the last pass it is known how long the contents are."""
        _fill(self.flowables, self.canv, self.width, self.height)

    def number(self, canvas: Canvas, document: BaseDocTemplate) -> None:
        """Write the foot of a page."""
        canvas.setFont(FONT, 7)
        canvas.drawString(_MARGIN, _MARGIN - 2 * mm, self.running[:100])
        canvas.drawRightString(
            self.pagesize[0] - _MARGIN, _MARGIN - 2 * mm, str(canvas.getPageNumber())
        )

    def afterFlowable(self, flowable: Flowable) -> None:
        """Put headings into the contents list and the bookmarks."""
        if isinstance(flowable, Heading) and flowable.told:
            self.canv.bookmarkPage(flowable.key)
            self.canv.addOutlineEntry(flowable.getPlainText(), flowable.key, 0)
            self.notify("TOCEntry", (0, flowable.told, self.page, flowable.key))


def write_pdf(path: Path, page: str, title: str, paper: str, folders: Sequence[Path]) -> None:
    """Write a page for printing; the folders hold its figures."""
    text, flowables = io.BytesIO(), story(page, _Room)
    _Document(text, PAPERS[paper], title, flowables).multiBuild(flowables, canvasmaker=MathCanvas)
    writer = PdfWriter(clone_from=PdfReader(text))
    for room in (each for each in flowables if isinstance(each, _Room)):
        file = next(p for f in folders if (p := f / f"{room.name}.pdf").is_file())
        _place(writer, room, PdfReader(file))
    out = io.BytesIO()
    writer.write(out)
    path.write_bytes(out.getvalue())


def _fill(flowables: Sequence[Flowable], canvas: Canvas, width: float, height: float) -> None:
    """Make the figures of a page a little smaller, where the next one fits on it then."""
    left, figures = height, list[_Room]()
    for each in flowables:
        each.share = 1.0
        high = each.wrapOn(canvas, width, 2 * height)[1] + each.getSpaceAfter()
        if left < height:
            high += each.getSpaceBefore()
        if isinstance(each, _Room):
            figures.append(each)
            share = 1 - (high - left) / sum(figure.high for figure in figures)
            if share <= _SMALLEST:
                left, figures = height, [each]
                share = 1 - (high - left) / each.high
            if share < 1:
                for figure in figures:
                    figure.share = share
                left, high, figures = height, 0, []
        if high > left:
            # A text goes on, on the next page.
            left, figures = left + height, []
        left -= high


def _place(writer: PdfWriter, room: _Room, figure: PdfReader) -> None:
    """Put a figure on a page as a form: its drawing is copied as it is, not read."""
    (number, x, y), scale, drawn = room.place, room.scale, figure.pages[0]
    page = writer.pages[number]
    contents = drawn.get_contents()
    stream = DecodedStreamObject()
    stream.set_data(b"" if contents is None else contents.get_data())
    form = stream.flate_encode()
    form.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): ArrayObject(FloatObject(v) for v in drawn.mediabox),
            NameObject("/Resources"): _there(drawn["/Resources"]).clone(writer),
        }
    )
    if "/Group" in drawn:
        form[NameObject("/Group")] = _there(drawn["/Group"]).clone(writer)
    key = NameObject(f"/{room.name}")
    resources = _there(page["/Resources"])
    forms = _there(resources.setdefault(NameObject("/XObject"), DictionaryObject()))
    forms[key] = writer._add_object(form)
    left, bottom = x - scale * float(drawn.mediabox.left), y - scale * float(drawn.mediabox.bottom)
    words = f"q {scale:.5f} 0 0 {scale:.5f} {left:.3f} {bottom:.3f} cm {key} Do Q\n"
    before = page.get_contents()
    whole = DecodedStreamObject()
    whole.set_data((b"" if before is None else before.get_data()) + b"\n" + words.encode())
    page[NameObject("/Contents")] = writer._add_object(whole.flate_encode())


def _there(entry: PdfObject) -> DictionaryObject:
    """Return a dictionary that a PDF may hold in another place."""
    found = entry.get_object()
    if not isinstance(found, DictionaryObject):
        raise TypeError(f"a dictionary expected, {type(found).__name__} found.")
    return found
