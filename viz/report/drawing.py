"""Sections drawn beside the measuring of the next ones, by a process of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from viz.report.plan import ReportError
from viz.report.sections import Section, draw

if TYPE_CHECKING:
    from types import TracebackType

    from viz.catalogue.base import Shown

__all__ = ["WORTH", "Drawing", "serve"]

WORTH = 3.0
"""Seconds of measuring after which a second process pays: to begin it takes about two."""
Done = tuple[str, Section, float]
"""Name of a section, what was drawn and told, seconds."""


class Drawing:
    """Draws what is measured: here at once, or in a second process once that pays.

    Both run the same code on the same files and write the same bytes.

    Parameters
    ----------
    part : Path
        The report's folder, as for `viz.report.sections.draw`.
    formats : sequence of str
        Of the figures.
    folders : sequence of str or Path
        Whose names must not be told.
    beside : bool
        Whether a second process may be used.
    """

    def __init__(
        self, part: Path, formats: Sequence[str], folders: Sequence[str | Path], *, beside: bool
    ) -> None:
        self._told = (part, tuple(formats), tuple(folders))
        self._beside = beside
        self._begun = time.perf_counter()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._here: list[Done] = []
        self._asked = 0

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the second process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def ask(self, row: Shown, *, more: bool) -> None:
        """Have a section drawn that is measured.

        Parameters
        ----------
        row : Shown
            Of the catalogue.
        more : bool
            Whether there is something to measure meanwhile.
        """
        pays = more and time.perf_counter() - self._begun > WORTH
        # The other process knows the catalogue's own rows alone.
        beside = self._beside and _rows().get(row.name) is row
        if not beside or (self._process is None and not pays):
            begun = time.perf_counter()
            section = draw(row, *self._told)
            self._here.append((row.name, section, time.perf_counter() - begun))
            return
        if self._process is None:
            self._process = self._start()
        self._say({"section": row.name})
        self._asked += 1

    def ended(self, *, wait: bool = False) -> list[Done]:
        """Return what was drawn since the last call.

        Parameters
        ----------
        wait : bool
            For all that was asked for.

        Returns
        -------
        list of tuple
            Name, section, seconds spent on it.

        Raises
        ------
        OSError
            If a file could not be written.
        ReportError
            If the second process has ended.
        """
        done, self._here = self._here, []
        while self._asked and (wait or not self._answers.empty()):
            line = self._answers.get()
            if line is None:
                raise self._gone()
            answer = json.loads(line)
            if "system" in answer:
                number, said, file = answer["system"]
                raise OSError(number, said, file)
            self._asked -= 1
            section = Section.from_dict(answer["section"])
            done.append((section.name, section, float(answer["seconds"])))
        return done

    def _start(self) -> subprocess.Popen[str]:
        part, formats, folders = self._told
        # It finds this very package, also where that is not installed.
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-m", "viz.report.drawing"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )  # fmt: skip
        self._process = process
        threading.Thread(target=_listen, args=(process.stdout, self._answers), daemon=True).start()
        self._say({"part": str(part), "formats": formats, "folders": [str(f) for f in folders]})
        return process

    def _say(self, what: dict[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None

    def _gone(self) -> ReportError:
        process = self._process
        assert process is not None
        return ReportError(
            f"the process that draws the figures has ended (exit status {process.wait()}), perhaps "
            "for want of memory; the same command with --resume goes on."
        )


def _rows() -> dict[str, Shown]:
    from viz.catalogue import COMPARISONS, VIEWS

    return {row.name: row for row in (*VIEWS, *COMPARISONS)}


def _listen(lines: TextIO | None, answers: queue.SimpleQueue[str | None]) -> None:
    """Pass lines on; None when there are no more."""
    assert lines is not None
    for line in lines:
        answers.put(line)
    answers.put(None)


def serve(asked: TextIO, answers: TextIO) -> None:
    """Draw the sections that another process asks for, until it asks for no more.

    Parameters
    ----------
    asked : TextIO
        JSON, a line each: the folder, then names of sections.
    answers : TextIO
        Receives a line of JSON for each section.
    """
    rows = _rows()
    how = json.loads(asked.readline() or "null")
    for line in asked:
        begun = time.perf_counter()
        try:
            row = rows[json.loads(line)["section"]]
            section = draw(row, Path(how["part"]), how["formats"], how["folders"])
            answer = {"section": section.to_dict(), "seconds": time.perf_counter() - begun}
        except OSError as error:
            answer = {"system": [error.errno, error.strerror or str(error), error.filename]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _main() -> None:
    import signal

    # Control-C reaches both; the one that measures says what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    serve(sys.stdin, answers)


if __name__ == "__main__":
    _main()
