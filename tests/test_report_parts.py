"""Parts of reports: numbers traced, names instead of paths, texts for TeX, methods, the command."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from reportlab.platypus import Paragraph

from viz.report import words
from viz.report.facts import command_line
from viz.report.methods import everywhere, methods_of, to_html
from viz.report.names import without_paths
from viz.report.sections import Drawn, Section
from viz.report.tex import escape_tex, figures_tex
from viz.views import VIEWS


def test_of_paths_the_last_name_is_left():
    told = {
        "a": "/home/me/nets/x.pth: no such file",
        "b": ["'/tmp/a b/c.png' is broken", r"C:\Users\me\x.pth", "1/2 of it, and/or n/a", "/n"],
        "c": 3,
    }
    assert without_paths(told, ["/tmp/a b"]) == {
        "a": "x.pth: no such file",
        "b": ["'c.png' is broken", "x.pth", "1/2 of it, and/or n/a", "/n"],
        "c": 3,
    }
    assert without_paths("No such file: '/home/my nets/of me/x y.npz'") == "No such file: 'x y.npz'"
    assert without_paths('"D:\\my nets\\x y" it\'s') == '"x y" it\'s'
    assert without_paths("skipped:/home/me/a.png, file:///home/me/b.png") == (
        "skipped:a.png, file:b.png"
    )
    assert without_paths("isn't 'a/b' or '/n' of http://x.org/y/z") == (
        "isn't 'a/b' or '/n' of http://x.org/y/z"
    )
    assert without_paths("see https://arxiv.org/abs/2201.09792") == (
        "see https://arxiv.org/abs/2201.09792"
    )


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
    for row in VIEWS:
        (method,) = methods_of([row.name])
        assert method.title
        assert len(method.text) > 500
    assert "**Weights.**" in everywhere()
    assert len(methods_of([row.name for row in VIEWS])) <= len(VIEWS)


def test_methods_are_html_without_links():
    text = to_html("## A\n\n[b](c.md) `x < y` <b>bold</b>\n\n| a |\n|---|\n| 1 |\n")
    assert "<h4>A</h4>" in text
    assert "b <code>x &lt; y</code> &lt;b&gt;bold&lt;/b&gt;" in text
    assert "<a" not in text
    assert '<div class="scroll"><table>' in text


def read_tex(text):
    """Read what `figures_tex` may write, strictly: known commands, whole groups, nothing special.

    Returns the captions. No TeX is needed, and none would say where it stopped.
    """
    known = {
        "begin", "end", "centering", "includegraphics", "caption", "name", "textbackslash",
        "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "textquotedbl",
        "textsuperscript", "textpm", "texttimes", "textperiodcentered", "textdegree", "textminus",
        "dots", "leq", "geq", "sigma", "rightarrow", "approx", "neq",
        "rho", "uparrow", "downarrow", "label",
    }  # fmt: skip
    captions, opened, depth, math, begun = [], [], 0, False, None
    for line in text.splitlines():
        code = re.split(r"(?<!\\)%", line)[0]
        for token in re.finditer(r"\\([A-Za-z]+)|\\(.)|([{}$#&_^~%])|(.)", code):
            command, escaped, special, _ = token.groups()
            if command:
                assert command in known, line
                if command == "caption":
                    begun = (depth, token.end() + 1, line)
            elif escaped:
                assert escaped in "{}$&#%_", line
            elif special == "{":
                depth += 1
            elif special == "}":
                depth -= 1
                assert depth >= 0, line
                if begun and depth == begun[0]:
                    captions.append(line[begun[1] : token.start()])
                    begun = None
            elif special == "$":
                math = not math
            else:
                # Names in paths and names are plain.
                assert not special, line
        assert (depth, math, begun) == (0, False, None), line
        for word, name in re.findall(r"\\(begin|end)\{([a-z]+\*?)\}", code):
            if word == "begin":
                opened.append(name)
            else:
                assert opened.pop() == name
    assert not opened
    return captions


def test_a_finding_of_several_paragraphs():
    """All of it stands in its section, its first paragraph alone in the overview."""
    words._fonts()
    section = Section("a", "A", "", finding="First so.\n\nThen 5 %.")
    told = [p.text for p in words._section(section, None) if isinstance(p, Paragraph)]
    assert told[1:3] == ["First so.", "Then 5 %."]
    assert words._short(section) == "First so."


def test_captions_are_whole():
    note = "Frames: {a_b} & 50 %. Each tile has its own scale."
    drawn = Drawn("a-figure", "What is shown, 3 ~ 4^2.", note, 180, 60, 2)
    section = Section(
        "a", "A & B_c", "", finding="It is 5 % #1.\n\nTwice.", figures=(drawn,),
        narrow=(replace(drawn, name="a-figure-one-column", columns=1, width=85),),
    )  # fmt: skip
    one, two = read_tex(figures_tex("50%_$x^{a}\\#&~|<漢>.pth", [section], ".pdf"))
    assert one.endswith(
        r"What is shown, 3 \textasciitilde{} 4\textasciicircum{}2. Frames: \{a\_b\} \& 50 \%. "
        r"Each tile has its own scale. It is 5 \% \#1."
    )
    assert one == two
    with pytest.raises(AssertionError):
        read_tex("\\caption{a_b}")
    with pytest.raises(AssertionError):
        read_tex("\\caption{a}}")
