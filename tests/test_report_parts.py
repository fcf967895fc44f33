"""Parts of reports: numbers traced, names instead of paths, texts for TeX, methods, the command."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from viz.report import formulas
from viz.report.facts import command_line
from viz.report.methods import everywhere, methods_of, to_html
from viz.report.names import without_paths
from viz.report.page import short
from viz.report.sections import Section
from viz.report.tex import escape_tex
from viz.views import COMPARISONS, VIEWS


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (
            ["'/tmp/a b/c.png' is broken", r"C:\Users\me\x.pth", 3],
            ["'c.png' is broken", "x.pth", 3],
        ),
        ({"a": "1/2 of it, and/or n/a, /n"}, {"a": "1/2 of it, and/or n/a, /n"}),
        ("No such file: '/home/my nets/of me/x y.npz'", "No such file: 'x y.npz'"),
        ("skipped:/home/me/a.png, file:///home/me/b.png", "skipped:a.png, file:b.png"),
        ("isn't 'a/b' or '/n' of http://x.org/y/z", "isn't 'a/b' or '/n' of http://x.org/y/z"),
    ],
)
def test_of_paths_the_last_name_is_left(told, left):
    assert without_paths(told, ["/tmp/a b"]) == left


def test_tex_prints_what_was_written():
    """Undone by hand, one special at a time."""
    text = "100 %_of_$x^2 {a} & #b ~c \\d <e> R² 漢字"
    escaped = escape_tex(text)
    plain = escaped.replace(r"\textsuperscript{2}", "²")
    for made, was in (
        (r"\textasciicircum{}", "^"), (r"\textasciitilde{}", "~"), (r"\textless{}", "<"),
        (r"\textgreater{}", ">"), (r"\textbackslash{}", "BACK"),
    ):  # fmt: skip
        plain = plain.replace(made, was)
    for special in "%_${}&#":
        assert f"\\{special}" in plain
        plain = plain.replace(f"\\{special}", special)
    assert plain.replace("BACK", "\\") == text
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
