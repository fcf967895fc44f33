"""The report's page in a real browser, with the network cut."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from viz.report.build import build
from viz.views import VIEWS

sys.path.insert(0, str(Path(__file__).parent / "explorer"))
from browsing import PATIENCE, launched

pytestmark = pytest.mark.browser

NAMES = ("patch-filters", "early-late")


@pytest.fixture(scope="module")
def page(small_file, tmp_path_factory, stub_save):
    """The page of a report whose names are odd, opened from a file."""
    from viz.network.checkpoint import load

    small = load(small_file)
    odd = replace(small, source=replace(small.source, name='<b>漢字</b>"&' + "x" * 80 + ".pth"))
    folder = tmp_path_factory.mktemp("page") / "report"
    rows = [row for row in VIEWS if row.name in NAMES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("viz.report.sections.save_figure", stub_save)
        build(odd, folder, views=rows, formats=(".pdf",))
    with launched() as browser:
        context = browser.new_context(offline=True, java_script_enabled=False)
        context.set_default_timeout(PATIENCE * 1000)
        opened = context.new_page()
        opened.told, opened.asked = [], []
        opened.on("console", lambda message: opened.told.append(message.text))
        opened.on("pageerror", lambda error: opened.told.append(str(error)))
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.goto((folder / "index.html").as_uri())
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_opens_without_the_network_and_fits(page, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, media="screen")
    body = page.evaluate("document.documentElement.scrollWidth")
    assert body <= width
    for image in page.locator("img").all():
        assert image.evaluate("e => e.complete && e.naturalWidth > 0")
        assert image.bounding_box()["width"] <= width
    colours = page.locator("body").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.documentElement).colorScheme]"
    )
    assert colours[0] == ("rgb(0, 0, 0)" if scheme == "light" else "rgb(255, 255, 255)")
    assert page.told == []
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    assert len([url for url in page.asked if url.startswith("file:")]) == 1


def test_the_summary_is_one_screen(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen")
    assert page.locator("section.short").bounding_box()["height"] <= 900


def test_contents_lead_to_their_sections(page):
    for link in page.locator("nav a").all():
        target = link.get_attribute("href")
        assert page.locator(f'[id="{target[1:]}"]').count() == 1


def test_it_prints(page, tmp_path):
    from pypdf import PdfReader

    page.emulate_media(media="print")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    pages = PdfReader(tmp_path / "page.pdf").pages
    text = "".join(p.extract_text() for p in pages)
    assert "How this can mislead" in text
    assert 3 <= len(pages) <= 40
