"""Where shards are counted: in this process or by dask's workers; both give the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from viz.core.refusal import Refusal
from viz.network.checkpoint import Checkpoint
from viz.sweep.memory import MAPPED, TRIM
from viz.sweep.reading import read_ahead
from viz.sweep.shards import Job, Outcome, Work, count, run_job, write_shard
from viz.sweep.tally import SweepError

ATTEMPTS = 3
"""A shard is given up after so many workers have died of it."""
Run = Callable[[Work, Job], Outcome]


class Listener(Protocol):
    """Is told how a sweep goes."""

    def step(self, images: int) -> None:
        """So many more images are done."""

    def finished(self, outcome: Outcome) -> None:
        """A shard is written, or given up."""


class Engine(Protocol):
    """Counts shards, in any order."""

    def run(self, work: Work, jobs: Sequence[Job], listener: Listener) -> None:
        """Count all shards; errors that would meet every shard are raised, dead workers are not."""


@dataclass(frozen=True)
class InProcess:
    """One shard after the other in this process, the next images being read meanwhile.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network, on its device.
    """

    checkpoint: Checkpoint

    def run(self, work: Work, jobs: Sequence[Job], listener: Listener) -> None:
        """Count all shards; one reader goes through them all, so that it never waits."""
        decoded = read_ahead(
            (entry for job in jobs for entry in job.numbered()), work.preprocessing,
            self.checkpoint.config.in_channels, threads=work.decoders,
            ahead=2 * work.settings.batch_size,
        )  # fmt: skip
        try:
            for job in jobs:
                counted = count(self.checkpoint, work.settings, job, decoded, listener.step)
                write_shard(work.folder, work.plan, job.shard, counted)
                listener.finished(Outcome(job.shard, len(job.entries), len(counted.skipped)))
        finally:
            close = getattr(decoded, "close", None)
            if close is not None:
                close()


def _passed_on(error: BaseException) -> Exception:
    """Return what a worker's error is here: of bad input, or a fault of the program's own."""
    known = isinstance(error, (Refusal, OSError))
    return SweepError(str(error)) if known else RuntimeError(repr(error))


def _given_up(job: Job) -> Outcome:
    return Outcome(
        job.shard, len(job.entries),
        failed=f"shard {job.shard} ({job.entries[0][0]} to {job.entries[-1][0]}) is missing: "
        f"{ATTEMPTS} workers died of it",
    )  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """dask.distributed: its scheduler gives shards to workers and takes them back from dead ones.

    Parameters
    ----------
    address : str
        Of a scheduler, such as ``"tcp://10.0.0.1:8786"``; ``""`` starts one on this machine's
        loopback.
    workers : int
        Processes of the local one.
    run_job : callable
        What a worker does with a shard.

    Raises
    ------
    SweepError
        When run, if dask.distributed is not installed or the scheduler does not answer.
    """

    address: str = ""
    workers: int = 2
    run_job: Run = run_job

    def run(self, work: Work, jobs: Sequence[Job], listener: Listener) -> None:
        """Submit all shards; take each as it is done."""
        distributed = _distributed()
        with self._client(distributed) as client:
            futures = {self._submit(client, work, job): job for job in jobs}
            for future in distributed.as_completed(list(futures)):
                job = futures[future]
                error = future.exception()
                if error is None:
                    outcome = future.result()
                elif isinstance(error, distributed.KilledWorker):
                    outcome = _given_up(job)
                else:
                    raise _passed_on(error)
                listener.step(outcome.images)
                listener.finished(outcome)
                future.release()

    def _submit(self, client: Any, work: Work, job: Job) -> Any:
        # Never the result of an earlier sweep: its shards may be gone.
        key = f"viz-shard-{job.shard}-{uuid.uuid4().hex}"
        return client.submit(self.run_job, work, job, pure=False, key=key)

    @contextmanager
    def _client(self, distributed: Any) -> Iterator[Any]:
        if self.address:
            try:
                client = distributed.Client(self.address, timeout="10s")
            except (OSError, ValueError) as error:
                raise SweepError(
                    f"{self.address}: no dask scheduler answers ({error}); check the address."
                ) from None
            with client:
                yield client
            return
        settings = {
            "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
            # Dask has workers give memory back at once; the next batch then waits for new pages.
            "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": TRIM,
            "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_MAX_": MAPPED,
            # Its workers count in a thread, whose own heap has no room for blocks above 64 MB.
            "distributed.nanny.pre-spawn-environ.MALLOC_ARENA_MAX": 1,
        }
        # On loopback only: a dashboard would listen on every interface.
        with (
            import_module("dask").config.set(settings),
            distributed.LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise SweepError(
            "dask.distributed is not installed; install it with pip install "
            "'convmixer-viz[cluster]'."
        ) from None
