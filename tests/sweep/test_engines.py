"""Engines: the same numbers from several processes and from dask; workers that are killed."""

import contextlib
import multiprocessing
from types import SimpleNamespace

import dying
import pytest
from same import alike
from stopping import Told

from viz.results.refusal import Refusal
from viz.sweep import engines
from viz.sweep.engines import Cluster, Processes
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


def test_all_is_told_in_this_process(go):
    told = Told()
    go(listener=told)
    assert (told.images, told.shards) == (16, SHARDS)


def test_a_process_that_dies_costs_only_its_shard(go, tmp_path):
    whole, told = go(name="a.npz"), Told()
    found = go(Processes(2, dying.once_at_1), listener=told)
    assert (told.images, sorted(told.shards)) == (16, SHARDS)
    assert (tmp_path / "died").exists()
    assert not found.failed
    alike(found, whole)


def test_a_shard_that_always_kills_is_reported_and_the_rest_kept(go, tmp_path):
    whole = go(name="a.npz")
    found = go(Processes(1, dying.always_at_1))
    assert found.failed == ("shard 1 (ant/12.png to bee/04.png) is missing: 3 workers died of it",)
    assert (tmp_path / "deaths").read_text() == "xxx"
    assert (found.n_images, found.n_missing) == (11, 4)
    assert shards_folder(tmp_path / "b.npz").exists()
    # Once the cause is gone, only that shard is left to do.
    alike(go(resume=True), whole)


def test_errors_of_workers_are_raised(go, tmp_path):
    with pytest.raises(SweepError, match="shard 0 cannot be written"):
        go(Processes(1, dying.on_a_full_disk))
    assert multiprocessing.active_children() == []


def test_workers_do_not_take_another_checkpoint(go):
    with pytest.raises(SweepError, match="changed since the sweep began; start it anew"):
        go(Processes(1), load=("cifar10-p2", {}))


def test_faults_of_workers_are_told_from_bad_input(go):
    with pytest.raises(RuntimeError, match="KeyError") as raised:
        go(Processes(1, dying.at_fault))
    assert not isinstance(raised.value, Refusal)


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
def test_what_dask_tells_of_a_shard(go, monkeypatch, error, wanted):
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
        assert found.failed[0].endswith("is missing: 3 workers died of it")
        assert (found.n_images, found.n_missing) == (11, 4)
    else:
        with pytest.raises(wanted):
            go(Cluster("tcp://elsewhere"))
