"""Memory that is freed and asked for again with every batch."""

from __future__ import annotations

import ctypes
from contextlib import suppress

TRIM, MAPPED = 1 << 30, 0
"""Bytes of free memory that is kept; blocks that the system is asked for one by one, which glibc
always gives back (all above 32 MB): none."""
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_memory() -> None:
    """Have this process keep what it frees, up to a gigabyte, instead of giving it back at once.

    Every batch frees its maps and asks for as much again; pages that are made anew cost networks
    of 256 and of 768 channels at 224 pixels about a third of their time. Only glibc is asked.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TRIM_THRESHOLD, TRIM)
        libc.mallopt(_M_MMAP_MAX, MAPPED)
