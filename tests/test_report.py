"""The report: whole or not at all, self-contained, every figure and number beside it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from viz.catalogue import VIEWS
from viz.report.build import ReportError, build
from viz.results.weights import DepthwiseKernels


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.fixture
def report(small, tmp_path):
    return build(small, tmp_path / "report")


def test_every_view_is_in_it_with_figures_and_data(report):
    for view in VIEWS:
        for figure in view.figures:
            for suffix in ("png", "svg", "pdf"):
                assert (report / "figures" / f"{figure.name}.{suffix}").stat().st_size > 1000
        assert (report / "data" / f"{view.name}.csv").read_text().count("\n") > 3
    kernels = DepthwiseKernels.load(report / "data" / "depthwise.npz")
    assert kernels.kernels.shape == (48, 5, 5)


def test_the_page_needs_nothing_from_outside(report):
    page = Page()
    text = (report / "index.html").read_text()
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


def test_names_are_escaped(small, tmp_path):
    evil = replace(small, source=replace(small.source, name="<img src=x>漢字"))
    text = (build(evil, tmp_path / "r") / "index.html").read_text()
    assert "<img src=x>" not in text
    assert "&lt;img src=x&gt;漢字" in text


def test_an_existing_folder_is_refused_or_replaced_whole(small, report, tmp_path):
    with pytest.raises(ReportError, match="exists"):
        build(small, report)
    (report / "stale.txt").write_text("old")
    build(small, report, force=True)
    assert not (report / "stale.txt").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(ReportError, match="not a report"):
        build(small, mine, force=True)
    assert (mine / "thesis.tex").exists()


def test_a_failure_leaves_nothing_behind(small, tmp_path, monkeypatch):
    import viz.report.folder as module

    def fail(*arguments, **options):
        raise RuntimeError("disk full")

    monkeypatch.setattr(module, "save_figure", fail)
    with pytest.raises(RuntimeError):
        build(small, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
