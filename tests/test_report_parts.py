"""Parts of reports: numbers traced, names instead of paths, texts for TeX, methods, the command."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from viz.report import formulas
from viz.report.facts import command_line
from viz.report.methods import everywhere, methods_of, to_html
from viz.report.names import without_paths
from viz.report.page import short
from viz.report.paper import _fill, _Room
from viz.report.sections import Section
from viz.report.tex import escape_tex
from viz.views import COMPARISONS, VIEWS


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (["'/tmp/a b/c.png' is broken", r"C:\Users\me\x.pth"], ["'c.png' is broken", "x.pth"]),
        ({"a": "1/2 of it, and/or n/a, /n"}, {"a": "1/2 of it, and/or n/a, /n"}),
        ("No such file: '/home/my nets/of me/x y.npz'", "No such file: 'x y.npz'"),
        ("skipped:/home/me/a.png, file:///home/me/b.png", "skipped:a.png, file:b.png"),
        ("isn't 'a/b' or '/n' of http://x.org/y/z", "isn't 'a/b' or '/n' of http://x.org/y/z"),
    ],
)
def test_of_paths_the_last_name_is_left(told, left):
    assert without_paths(told, ["/tmp/a b"]) == left


def test_tex_prints_what_was_written():
    text = "100 %_of_$x^2 {a} & #b ~c \\d <e> R² 漢字"
    assert escape_tex(text) == (
        r"100 \%\_of\_\$x\textasciicircum{}2 \{a\} \& \#b \textasciitilde{}c "
        r"\textbackslash{}d \textless{}e\textgreater{} R\textsuperscript{2} 漢字"
    )
    assert escape_tex("a\x00b\x1bc\nd") == "abc d"


def test_the_command_is_told_with_names():
    told = command_line(
        ["a b.pth"],
        {"--images": Path("/home/me/my photos"), "--quick": True, "--only": ("mixing", "x"),
         "--seed": 0, "--sweep": None, "--ema": False, "--skip": ()},
    )  # fmt: skip
    assert told == (
        "viz report 'a b.pth' --images 'my photos' --quick --only mixing --only x --seed 0"
    )


def test_every_section_has_its_methods():
    """And every formula in them can be read by both who draw it, the browser and matplotlib."""
    assert "**Weights.**" in everywhere()
    pages = {row.name: methods_of([row.name]) for row in (*VIEWS, *COMPARISONS)}
    texts = {text for page in pages.values() for text in page.values()}
    assert all(len(page) == 1 for page in pages.values())
    assert all(len(text) > 500 for text in texts)
    found = re.findall(r'<math alttext="([^"]*)"', "".join(map(to_html, [everywhere(), *texts])))
    for formula in set(found):
        assert formulas.Outline(unescape(formula), 7).width > 0, formula


def test_formulas_are_mathematics_and_code_is_not():
    text = to_html("$x_i < \\frac{a}{b}$ and `$y$`, 5 \\$ or 6 \\$\n\n$$\nz^2\n$$\n")
    assert re.findall('alttext=.([^"]*). ', text) == ["x_i &lt; \\frac{a}{b}", "z^2"]
    assert "<mfrac>" in text
    assert "<code>$y$</code>, 5 $ or 6 $" in text


def test_methods_are_html_without_links():
    text = to_html("## A\n\n[b](c.md) `x < y` <b>bold</b>\n\n| a |\n|---|\n| 1 |\n")
    assert "<h4>A</h4>" in text
    assert "b <code>x &lt; y</code> &lt;b&gt;bold&lt;/b&gt;" in text
    assert "<a" not in text
    assert '<div class="scroll"><table>' in text


def test_of_a_finding_the_contents_tell_the_first_sentence():
    section = Section("a", "A", "", finding="R is .5 at 5 %. Then 5 %.\n\nTwice.")
    assert short(section) == "R is .5 at 5 %."
    assert short(replace(section, failed="so")) == "This section failed."


def test_a_page_is_filled_with_figures_a_little_smaller():
    """Where one more would have to shrink too much, the next page begins with it, whole."""
    rooms = [_Room("a", 180, high, Paragraph("So.")) for high in (116, 120, 200, 20, 200, 400)]
    height = 240 * mm
    _fill(rooms, Canvas("none"), 180 * mm, height)
    sizes = [room.wrapOn(None, 180 * mm, 2 * height)[1] for room in rooms]
    assert 0.85 < rooms[0].share == rooms[1].share < 1
    assert sum(sizes[:2]) == pytest.approx(height)
    assert [room.share for room in rooms[2:5]] == [1, 1, 1]
    assert sizes[5] == pytest.approx(height)
