"""The report: whole or not at all, self-contained, every figure and number beside it."""

import json
import re
from dataclasses import replace
from hashlib import sha256

import html5lib
import pytest
from PIL import Image
from pypdf import PdfReader

from viz.core.refusal import Refusal
from viz.core.result import ResultFileError
from viz.report.build import build
from viz.report.plan import ReportError, choose
from viz.report.tex import escape_tex
from viz.views import VIEWS

(PATCHES,) = (row for row in VIEWS if row.name == "patch-filters")
WEIGHTS = [replace(PATCHES, drawings=lambda: PATCHES.figures[:1])]


@pytest.fixture(scope="module")
def page(whole):
    """Its page, as a browser reads it; what is no HTML fails."""
    text = (whole.folder / "index.html").read_text("utf-8")
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def words(element):
    return re.sub(r"\s+", " ", "".join(element.itertext()))


def test_every_view_is_in_it_with_figures_and_data(whole, page):
    names = [row.name for row in VIEWS]
    assert [s.name for s in whole.sections] == ["first-look", *names]
    assert [s.name for s in whole.sections if s.failed] == []
    # Untrained kernels may have no names to compare anything with: told, and no failure.
    without = {s.name: s.nothing for s in whole.sections if s.nothing}
    assert without.keys() <= {"preferred-inputs"}
    assert all(text in words(page) for text in without.values())
    for view in VIEWS:
        if view.name in without:
            continue
        for figure in view.figures:
            assert (whole.folder / "figures" / f"{figure.name}.pdf").stat().st_size > 0
        found = view.load(whole.folder / "data" / f"{view.name}.npz")
        assert found.source.name == whole.name


def test_it_begins_with_a_picture_and_a_sentence(whole, page):
    """Both before the contents, in which every section has a sentence of its finding."""
    first, *rest = whole.sections
    header, nav = page.find(".//header"), page.find(".//nav")
    assert first.finding in words(header)
    (picture,) = header.iter("img")
    assert picture.get("src").startswith("data:image/png")
    listed = {li.find("a").get("href"): words(li) for li in nav.iter("li")}
    for section in rest:
        said = section.finding or section.nothing
        told = listed[f"#{section.name}"].removeprefix(section.title).lstrip(". ")
        assert told == said[: len(told)]
        assert bool(told) == bool(said)
        assert page.find(f".//*[@id='{section.name}']") is not None
    printed = PdfReader(whole.folder / "report.pdf").pages[0]
    assert "/first-look" in printed["/Resources"]["/XObject"]
    assert first.finding.split()[0] in printed.extract_text()


def test_the_page_needs_nothing_from_outside(whole, page):
    for element in page.iter():
        for name in ("src", "href"):
            value = element.get(name) or ""
            assert not value or value.startswith(("data:", "#")), (element.tag, value)
    images = list(page.iter("img"))
    assert len(images) == sum(len(section.figures) for section in whole.sections)
    assert all(image.get("alt") for image in images)
    assert page.find(".//script") is None
    (policy,) = (m.get("content") for m in page.iter("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_findings_stand_on_the_page_and_in_the_data(whole, page):
    found = json.loads((whole.folder / "data" / "summary.json").read_text("utf-8"))
    assert [(f["section"], f["sentence"]) for f in found] == [
        (s.name, s.finding) for s in whole.sections if s.finding
    ]
    text = words(page)
    for each in found:
        assert all(paragraph in text for paragraph in each["sentence"].split("\n\n"))
    # A number that is none is left out, or its absence is told.
    assert not re.search(r"\bnan\b", text.partition("Methods The network.")[0])


def test_the_printed_report_holds_every_section_and_figure(whole):
    pages = PdfReader(whole.folder / "report.pdf").pages
    text = " ".join("\n".join(page.extract_text() for page in pages).split())
    forms = {name for page in pages for name in page["/Resources"].get("/XObject", {})}
    for section in whole.sections[1:]:
        assert section.title in text
    # The text is set in the figures' font.
    fonts = [str(f.get_object()["/BaseFont"]) for f in pages[0]["/Resources"]["/Font"].values()]
    assert {"Roboto-Regular", "Roboto-Bold"} <= {name.rpartition("+")[2] for name in fonts}
    assert {f"/{f.name}" for section in whole.sections for f in section.figures} <= forms
    assert (pages[0].mediabox.width, pages[0].mediabox.height) == pytest.approx(
        (210 / 25.4 * 72, 297 / 25.4 * 72), abs=0.1
    )


def test_every_figure_says_its_scale_and_its_width(whole):
    """Colour means something only with a scale: a bar, a key, or words."""
    tex = (whole.folder / "figures" / "figures.tex").read_text("utf-8")
    for section in whole.sections:
        assert all((f.columns, f.width) == (1, 85) for f in section.narrow)
        for figure in (*section.figures, *section.narrow):
            star = "*" if figure.columns == 2 else ""
            assert figure.width <= (85.5 if figure.columns == 1 else 180.5), figure.name
            include = f"\\includegraphics[width={figure.width:g}mm]{{figures/{figure.name}.pdf}}"
            assert f"\\begin{{figure{star}}}\n  \\centering\n  {include}" in tex
            assert figure.note and escape_tex(figure.note) in tex, figure.name
            assert (whole.folder / "figures" / f"{figure.name}.pdf").is_file()


def test_the_manifest_tells_every_file(whole):
    manifest = json.loads((whole.folder / "manifest.json").read_text("utf-8"))
    files = [p for p in whole.folder.rglob("*") if p.is_file() and p.name != "manifest.json"]
    there = {p.relative_to(whole.folder).as_posix(): p for p in files}
    assert set(manifest["files"]) == set(there)
    for name, told in manifest["files"].items():
        assert sha256(there[name].read_bytes()).hexdigest() == told["sha256"]
    assert set(manifest["times"]["seconds"]) == {s.name for s in whole.sections}
    assert set(manifest["images"]["sha256"]) == {"china.jpg", "flower.jpg"}
    parts = manifest["checkpoints"][0]["parts"]
    assert sum(p["parameters"] for p in parts) == manifest["checkpoints"][0]["parameters"]


def test_no_path_of_the_machine_is_in_it(whole, small_file):
    for path in (p for p in whole.folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        for folder in (small_file.parent, whole.folder.parent):
            assert str(folder).encode() not in data, path.name
    for name in ("index.html", "manifest.json", "figures/figures.tex"):
        text = re.sub(r"base64,[\w+/=]+", "", (whole.folder / name).read_text("utf-8"))
        assert not re.findall(r"(?:/home|/tmp|/root|/usr|/work|[A-Z]:\\)[/\\]?[^\s\"]*", text), name


def test_names_are_escaped(whole, page):
    assert whole.name.startswith("<img src=x>")
    assert page.find(".//h1").text == whole.name
    tex = (whole.folder / "figures" / "figures.tex").read_text("utf-8")
    assert r"\textless{}img src=x\textgreater{}漢字 50\%\_\$x\textasciicircum{}\{a\}" in tex
    assert r"\textbackslash{}\textbackslash{}\#\&\textasciitilde{}" in tex
    printed = PdfReader(whole.folder / "report.pdf").pages[0].extract_text()
    assert r"<img src=x>□□ 50%_$x^{a}\\#&~" in printed


@pytest.mark.usefixtures("bare_figures")
def test_a_section_that_fails_is_told_and_the_rest_is_finished(small, tmp_path):
    """It cannot be measured, or its numbers cannot be written."""

    def broken(checkpoint, given):
        raise Refusal("the sea was <b>angry</b>.")

    rows = [
        replace(WEIGHTS[0], name="broken", title="Broken", measure=broken),
        replace(WEIGHTS[0], name="worst", summary=lambda result: {"worst": float("nan")}),
        *WEIGHTS,
    ]
    _, first, second, third = build(small, tmp_path / "r", views=rows, formats=(".svg",))
    assert first.failed == "the sea was <b>angry</b>."
    assert "JSON" in second.failed
    assert not third.failed
    text = (tmp_path / "r" / "index.html").read_text()
    assert "the sea was &lt;b&gt;angry&lt;/b&gt;." in text
    found = {p.stem for p in (tmp_path / "r" / "data").iterdir()}
    assert found == {"first-look", "patch-filters", "network", "summary"}


def test_sections_are_chosen_by_name():
    assert [r.name for r in choose(only=["kernels"])] == ["kernels"]
    assert "kernels" not in [r.name for r in choose(skip=["kernels"])]
    quick, usual, full = (choose(**how) for how in ({"quick": True}, {}, {"full": True}))
    assert 0 < len(quick) < len(usual) < len(full)
    assert not any(r.needs_images or r.slow for r in quick)
    assert not any(r.slow for r in usual)
    assert full == VIEWS
    with pytest.raises(ReportError, match="no section 'deepwise'"):
        choose(only=["deepwise"])
    with pytest.raises(ReportError, match="no section is left"):
        choose(only=["kernels"], skip=["kernels"])


@pytest.mark.usefixtures("bare_figures")
def test_an_existing_folder_is_refused_or_replaced_whole(small, tmp_path):
    """And broken images are named, and not counted."""
    images, report = tmp_path / "images", tmp_path / "report"
    images.mkdir()
    (images / "broken.jpg").write_text("no image")
    Image.new("RGB", (40, 40), "red").save(images / "red.png")
    report.mkdir()
    (report / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="exists"):
        build(small, report, views=WEIGHTS)
    with pytest.raises(ReportError, match="not a report"):
        build(small, report, views=WEIGHTS, force=True)
    assert (report / "thesis.tex").exists()
    (report / "thesis.tex").rename(report / "index.html")
    (report / "stale.txt").write_text("old")

    def measure(checkpoint, given):
        assert [batch.names for batch in given.images().batches()] == [("red.png",)]
        return WEIGHTS[0].measure(checkpoint, given)

    rows = [replace(WEIGHTS[0], measure=measure, images="needed")]
    build(small, report, views=rows, images=images, formats=(".svg",), force=True)
    assert not (report / "stale.txt").exists()
    text = (report / "index.html").read_text()
    assert "Images: 1 of images: red.png." in text
    assert "1 of 2 images skipped: broken.jpg: not an image" in text


def test_a_file_that_is_no_sweep_is_refused_before_any_work(small, tmp_path, monkeypatch):
    (tmp_path / "s.npz").write_text("no sweep")
    monkeypatch.setattr("viz.report.build.begin", lambda *a, **b: pytest.fail("begun"))
    with pytest.raises(ResultFileError, match=r"s\.npz"):
        build(small, tmp_path / "r", views=WEIGHTS, sweep=tmp_path / "s.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]
