"""Work in chunks on every core: one thread per chunk, torch's own threads off meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from viz.core.threads import allowed, one_thread

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_MOST_WORKERS: Final = 8


def in_threads(function: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
    """Map over items in order, as many at once as torch may use threads.

    For thousands of small steps: torch's own threads would wait for each other after every one.
    """
    workers = min(allowed(), _MOST_WORKERS, len(items))
    if workers <= 1:
        yield from map(function, items)
        return
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        yield from pool.map(function, items)
