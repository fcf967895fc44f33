"""Sections drawn by a second process: the same files, and its troubles told."""

import errno
import json
import signal
from dataclasses import replace
from io import StringIO

import psutil
import pytest
from test_report_again import contents

from viz.catalogue import VIEWS, Given
from viz.report import drawing
from viz.report.build import build
from viz.report.drawing import Drawing, serve
from viz.report.plan import ReportError
from viz.report.sections import measure

ROWS = {row.name: row for row in VIEWS}
PATCHES = ROWS["patch-filters"]


def processes():
    """Those that draw."""
    return [p for p in psutil.Process().children() if "viz.report.drawing" in p.cmdline()]


@pytest.fixture(scope="module")
def small(small_file):
    from viz.model.checkpoint import load

    return load(small_file)


@pytest.fixture(scope="module")
def measured(small, tmp_path_factory):
    """The data of one section."""
    data = tmp_path_factory.mktemp("measured") / "data"
    data.mkdir()
    assert measure(PATCHES, lambda: PATCHES.measure(small, Given()), data) is None
    return data


@pytest.fixture
def part(measured, tmp_path):
    for name in ("data", "figures", "made"):
        (tmp_path / name).mkdir()
    name = f"{PATCHES.name}.npz"
    (tmp_path / "data" / name).write_bytes((measured / name).read_bytes())
    return tmp_path


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(drawing, "WORTH", 0.0)


def test_the_same_bytes_from_both(small, tmp_path, at_once, monkeypatch):
    """The first section is drawn beside the second, which nothing is measured after."""
    seen = []

    def look(line):
        seen.append(len(processes()))

    views = [
        PATCHES,
        replace(PATCHES, name="other", figures=(replace(PATCHES.figures[1], name="b"),)),
    ]
    build(small, tmp_path / "beside", views=views, formats=[".pdf"], beside=True, progress=look)
    assert seen == [0, 1, 0]
    build(small, tmp_path / "here", views=views, formats=[".pdf"], progress=look)
    assert seen[3:] == [0, 0, 0]
    assert contents(tmp_path / "beside") == contents(tmp_path / "here")


def test_it_is_begun_only_where_it_pays(part, monkeypatch):
    """Not while measuring was short, not for the last section, not where it was not allowed."""
    drawn = []
    monkeypatch.setattr(drawing, "draw", lambda row, *how: drawn.append(row))
    monkeypatch.setattr(Drawing, "_start", lambda self: pytest.fail("begun"))
    for worth, beside, more in ((60.0, True, True), (0.0, True, False), (0.0, False, True)):
        monkeypatch.setattr(drawing, "WORTH", worth)
        with Drawing(part, (".pdf",), (), beside=beside) as one:
            one.ask(PATCHES, more=more)
            assert [name for name, *_ in one.ended()] == [PATCHES.name]
    assert drawn == [PATCHES] * 3


def served(part, name):
    """What the second process answers."""
    how = {"part": str(part), "formats": [".pdf"], "folders": []}
    answers = StringIO()
    serve(StringIO(json.dumps(how) + "\n" + json.dumps({"section": name}) + "\n"), answers)
    return json.loads(answers.getvalue())


def test_a_section_that_fails_is_told(part):
    (part / "data" / "depthwise.npz").write_bytes(b"PK")
    assert "depthwise.npz" in served(part, "depthwise")["section"]["failed"]


def test_what_the_system_says_is_told(part):
    (part / "figures").rmdir()
    (part / "figures").write_text("in the way")
    number, said, file = served(part, "patch-filters")["system"]
    assert (number, said) == (errno.ENOTDIR, "Not a directory")
    assert file == str(part / "figures")


def test_it_is_killed(part, at_once):
    with Drawing(part, (".pdf",), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        (process,) = processes()
        process.send_signal(signal.SIGKILL)
        with pytest.raises(ReportError, match=r"has ended \(exit status -9\).*--resume"):
            one.ended(wait=True)
    assert processes() == []


def test_a_file_that_cannot_be_written_ends_the_report(part, at_once):
    (part / "figures").rmdir()
    (part / "figures").write_text("in the way")
    with Drawing(part, (".pdf",), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        with pytest.raises(NotADirectoryError, match="figures"):
            one.ended(wait=True)


def test_it_ends_with_the_report(part, at_once):
    with pytest.raises(KeyboardInterrupt), Drawing(part, (".pdf",), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        assert len(processes()) == 1
        raise KeyboardInterrupt
    assert processes() == []
