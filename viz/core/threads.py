"""One thread for work made of many small steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK = threading.Lock()
_state = {"inside": 0, "before": 1}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread; outside, it has as many as before.

    Small steps gain little from more, and where other programs hold the processors each of them
    waits for the slowest thread: ten times slower was measured. May be entered from several threads
    at once: torch keeps the number for each of them.
    """
    with _LOCK:
        # Asked first: torch overwrites what is set before a thread's first question. A thread that
        # starts meanwhile reads the 1 that another one has set.
        found = torch.get_num_threads()
        if not _state["inside"]:
            _state["before"] = found
        _state["inside"] += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            _state["inside"] -= 1
            torch.set_num_threads(_state["before"])
