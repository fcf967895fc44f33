"""Memory that is freed and asked for again with every batch."""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["keep_memory"]

TRIM, MMAP = 1 << 30, 1 << 25
"""Bytes: of free memory that is kept, and of single blocks that are taken from it (the most glibc
allows)."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_memory() -> None:
    """Have this process keep what it frees, up to a gigabyte, instead of giving it back at once.

    Every batch frees its maps and asks for as much again; given back, each page must be made
    anew, which cost a 256/8 at 224 pixels nearly a third of its time. Only glibc is asked;
    elsewhere nothing changes.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, TRIM)
        libc.mallopt(_M_MMAP_THRESHOLD, MMAP)
