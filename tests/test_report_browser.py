"""The report's page in a real browser, with the network cut."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "explorer"))
from browsing import PATIENCE, launched

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(whole):
    """The page of the report of a network whose name is odd, opened from a file."""
    with launched() as browser:
        context = browser.new_context(offline=True, java_script_enabled=False)
        context.set_default_timeout(PATIENCE * 1000)
        opened = context.new_page()
        opened.told, opened.asked = [], []
        opened.on("console", lambda message: opened.told.append(message.text))
        opened.on("pageerror", lambda error: opened.told.append(str(error)))
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.goto((whole.folder / "index.html").as_uri())
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
    # The first picture is whole; others scroll by themselves where their text would be too small.
    assert page.locator("header img").first.bounding_box()["width"] <= width
    colours = page.locator("body").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.documentElement).colorScheme]"
    )
    assert colours[0] == ("rgb(0, 0, 0)" if scheme == "light" else "rgb(255, 255, 255)")
    fonts = page.evaluate("[...document.fonts].map((f) => [f.family, f.status])")
    assert fonts == [["Roboto", "loaded"]] * 3
    assert page.told == []
    assert all(url.startswith(("file:", "data:")) for url in page.asked)
    assert len([url for url in page.asked if url.startswith("file:")]) == 1


def test_the_first_screen_holds_the_sentence_and_the_picture(page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="screen")
    picture = page.locator("header img").bounding_box()
    assert 0 < page.locator(".verdict").bounding_box()["y"] < picture["y"]
    assert picture["y"] + picture["height"] <= 900


def test_formulas_are_mathematics(page):
    """A fraction is higher than a letter: the browser lays it out, nothing shows its TeX."""
    fraction, letter = page.locator("mfrac").first, page.locator("math mi").first
    assert fraction.bounding_box()["height"] > 1.5 * letter.bounding_box()["height"]
    assert "$" not in page.locator(".methods").inner_text()


def test_it_prints(page, tmp_path):
    from pypdf import PdfReader

    page.emulate_media(media="print")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    pages = PdfReader(tmp_path / "page.pdf").pages
    text = "".join(p.extract_text() for p in pages)
    assert "How this can mislead" in text
    assert len(pages) > 3
