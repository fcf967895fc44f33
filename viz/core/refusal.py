"""What is raised where the fault lies in what was given: a sentence for the user, no traceback."""

from __future__ import annotations


class Refusal(ValueError):
    """Bad input; the message is one sentence: what was found, what was expected, what to do.

    The command line turns it into exit code 2; every other error is a fault of the program's own.
    """


class Nothing(Refusal):
    """Nothing to measure in what was given, which is sound: a finding, where others are shown."""


class NoSuch(Refusal, IndexError):
    """A block, channel or the like that is not there; the message says which are."""
