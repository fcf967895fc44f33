"""Engines: the same numbers from this process and from dask's; workers that are killed."""

import contextlib
from types import SimpleNamespace

import dying
import pytest
from same import alike
from stopping import Told

from viz.sweep import engines
from viz.sweep.engines import Cluster
from viz.sweep.run import SweepError, shards_folder, sweep_folder


@pytest.fixture
def go(small, small_file, pictures, few, tmp_path):
    def run(engine=None, name="b.npz", **more):
        more = {"load": (str(small_file), {}), "threads": 1, "decoders": 1, **more}
        return sweep_folder(small, pictures, tmp_path / name, settings=few, shard_size=4,
                            engine=engine, **more)  # fmt: skip

    return run


SHARDS = [(0, 4, 0), (1, 4, 1), (2, 4, 1), (3, 4, 0)]
"""Number, images and broken ones of each."""


@pytest.mark.slow
def test_a_dask_worker_killed_in_the_middle(go, tmp_path):
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    listening = set()

    class Looking(Told):
        """Looks where the scheduler, in this process, and the workers listen."""

        def finished(self, outcome):
            super().finished(outcome)
            me = psutil.Process()
            for process in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):  # the worker that kills itself
                    found = process.net_connections("inet")
                    listening.update(c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN)

    whole, told = go(name="a.npz"), Looking()
    found = go(Cluster(workers=1, run_job=dying.once_at_1), listener=told)
    assert (told.images, sorted(told.shards)) == (16, SHARDS)
    assert listening == {"127.0.0.1"}
    assert (tmp_path / "died").exists()
    assert not found.failed
    alike(found, whole)


@pytest.mark.slow
def test_workers_do_not_take_another_checkpoint(go):
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="changed since the sweep began; start it anew"):
        go(Cluster(workers=1), load=("cifar10-p2", {}))


def test_no_scheduler_answers(go):
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="no dask scheduler answers"):
        go(Cluster("not an address"))


class KilledWorker(Exception):
    """What dask makes of a task whose workers have died too often."""


@pytest.mark.parametrize(
    ("error", "wanted"),
    [(KilledWorker(), None), (OSError("no room"), SweepError), (KeyError("x"), RuntimeError)],
)
def test_what_dask_tells_of_a_shard(go, tmp_path, monkeypatch, error, wanted):
    """One whose workers die is missing, the rest kept; another error ends the sweep."""

    class Future:
        def __init__(self, run, work, job):
            self._error = error if job.shard == 1 else None
            self._found = None if self._error else run(work, job)

        def exception(self):
            return self._error

        def result(self):
            return self._found

        def release(self):
            pass

    class Client:
        def __init__(self, address, timeout):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, run, work, job, *, pure, key):
            return Future(run, work, job)

    fake = SimpleNamespace(Client=Client, as_completed=list, KilledWorker=KilledWorker)
    monkeypatch.setattr(engines, "_distributed", lambda: fake)
    if wanted is None:
        found = go(Cluster("tcp://elsewhere"))
        assert found.failed == (
            "shard 1 (ant/12.png to bee/04.png) is missing: 3 workers died of it",
        )
        assert (found.n_images, found.n_missing) == (11, 4)
        assert shards_folder(tmp_path / "b.npz").exists()
        # Once the cause is gone, only that shard is left to do.
        alike(go(resume=True), go(name="a.npz"))
    else:
        with pytest.raises(wanted):
            go(Cluster("tcp://elsewhere"))
