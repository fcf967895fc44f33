"""What is raised where the fault lies in what was given: a sentence for the user, no traceback."""

from __future__ import annotations

from pathlib import Path


class Refusal(ValueError):
    """Bad input; the message is one sentence: what was found, what was expected, what to do.

    The command line turns it into exit code 2; every other error is a fault of the program's own.
    """


class Nothing(Refusal):
    """Nothing to measure in what was given, which is sound: a finding, where others are shown."""


class NoSuch(Refusal, IndexError):
    """A block, channel or the like that is not there; the message says which are."""


def check_place(path: Path, *, force: bool) -> None:
    """Refuse, before any work, a file that cannot be written."""
    if not path.parent.is_dir():
        raise Refusal(f"{path}: the folder {path.parent} does not exist; make it first.")
    if path.exists() and not force:
        raise Refusal(f"{path} exists; choose another name or pass --force.")
