"""Memory freed by one batch serves the next."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from viz.sweep.memory import keep_memory

if sys.argv[1] == "keep":
    keep_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    maps = [np.ones(int(sys.argv[2]), np.float32) for _ in range(4)]
    del maps
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc alone")
@pytest.mark.parametrize("values", [4_000_000, 12_000_000])
def test_pages_are_made_once(values):
    # Dask leaves words for the allocator behind.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    kept, given_back = (
        subprocess.run(
            [sys.executable, "-c", FAULTS, how, str(values)],
            check=True, capture_output=True, text=True, env=clean,
        ).stdout
        for how in ("keep", "not")
    )  # fmt: skip
    assert int(kept) < 0.3 * int(given_back)
