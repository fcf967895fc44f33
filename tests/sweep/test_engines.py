"""Engines: the same numbers from this process and from dask's; workers that are killed."""

import contextlib
from types import SimpleNamespace

import pytest
from sweeping import alike, die_at_1

from viz.network.checkpoint import load
from viz.sweep import engines
from viz.sweep.engines import Cluster, Network
from viz.sweep.run import SweepError, shards_folder, sweep_folder


@pytest.fixture
def go(small, pictures, few, tmp_path):
    def run(engine=None, **more):
        return sweep_folder(small, pictures, tmp_path / "b.npz", settings=few, shard_size=4,
                            engine=engine, decoders=1, **more)  # fmt: skip

    return run


@pytest.fixture
def network(small, small_file):
    return Network(str(small_file), small.source.sha256, threads=1)


@pytest.mark.slow
def test_a_dask_worker_killed_in_the_middle(go, network, swept, tmp_path):
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    told, listening = [], set()

    def look(*at):
        """See where the scheduler, in this process, and the workers listen."""
        told.append(at)
        me = psutil.Process()
        for process in (me, *me.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):  # the worker that kills itself
                found = process.net_connections("inet")
                listening.update(c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN)

    found = go(Cluster(network, workers=1, run_job=die_at_1), progress=look)
    assert told == [(0, 16), (4, 16), (8, 16), (12, 16), (16, 16)]
    assert listening == {"127.0.0.1"}
    assert (tmp_path / "died").exists()
    assert not found.failed
    alike(found, swept)


def test_workers_do_not_take_another_checkpoint(network, small):
    assert network.load().config == small.config
    with pytest.raises(SweepError, match="changed since the sweep began; start it anew"):
        Network(network.name, load("cifar10-p2").source.sha256).load()


def test_no_scheduler_answers(go, network):
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="no dask scheduler answers"):
        go(Cluster(network, "not an address"))


class KilledWorker(Exception):
    """What dask makes of a task whose workers have died too often."""


@pytest.mark.parametrize(
    ("error", "wanted"),
    [(KilledWorker(), None), (OSError("no room"), SweepError), (KeyError("x"), RuntimeError)],
)
def test_what_dask_tells_of_a_shard(go, network, swept, tmp_path, monkeypatch, error, wanted):
    """One whose workers die is missing, the rest kept; another error ends the sweep."""

    class Future:
        def __init__(self, run, *given):
            self._error = error if given[-1].shard == 1 else None
            self._found = None if self._error else run(*given)

        def exception(self):
            return self._error

        def result(self):
            return self._found

        def release(self):
            pass

    class Client(contextlib.nullcontext):
        def __init__(self, address, timeout):
            super().__init__(self)

        def submit(self, run, *given, pure, key):
            return Future(run, *given)

    fake = SimpleNamespace(Client=Client, as_completed=list, KilledWorker=KilledWorker)
    monkeypatch.setattr(engines, "_distributed", lambda: fake)
    if wanted is None:
        found = go(Cluster(network, "tcp://elsewhere"))
        assert found.failed == (
            "shard 1 (ant/12.png to bee/04.png) is missing: 3 workers died of it",
        )
        assert (found.n_images, found.n_missing) == (11, 4)
        assert shards_folder(tmp_path / "b.npz").exists()
        # Once the cause is gone, only that shard is left to do.
        alike(go(resume=True), swept)
    else:
        with pytest.raises(wanted):
            go(Cluster(network, "tcp://elsewhere"))
