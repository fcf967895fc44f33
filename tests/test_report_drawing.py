"""Sections drawn by a second process: the same files, and its troubles told."""

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from io import StringIO

import psutil
import pytest

from viz.catalogue import VIEWS, Given
from viz.report import drawing
from viz.report.build import build
from viz.report.drawing import BEGIN, Drawing, serve
from viz.report.sections import Section, draw, measure

ROWS = {row.name: row for row in VIEWS}
PATCHES = ROWS["patch-filters"]


def processes(parent=None):
    """Those that draw."""
    found = []
    for process in psutil.Process(parent).children():
        # Another test's child may end just now.
        with suppress(psutil.NoSuchProcess):
            if BEGIN in process.cmdline():
                found.append(process)
    return found


def begun(count, parent=None):
    """So many that draw: what has just been begun tells a moment later what it was told."""
    end = time.monotonic() + 60
    while len(found := processes(parent)) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert len(found) == count
    return found


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


def test_the_same_bytes_from_both(small, part, at_once, monkeypatch):
    """The first section is drawn beside the second, after which nothing is measured."""
    seen, started, start = [], [], Drawing._start
    monkeypatch.setattr(Drawing, "_start", lambda self: started.append(start(self)))
    other = replace(PATCHES, name="other", figures=(replace(PATCHES.figures[1], name="b"),))
    build(small, part / "r", views=[PATCHES, other], formats=[".pdf"], beside=True,
          progress=lambda line: seen.append(len(started)))  # fmt: skip
    assert seen == [0, 1, 1]
    assert processes() == []
    section = draw(PATCHES, part, [".pdf"])
    names = [f"{f.name}.pdf" for f in (*section.figures, *section.narrow)]
    assert len(names) == 8
    for name in names:
        assert (part / "figures" / name).read_bytes() == (
            part / "r" / "figures" / name
        ).read_bytes()


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


HERE = Section(PATCHES.name, "drawn", "here")


@pytest.fixture
def fake(monkeypatch):
    """What this process draws."""
    monkeypatch.setattr(drawing, "draw", lambda row, *how: HERE)


def test_the_last_is_drawn_here_while_the_one_before_is_drawn_there(part, at_once, fake):
    with Drawing(part, (), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        one.ask(PATCHES, more=False)
        here, there = one.ended(wait=True)
    assert here[1] == HERE
    assert there[1].figures


def asked(part, *, told, beside=0):
    """What becomes of a section that the other process is asked for; how many were begun."""
    with Drawing(part, (), (), beside=True, tell=told.append) as one:
        one.ask(PATCHES, more=True)
        yield begun(beside)
        ((name, section, seconds),) = one.ended(wait=True)
    assert (name, seconds > 0) == (PATCHES.name, True)
    assert processes() == []
    yield section


def test_killed_it_is_replaced(part, at_once, fake):
    """By this process, which says so; and no other is begun."""
    said = []
    doing = asked(part, told=said, beside=1)
    (process,) = next(doing)
    process.send_signal(signal.SIGKILL)
    assert next(doing) == HERE
    assert len(said) == 1
    assert "has ended (exit status -9)" in said[0]
    assert "goes on in this one" in said[0]


@pytest.mark.parametrize("program", ["", None, "/no/python"])
def test_where_no_python_is_it_is_drawn_here(part, at_once, fake, monkeypatch, program):
    monkeypatch.setattr("sys.executable", program)
    said = []
    doing = asked(part, told=said)
    next(doing)
    assert next(doing) == HERE
    assert ["could not be begun" in line for line in said] == ([True] if program else [])


def test_what_lies_about_is_not_run_and_what_is_printed_no_answer(part, at_once, fake, monkeypatch):
    """A folder of somebody's holds modules of known names; a start-up file prints."""
    for name, text in (("random.py", "raise SystemExit(3)"), ("viz/__init__.py", "1 / 0"),
                       ("startup/sitecustomize.py", "print('hello', flush=True)")):  # fmt: skip
        path = part / "about" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(part / "about")
    monkeypatch.setenv("PYTHONPATH", str(part / "about" / "startup"))
    said = []
    doing = asked(part, told=said, beside=1)
    next(doing)
    assert next(doing).figures
    assert said == []


def served(part, name):
    """What the second process answers."""
    how = {"part": str(part), "formats": [".pdf"], "folders": []}
    answers = StringIO()
    serve(iter([json.dumps(how), json.dumps({"section": name})]), answers)
    return json.loads(answers.getvalue().removeprefix("\x1e"))


def test_a_section_that_fails_is_told(part):
    (part / "data" / "depthwise.npz").write_bytes(b"PK")
    answer = served(part, "depthwise")
    assert answer["name"] == "depthwise"
    assert "depthwise.npz" in answer["section"]["failed"]


def test_a_file_that_cannot_be_written_ends_the_report(part, at_once):
    """The other process leaves that to this one, which says what the system said."""
    (part / "figures").rmdir()
    (part / "figures").write_text("in the way")
    assert served(part, PATCHES.name) == {"name": PATCHES.name}
    with Drawing(part, (".pdf",), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        with pytest.raises(NotADirectoryError, match="figures"):
            list(one.ended(wait=True))


def test_it_ends_with_the_report(part, at_once):
    with pytest.raises(KeyboardInterrupt), Drawing(part, (".pdf",), (), beside=True) as one:
        one.ask(PATCHES, more=True)
        begun(1)
        raise KeyboardInterrupt
    assert processes() == []


ABANDONED = """
import sys, time
from pathlib import Path
from viz.catalogue import view
from viz.report import drawing

drawing.WORTH = 0.0
with drawing.Drawing(Path(sys.argv[1]), (".svg", ".pdf", ".png"), (), beside=True) as one:
    one.ask(view("patch-filters"), more=True)
    print("asked", flush=True)
    time.sleep(100)
"""


def test_it_does_not_outlive_a_process_that_is_killed(part):
    """Else it might write into a report begun anew."""
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED, part], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "asked\n"
        (child,) = begun(1, parent.pid)
        while not any((part / "figures").iterdir()):
            assert child.is_running()
            time.sleep(0.01)
        parent.kill()
    # Less than what is left of the drawing takes.
    assert psutil.wait_procs([child], timeout=60)[1] == []
    left = {p.name for p in (part / "figures").iterdir() if p.suffix != ".part"}
    assert len(left) < 3 * (len(PATCHES.figures) + 3)
