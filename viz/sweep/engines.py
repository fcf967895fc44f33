"""Shards counted by dask's workers, which gives the same as counting them in this process."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any

import torch

from viz.core.memory import MAPPED, TRIM
from viz.core.refusal import Refusal
from viz.network.checkpoint import Checkpoint, load
from viz.network.guards import CheckpointWarning
from viz.sweep.shards import Job, Outcome, Step, Work, count_shard
from viz.sweep.tally import SweepError

ATTEMPTS = 3
"""A shard is given up after so many workers have died of it."""


@dataclass(frozen=True)
class Network:
    """What a worker loads: a name or an absolute path, the options of `viz.load`, the hash."""

    name: str
    sha256: str
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 0  # of torch in every worker; 0: as many as torch likes

    def load(self) -> Checkpoint:
        """Load it once per process; what is to be said of it was said where the sweep began."""
        found = _loaded(self.name, tuple(sorted(self.options.items())))
        if found.source.sha256 != self.sha256:
            raise SweepError(f"{self.name}: changed since the sweep began; start it anew.")
        return found


@lru_cache(maxsize=2)
def _loaded(name: str, options: tuple[tuple[str, Any], ...]) -> Checkpoint:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckpointWarning)
        return load(name, **dict(options))


def run_job(network: Network, work: Work, job: Job) -> Outcome:
    """Count one shard and write it; what a worker process does."""
    if network.threads:
        torch.set_num_threads(network.threads)
    return count_shard(network.load(), work, job)


@dataclass(frozen=True)
class Cluster:
    """dask.distributed: its scheduler gives shards to workers and takes them back from dead ones.

    The address is a scheduler's, such as ``"tcp://10.0.0.1:8786"``; without one, so many workers
    are started on this machine's loopback.
    """

    network: Network
    address: str = ""
    workers: int = 2
    run_job: Callable[[Network, Work, Job], Outcome] = run_job

    def run(self, work: Work, jobs: Sequence[Job], step: Step) -> Iterator[Outcome]:
        """Submit all shards and give each as it is done.

        Errors that would meet every shard are raised, dead workers are not.
        """
        distributed = _distributed()
        with self._client(distributed) as client:
            futures = {self._submit(client, work, job): job for job in jobs}
            for future in distributed.as_completed(list(futures)):
                job, error = futures[future], future.exception()
                step(len(job.entries))
                if error is None:
                    yield future.result()
                elif isinstance(error, distributed.KilledWorker):
                    yield Outcome(
                        job.shard, len(job.entries),
                        f"shard {job.shard} ({job.entries[0][0]} to {job.entries[-1][0]}) is "
                        f"missing: {ATTEMPTS} workers died of it",
                    )  # fmt: skip
                elif isinstance(error, (Refusal, OSError)):
                    raise SweepError(str(error))
                else:
                    raise RuntimeError(repr(error))
                future.release()

    def _submit(self, client: Any, work: Work, job: Job) -> Any:
        # Never the result of an earlier sweep: its shards may be gone.
        key = f"viz-shard-{job.shard}-{uuid.uuid4().hex}"
        return client.submit(self.run_job, self.network, work, job, pure=False, key=key)

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
            # On a busy machine a worker may take minutes to load torch.
            "distributed.comm.timeouts.connect": "10 minutes",
            "distributed.comm.timeouts.tcp": "10 minutes",
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
