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
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from viz.report.formulas import MathCanvas
from viz.report.story import FONT, Heading, story

PAPERS: dict[str, tuple[float, float]] = {"a4": A4, "letter": letter}
_MARGIN = 15 * mm
_FOOT = 12 * mm


_Places = dict[str, tuple[int, float, float, float]]
"""Where the figures are to lie: page, left, bottom, scale, by name."""


class _Room(Flowable):  # type: ignore[misc]
    """Room for a figure; it notes where it came to lie."""

    def __init__(self, name: str, size: tuple[float, float], scale: float, places: _Places) -> None:
        super().__init__()
        self.name, self.full, self.scale, self.places = name, size, scale, places

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take the figure's own size, or less where a page has less."""
        return self.full[0] * self.scale, self.full[1] * self.scale

    def draw(self) -> None:
        """Note the place; the figure is put there afterwards."""
        x, y = self.canv.absolutePosition(0, 0)
        self.places[self.name] = (self.canv.getPageNumber() - 1, x, y, self.scale)


class _Document(BaseDocTemplate):  # type: ignore[misc]
    """Pages with numbers, a contents list and bookmarks."""

    def __init__(self, file: io.BytesIO, size: tuple[float, float], title: str) -> None:
        width, height = size
        super().__init__(
            file, pagesize=size, title=title, author="convmixer-viz", invariant=1,
            leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        )  # fmt: skip
        self.running = title
        frame = Frame(
            _MARGIN, _MARGIN + _FOOT / 2, width - 2 * _MARGIN, height - 2 * _MARGIN - _FOOT / 2,
            leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
        )  # fmt: skip
        self.addPageTemplates([PageTemplate("all", [frame], onPage=self.number)])

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
    places: _Places = {}
    size = PAPERS[paper]
    most = size[1] - 2 * _MARGIN - _FOOT / 2 - 22 * mm

    def room(name: str, width: float, height: float) -> Flowable:
        full = (width * mm, height * mm)
        scale = min(1.0, (size[0] - 2 * _MARGIN) / full[0], most / full[1])
        return _Room(name, full, scale, places)

    text = io.BytesIO()
    _Document(text, size, title).multiBuild(story(page, room), canvasmaker=MathCanvas)
    writer = PdfWriter(clone_from=PdfReader(text))
    for name, (number, x, y, scale) in sorted(places.items()):
        file = next(p for f in folders if (p := f / f"{name}.pdf").is_file())
        _place(writer, number, name, PdfReader(file), (x, y, scale))
    out = io.BytesIO()
    writer.write(out)
    path.write_bytes(out.getvalue())


def _place(
    writer: PdfWriter, number: int, name: str, figure: PdfReader, at: tuple[float, float, float]
) -> None:
    """Put a figure on a page as a form: its drawing is copied as it is, not read."""
    drawn, page, (x, y, scale) = figure.pages[0], writer.pages[number], at
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
    key = NameObject(f"/{name}")
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
