"""What workers of the tests do: they die at a shard, the first time."""

import os
import signal
from pathlib import Path

from viz.sweep import tally
from viz.sweep.engines import run_job


def once_at_1(network, work, job):
    """Die in the middle of shard 1, when a batch of it is counted."""
    mark = Path(work.folder).parent / "died"
    update = tally.Tally.update

    def killed(*args):
        update(*args)
        if job.shard == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    tally.Tally.update = killed
    try:
        return run_job(network, work, job)
    finally:
        tally.Tally.update = update
