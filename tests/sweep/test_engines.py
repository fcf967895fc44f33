"""Engines: the same numbers from several processes and from dask; workers that are killed."""

import dying
import pytest
from same import alike

from viz.sweep.engines import Cluster, Processes
from viz.sweep.run import SweepError, shards_folder, sweep_folder


@pytest.fixture
def go(small, small_file, pictures, few, tmp_path):
    def run(engine=None, name="b.npz", **more):
        return sweep_folder(
            small, pictures, tmp_path / name, settings=few, shard_size=4, engine=engine,
            load=(str(small_file), {}), threads=1, decoders=1, **more,
        )  # fmt: skip

    return run


def test_a_process_that_dies_costs_only_its_shard(go, tmp_path):
    whole = go(name="a.npz")
    found = go(Processes(2, dying.once_at_1))
    assert (tmp_path / "died").exists()
    assert not found.failed
    alike(found, whole)


def test_a_shard_that_always_kills_is_reported_and_the_rest_kept(go, tmp_path):
    whole = go(name="a.npz")
    found = go(Processes(1, dying.always_at_1))
    assert found.failed == ("shard 1 (ant/12.png to bee/04.png) is missing: 3 workers died of it",)
    assert (found.n_images, found.n_missing) == (11, 4)
    assert shards_folder(tmp_path / "b.npz").exists()
    # Once the cause is gone, only that shard is left to do.
    alike(go(resume=True), whole)


def test_errors_of_workers_are_raised(go, tmp_path):
    with pytest.raises(SweepError, match="shard 0 cannot be written"):
        go(Processes(1, dying.on_a_full_disk))


def test_a_dask_worker_killed_in_the_middle(go, tmp_path):
    pytest.importorskip("distributed")
    whole = go(name="a.npz")
    found = go(Cluster(workers=1, run_job=dying.once_at_1))
    assert (tmp_path / "died").exists()
    assert not found.failed
    alike(found, whole)


def test_no_scheduler_answers(go):
    pytest.importorskip("distributed")
    with pytest.raises(SweepError, match="no dask scheduler answers"):
        go(Cluster("not an address"))
