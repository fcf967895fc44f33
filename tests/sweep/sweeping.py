"""When two sweeps are the same; what stops a sweep, or kills its worker."""

import os
import signal
from pathlib import Path

import numpy as np

from viz.network.checkpoint import load
from viz.sweep import tally
from viz.sweep.engines import run_job
from viz.sweep.run import sweep_folder


def alike(one, two):
    """Equal up to rounding; top patches exactly."""
    for name in ("mean", "variance", "sparsity", "selectivity", "top_value"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-5)
    for name in ("top_image", "top_position", "class_count"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.image_names == two.image_names
    assert dict(one.source.images) == dict(two.source.images)
    assert one.n_images == two.n_images


def stop_after(images):
    """Stop a sweep when it has gone on beyond so many images."""

    def tell(done, total):
        if done > images:
            raise KeyboardInterrupt

    return tell


def killed(small_file, pictures, out, settings, images):
    """Go on with a sweep, and kill this process when it is beyond so many images."""

    def die(done, total):
        if done > images:
            os.kill(os.getpid(), signal.SIGKILL)

    sweep_folder(load(small_file), pictures, out, resume=True, shard_size=2, settings=settings,
                 progress=die)  # fmt: skip


def die_at_1(network, work, job):
    """Die in the middle of shard 1, when a batch of it is counted, the first time."""
    mark = Path(work.folder).parent / "died"
    update = tally.Tally.update

    def counted(*args):
        update(*args)
        if job.shard == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    tally.Tally.update = counted
    try:
        return run_job(network, work, job)
    finally:
        tally.Tally.update = update
