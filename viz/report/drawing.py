"""Sections drawn beside the measuring of the next ones, by a process of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from viz.report.sections import Section, draw

if TYPE_CHECKING:
    from types import TracebackType

    from viz.catalogue.base import Shown

__all__ = ["WORTH", "Drawing", "main", "serve"]

WORTH = 3.0
"""Seconds of measuring after which a second process pays: to begin it takes about two."""
Done = tuple[str, Section, float]
"""Name of a section, what was drawn and told, seconds."""
# It finds this very package, and nothing that happens to lie in the current folder.
BEGIN = (
    "import sys; sys.path.insert(0, sys.argv[1]); import viz; del sys.path[0]; "
    "from viz.report.drawing import main; main()"
)
_ANSWER = "\x1e"
"""Before a line that is an answer; others were printed by something else."""


class Drawing:
    """Draws what is measured: here at once, or in a second process once that pays.

    Both run the same code on the same files and write the same bytes. Whatever becomes of the
    second process, what it has not drawn is drawn here.

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
    tell : callable, optional
        Receives a line of text if that process ends before its time.
    """

    def __init__(
        self,
        part: Path,
        formats: Sequence[str],
        folders: Sequence[str | Path],
        *,
        beside: bool,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._told = (part, tuple(formats), tuple(folders))
        self._beside = beside and bool(sys.executable)
        self._tell = tell
        self._begun = time.perf_counter()
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._asked: dict[str, Shown] = {}
        self._here: list[Shown] = []

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the second process, whatever it does."""
        self._end()

    def ask(self, row: Shown, *, more: bool) -> None:
        """Have a section drawn that is measured.

        Parameters
        ----------
        row : Shown
            Of the catalogue.
        more : bool
            Whether there is something to measure meanwhile.
        """
        pays = self._process is not None or time.perf_counter() - self._begun > WORTH
        # The other process knows the catalogue's own rows alone; and with nothing more to measure
        # this one draws while the other may still be at the section before.
        if not (self._beside and pays and more and _rows().get(row.name) is row):
            self._here.append(row)
            return
        if self._process is None:
            self._start()
        self._asked[row.name] = row
        self._say({"section": row.name})

    def ended(self, *, wait: bool = False) -> Iterator[Done]:
        """Give what was drawn since the last call.

        Parameters
        ----------
        wait : bool
            For all that was asked for.

        Yields
        ------
        tuple
            Name, section, seconds spent on it.

        Raises
        ------
        OSError
            If a file could not be written.
        """
        yield from self._drawn_here()
        while self._asked and (wait or not self._answers.empty()):
            line = self._answers.get()
            try:
                answer = json.loads(line or "")
                row = self._asked.pop(answer["name"])
            except (ValueError, KeyError, TypeError):
                self._give_up()
                break
            if "section" in answer:
                yield row.name, Section.from_dict(answer["section"]), float(answer["seconds"])
            else:
                self._here.append(row)
        yield from self._drawn_here()

    def _drawn_here(self) -> Iterator[Done]:
        while self._here:
            begun = time.perf_counter()
            row = self._here.pop(0)
            section = draw(row, *self._told)
            yield row.name, section, time.perf_counter() - begun

    def _start(self) -> None:
        part, formats, folders = self._told
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BEGIN, str(Path(__file__).absolute().parents[2])],
                # Control-C is for this process, which then ends the other.
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        except OSError:
            self._answers.put(None)
            return
        self._listener = threading.Thread(
            target=_listen, args=(self._process.stdout, self._answers), daemon=True
        )
        self._listener.start()
        self._say({"part": str(part), "formats": formats, "folders": [str(f) for f in folders]})

    def _say(self, what: dict[str, Any]) -> None:
        """Ask; that nobody listens any more, `ended` finds."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(what) + "\n")
                self._process.stdin.flush()

    def _give_up(self) -> None:
        """Draw here what was asked for, once the other process writes no more."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        status = self._end()
        self._beside = False
        self._here += self._asked.values()
        self._asked.clear()
        if self._tell is not None:
            self._tell(
                f"the process that draws has ended ({status}), perhaps for want of memory; "
                "drawing goes on in this one"
            )

    def _end(self) -> str:
        """End the other process and return how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "it could not be begun"
        status = process.poll()
        process.kill()
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        process.wait()
        if self._listener is not None:
            self._listener.join()
        if process.stdout is not None:
            process.stdout.close()
        return "it made no sense" if status is None else f"exit status {status}"


def _rows() -> dict[str, Shown]:
    from viz.catalogue import COMPARISONS, VIEWS

    return {row.name: row for row in (*VIEWS, *COMPARISONS)}


def _listen(lines: TextIO | None, answers: queue.SimpleQueue[str | None]) -> None:
    """Pass answers on; None when there are no more."""
    for line in lines or ():
        if line.startswith(_ANSWER):
            answers.put(line.removeprefix(_ANSWER))
    answers.put(None)


def serve(asked: Iterator[str], answers: TextIO) -> None:
    """Draw the sections that another process asks for.

    Parameters
    ----------
    asked : iterator of str
        JSON, a line each: the folder, then names of sections.
    answers : TextIO
        Receives a line for each section; without the section where a file could not be written.
    """
    rows, how = _rows(), json.loads(next(asked))
    for line in asked:
        begun = time.perf_counter()
        answer: dict[str, Any] = {"name": json.loads(line)["section"]}
        # What the system says is told by the process that asked: it meets the same.
        with suppress(OSError):
            section = draw(rows[answer["name"]], Path(how["part"]), how["formats"], how["folders"])
            answer |= {"section": section.to_dict(), "seconds": time.perf_counter() - begun}
        answers.write(f"{_ANSWER}{json.dumps(answer)}\n")
        answers.flush()


def main() -> None:
    """Serve the process that began this one, and end when it does."""
    # What libraries print is no answer; what they warn of, the other process would not show.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            lines.put(line)
        # At once: a report may be begun anew in the same folder.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    serve(iter(lines.get, ""), answers)
