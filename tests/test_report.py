"""The report: whole or not at all, self-contained, every figure and number beside it."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import html5lib
import pytest
from PIL import Image
from pypdf import PdfReader

from viz.core.refusal import Refusal
from viz.core.result import ResultFileError
from viz.network.checkpoint import load
from viz.report.build import build
from viz.report.plan import ReportError, choose
from viz.views import VIEWS


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


(DEPTHWISE,) = (row for row in VIEWS if row.name == "kernels")
WEIGHTS = [replace(DEPTHWISE, drawings=lambda: DEPTHWISE.figures[3:4])]


def few_methods(checkpoint, given):
    """Two of the methods, and little spent on their scores."""
    from viz.views.attribution.measure import Effort, rate

    effort = Effort(n_curve=4, n_subsets=4, n_noise=1, n_stages=1, n_random=1)
    return rate(checkpoint, None, methods=("saliency", "grad-cam"), effort=effort)


def few_bootstraps(checkpoint, given):
    """Clusters, and little spent on their stability."""
    from viz.views.clusters.measure import cluster_checkpoint
    from viz.views.described import depthwise_description

    found = depthwise_description(checkpoint, given)
    return cluster_checkpoint(checkpoint, found, n_bootstraps=3)


QUICKER = {"attribution": few_methods, "clusters": few_bootstraps}
# These are saved as they are; every figure is drawn for the page.
INKED = {"kernels", "early-late", "receptive-field", "attribution"}
assert {figure.name for row in VIEWS for figure in row.figures} >= INKED


@pytest.fixture(scope="module")
def small(small_file):
    """Loaded once: its description lasts as long as it does."""
    return load(small_file)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory, stub_save):
    """A report of every view; and what it says it wrote."""
    import viz.report.sections as module

    folder = tmp_path_factory.mktemp("whole") / "report"
    rows = [replace(row, measure=QUICKER.get(row.name, row.measure)) for row in VIEWS]
    save = module.save_figure

    def some(figure, path, **options):
        return (save if path.stem in INKED else stub_save)(figure, path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE_DPI", 40)
        patch.setattr(module, "save_figure", some)
        return folder, build(small, folder, views=rows, formats=(".pdf",))


@pytest.fixture
def report(small, tmp_path, bare_figures):
    folder = tmp_path / "report"
    build(small, folder, views=WEIGHTS)
    return folder


def test_every_view_is_in_it_with_figures_and_data(whole):
    folder, sections = whole
    assert [s.name for s in sections] == [row.name for row in VIEWS]
    assert [s.name for s in sections if s.failed] == []
    # Untrained kernels may have no names to compare anything with: told, and no failure.
    without = {s.name: s.nothing for s in sections if s.nothing}
    assert without.keys() <= {"preferred-inputs"}
    for text in without.values():
        assert f"<p>{text}</p>" in (folder / "index.html").read_text("utf-8")
    for view in VIEWS:
        if view.name in without:
            continue
        for figure in view.figures:
            size = (folder / "figures" / f"{figure.name}.pdf").stat().st_size
            assert size > (1000 if figure.name in INKED else 0)
        assert view.load(folder / "data" / f"{view.name}.npz").source.name == "small.safetensors"


def test_the_page_needs_nothing_from_outside(whole):
    page = Page()
    text = (whole[0] / "index.html").read_text()
    page.feed(text)
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("data:", "#")), (tag, value)
    images = [a for t, a in page.tags if t == "img"]
    assert len(images) == sum(len(section.figures) for section in whole[1])
    assert all(a["alt"] for a in images)
    assert "script" not in {t for t, _ in page.tags}
    (policy,) = (a["content"] for t, a in page.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_is_valid_html(whole):
    html5lib.HTMLParser(strict=True).parse((whole[0] / "index.html").read_text("utf-8"))


def test_findings_stand_on_the_page_and_in_the_data(whole):
    folder, sections = whole
    found = json.loads((folder / "data" / "summary.json").read_text("utf-8"))
    assert [(f["section"], f["sentence"]) for f in found] == [
        (s.name, s.finding) for s in sections if s.finding
    ]
    text = (folder / "index.html").read_text("utf-8")
    short = html5lib.parse(text[text.index('<section class="short">') : text.index("</section>")])
    short = re.sub(r"\s+", " ", "".join(short.itertext()))
    whole_page = re.sub(r"\s+", " ", "".join(html5lib.parse(text).itertext()))
    for each in found:
        first, *rest = each["sentence"].split("\n\n")
        assert first in short
        assert all(paragraph in whole_page for paragraph in rest)


def test_the_printed_report_holds_every_section_and_figure(whole):
    folder, sections = whole
    pages = PdfReader(folder / "report.pdf").pages
    text = "\n".join(page.extract_text() for page in pages)
    forms = {name for page in pages for name in page["/Resources"].get("/XObject", {})}
    for section in sections:
        assert section.title in text
        for figure in section.figures:
            assert f"/{figure.name}" in forms
    assert (pages[0].mediabox.width, pages[0].mediabox.height) == pytest.approx(
        (210 / 25.4 * 72, 297 / 25.4 * 72), abs=0.1
    )


def test_every_figure_says_its_scale_and_its_width(whole):
    """Colour means something only with a scale: a bar, a key, or words."""
    folder, sections = whole
    tex = (folder / "figures" / "figures.tex").read_text("utf-8")
    for section in sections:
        for figure in section.figures:
            star = "*" if figure.columns == 2 else ""
            assert figure.width <= (85.5 if figure.columns == 1 else 180.5), figure.name
            include = f"\\includegraphics[width={figure.width:g}mm]{{figures/{figure.name}.pdf}}"
            assert f"\\begin{{figure{star}}}\n  \\centering\n  {include}" in tex
            assert figure.note, figure.name
        for figure in section.narrow:
            assert (figure.columns, figure.width) == (1, 85), figure.name
            include = f"\\includegraphics[width=85mm]{{figures/{figure.name}.pdf}}"
            assert f"\\begin{{figure}}\n  \\centering\n  {include}" in tex
            assert (folder / "figures" / f"{figure.name}.pdf").is_file()


def test_the_manifest_tells_every_file(whole):
    folder, _ = whole
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == set(there) - {"manifest.json"}
    for name, told in manifest["files"].items():
        assert sha256(there[name].read_bytes()).hexdigest() == told["sha256"]
    assert set(manifest["times"]["seconds"]) == {row.name for row in VIEWS}
    assert set(manifest["images"]["sha256"]) == {"china.jpg", "flower.jpg"}
    parts = manifest["checkpoints"][0]["parts"]
    assert sum(p["parameters"] for p in parts) == manifest["checkpoints"][0]["parameters"]


def test_no_path_of_the_machine_is_in_it(whole, small_file):
    for path in whole[0].rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for folder in (small_file.parent, whole[0].parent):
                assert str(folder).encode() not in data, path.name
    for name in ("index.html", "manifest.json", "figures/figures.tex"):
        text = re.sub(r"base64,[\w+/=]+", "", (whole[0] / name).read_text("utf-8"))
        assert not re.findall(r"(?:/home|/tmp|/root|/usr|/work|[A-Z]:\\)[/\\]?[^\s\"]*", text), name


@pytest.mark.usefixtures("bare_figures")
def test_a_section_that_fails_is_told_and_the_rest_is_finished(small, tmp_path):
    def broken(checkpoint, given):
        raise Refusal("the sea was <b>angry</b>.")

    rows = [replace(WEIGHTS[0], name="broken", title="Broken", measure=broken), *WEIGHTS]
    sections = build(small, tmp_path / "r", views=rows)
    assert [s.failed for s in sections] == ["the sea was <b>angry</b>.", ""]
    text = (tmp_path / "r" / "index.html").read_text()
    assert "the sea was &lt;b&gt;angry&lt;/b&gt;." in text
    assert (tmp_path / "r" / "data" / "kernels.npz").is_file()


def test_sections_are_chosen_by_name():
    assert [r.name for r in choose(only=["kernels"])] == ["kernels"]
    assert "kernels" not in [r.name for r in choose(skip=["kernels"])]
    quick = choose(quick=True)
    assert quick
    assert not any(r.needs_images or r.slow for r in quick)
    with pytest.raises(ReportError, match="no section 'deepwise'"):
        choose(only=["deepwise"])
    with pytest.raises(ReportError, match="no section is left"):
        choose(only=["kernels"], skip=["kernels"])


@pytest.mark.usefixtures("bare_figures")
def test_names_are_escaped(small, tmp_path):
    evil = replace(small, source=replace(small.source, name=r"<img src=x>漢字 50%_$x^{a}\\#&~.pth"))
    build(evil, tmp_path / "r", views=WEIGHTS)
    text = (tmp_path / "r" / "index.html").read_text("utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    assert "<img src=x>" not in text
    assert "&lt;img src=x&gt;漢字" in text
    tex = (tmp_path / "r" / "figures" / "figures.tex").read_text("utf-8")
    assert r"\textless{}img src=x\textgreater{}漢字 50\%\_\$x\textasciicircum{}\{a\}" in tex
    assert r"\textbackslash{}\textbackslash{}\#\&\textasciitilde{}.pth" in tex
    printed = PdfReader(tmp_path / "r" / "report.pdf").pages[0].extract_text()
    assert r"<img src=x>□□ 50%_$x^{a}\\#&~.pth" in printed


def test_an_existing_folder_is_refused_or_replaced_whole(small, report, tmp_path):
    with pytest.raises(ReportError, match="exists"):
        build(small, report, views=WEIGHTS)
    (report / "stale.txt").write_text("old")
    build(small, report, views=WEIGHTS, force=True)
    assert not (report / "stale.txt").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="not a report"):
        build(small, mine, views=WEIGHTS, force=True)
    assert (mine / "thesis.tex").exists()


@pytest.mark.usefixtures("bare_figures")
def test_numbers_that_cannot_be_written_fail_their_section_alone(small, tmp_path):
    rows = [replace(WEIGHTS[0], summary=lambda result: {"worst": float("nan")})]
    (section,) = build(small, tmp_path / "r", views=rows)
    assert "JSON" in section.failed
    assert "This section failed" in (tmp_path / "r" / "index.html").read_text()
    assert not list((tmp_path / "r" / "data").glob("kernels.*"))


@pytest.mark.usefixtures("bare_figures")
def test_broken_images_are_named_and_not_counted(small, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "broken.jpg").write_text("no image")
    Image.new("RGB", (40, 40), "red").save(images / "red.png")

    def measure(checkpoint, given):
        assert [batch.names for batch in given.images().batches()] == [("red.png",)]
        return WEIGHTS[0].measure(checkpoint, given)

    row = replace(
        WEIGHTS[0], measure=measure, images="needed", drawings=lambda: WEIGHTS[0].figures[:1]
    )
    build(small, tmp_path / "r", views=[row], images=images)
    text = (tmp_path / "r" / "index.html").read_text()
    assert "Images: 1 of images: red.png." in text
    assert "1 of 2 images skipped: broken.jpg: not an image" in text


def test_a_file_that_is_no_sweep_is_refused_before_any_work(small, tmp_path, monkeypatch):
    (tmp_path / "s.npz").write_text("no sweep")
    monkeypatch.setattr("viz.report.build.begin", lambda *a, **b: pytest.fail("begun"))
    with pytest.raises(ResultFileError, match=r"s\.npz"):
        build(small, tmp_path / "r", views=WEIGHTS, sweep=tmp_path / "s.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]
