"""The report: whole or not at all, self-contained, every figure and number beside it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from viz.catalogue import VIEWS
from viz.model.checkpoint import load
from viz.report.build import ReportError, build, choose


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


WEIGHTS = [row for row in VIEWS if row.name == "depthwise"]


def few_methods(checkpoint, given):
    """Two of the methods, and little spent on their scores."""
    from viz.measure.trust import Effort, rate

    effort = Effort(n_curve=4, n_subsets=4, n_noise=1, n_stages=1, n_random=1)
    return rate(checkpoint, None, methods=("saliency", "grad-cam"), effort=effort)


@pytest.fixture(scope="module")
def whole(small_file, tmp_path_factory):
    """A report of every view; and what it says it wrote."""
    folder = tmp_path_factory.mktemp("whole") / "report"
    rows = [
        replace(row, measure=few_methods) if row.name == "attribution" else row for row in VIEWS
    ]
    return folder, build(load(small_file), folder, views=rows)


@pytest.fixture
def report(small, tmp_path):
    folder = tmp_path / "report"
    build(small, folder, views=WEIGHTS)
    return folder


def test_every_view_is_in_it_with_figures_and_data(whole):
    folder, sections = whole
    assert [s.row.name for s in sections] == [row.name for row in VIEWS]
    assert [s.failed for s in sections] == [""] * len(VIEWS)
    for view in VIEWS:
        for figure in view.figures:
            for suffix in ("png", "svg", "pdf"):
                assert (folder / "figures" / f"{figure.name}.{suffix}").stat().st_size > 1000
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
    assert len(images) == sum(len(view.figures) for view in VIEWS)
    assert all(a["alt"] for a in images)
    assert "script" not in {t for t, _ in page.tags}
    assert re.search(r"default-src 'none'", text)


def test_no_path_of_the_machine_is_in_it(whole, small_file):
    for path in whole[0].rglob("*"):
        if path.suffix in (".html", ".csv", ".json", ".svg"):
            assert str(small_file.parent) not in path.read_text("utf-8"), path.name


def test_a_section_that_fails_is_told_and_the_rest_is_finished(small, tmp_path):
    def broken(checkpoint, given):
        raise ValueError("the sea was <b>angry</b>.")

    rows = [replace(WEIGHTS[0], name="broken", title="Broken", measure=broken), *WEIGHTS]
    sections = build(small, tmp_path / "r", views=rows)
    assert [s.failed for s in sections] == ["the sea was <b>angry</b>.", ""]
    text = (tmp_path / "r" / "index.html").read_text()
    assert "the sea was &lt;b&gt;angry&lt;/b&gt;." in text
    assert (tmp_path / "r" / "data" / "depthwise.npz").is_file()


def test_sections_are_chosen_by_name():
    assert [r.name for r in choose(only=["depthwise"])] == ["depthwise"]
    assert "depthwise" not in [r.name for r in choose(skip=["depthwise"])]
    quick = choose(quick=True)
    assert quick
    assert not any(r.needs_images or r.slow for r in quick)
    with pytest.raises(ReportError, match="no section 'deepwise'"):
        choose(only=["deepwise"])
    with pytest.raises(ReportError, match="no section is left"):
        choose(only=["depthwise"], skip=["depthwise"])


def test_names_are_escaped(small, tmp_path):
    evil = replace(small, source=replace(small.source, name="<img src=x>漢字"))
    build(evil, tmp_path / "r", views=WEIGHTS)
    text = (tmp_path / "r" / "index.html").read_text()
    assert "<img src=x>" not in text
    assert "&lt;img src=x&gt;漢字" in text


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


def test_a_failure_to_write_leaves_nothing_behind(small, tmp_path, monkeypatch):
    import viz.report.folder as module

    def fail(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr(module, "save_figure", fail)
    with pytest.raises(OSError, match="disk full"):
        build(small, tmp_path / "r", views=WEIGHTS)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_cannot_be_written_fail_their_section_alone(small, tmp_path):
    rows = [replace(WEIGHTS[0], summary=lambda result: {"worst": float("nan")})]
    (section,) = build(small, tmp_path / "r", views=rows)
    assert "JSON" in section.failed
    assert "This section failed" in (tmp_path / "r" / "index.html").read_text()
    assert not list((tmp_path / "r" / "data").iterdir())


def test_broken_images_are_named_and_not_counted(small, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "broken.jpg").write_text("no image")
    Image.new("RGB", (40, 40), "red").save(images / "red.png")

    def measure(checkpoint, given):
        assert [batch.names for batch in given.images().batches()] == [("red.png",)]
        return WEIGHTS[0].measure(checkpoint, given)

    row = replace(WEIGHTS[0], measure=measure, needs_images=True, figures=WEIGHTS[0].figures[:1])
    build(small, tmp_path / "r", views=[row], images=images)
    text = (tmp_path / "r" / "index.html").read_text()
    assert "<td>1: red.png</td>" in text
    assert "1 of 2 images skipped: broken.jpg: not an image" in text
