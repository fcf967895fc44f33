"""What workers of the tests do: they die at a shard, always or the first time."""

import os
import signal
from pathlib import Path

from viz.sweep import tally
from viz.sweep.shards import run_job


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def always_at_1(work, job):
    """Die whenever shard 1 comes, and leave a mark beside the shards each time."""
    if job.shard == 1:
        with (Path(work.folder).parent / "deaths").open("a") as marks:
            marks.write("x")
        _die()
    return run_job(work, job)


def at_fault(work, job):
    raise KeyError("a fault of the program's own")


def once_at_1(work, job):
    """Die in the middle of shard 1, when a batch of it is counted."""
    mark = Path(work.folder).parent / "died"
    update = tally.Tally.update

    def killed(*args):
        update(*args)
        if job.shard == 1 and not mark.exists():
            mark.touch()
            _die()

    tally.Tally.update = killed
    try:
        return run_job(work, job)
    finally:
        tally.Tally.update = update


def on_a_full_disk(work, job):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    import numpy as np

    np.savez = full
    return run_job(work, job)
