"""What workers of the tests do: they die at a shard, always or the first time."""

import os
import resource
import signal
from pathlib import Path

import numpy as np
import torch

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


def _made_anew():
    """Pages that are made for large blocks when such were freed before: the least of some times."""
    least = 1 << 30
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(20_000_000) for _ in range(2)]
        del blocks
        least = min(least, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return least


def once_at_1(work, job):
    """Die in the middle of shard 1, when a batch of it is counted; tell of pages in another."""
    mark = Path(work.folder).parent / "died"
    if job.shard == 0:
        mark.with_name("pages").write_text(str(_made_anew()))
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

    np.savez = full
    return run_job(work, job)
