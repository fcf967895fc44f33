"""Long work: made once, told while it goes on, stopped without a trace, bounded in memory."""

import os
import threading
from contextlib import suppress

import numpy as np
import pytest

from viz.explorer import cache
from viz.explorer.cache import Store
from viz.views import VIEWS, Given, described
from viz.views.one_kernel.measure import standing

SLOW = {"kernels", "clusters", "mixing", "substitution", "receptive-field", "attribution"}


class Stop(BaseException):
    """What Streamlit raises to end a run is no Exception either."""


def silent(done, total):
    pass


class Elsewhere:
    """Another session that makes what is asked for, until `go` is set."""

    def __init__(self, store, outcome):
        self.begun, self.go, self.got = threading.Event(), threading.Event(), []

        def make(tell):
            tell(3, 7)
            self.begun.set()
            assert self.go.wait(600)
            if outcome is Stop:
                raise Stop
            return outcome

        def run():
            with suppress(Stop):
                self.got.append(store.get("k", make, silent))

        self.thread = threading.Thread(target=run)
        self.thread.start()
        assert self.begun.wait(600)


def test_who_asks_for_the_same_waits_for_it():
    """One makes it; the other sees how far it is, and gets the same object."""
    store, seen = Store(1 << 20), []
    other = Elsewhere(store, np.zeros(4))

    def look(done, total):
        seen.append((done, total))
        other.go.set()

    mine = store.get("k", lambda tell: pytest.fail("it is being made"), look)
    other.thread.join(10)
    assert other.got[0] is mine
    assert (3, 7) in seen


def test_the_next_one_begins_anew_where_the_maker_stops():
    store = Store(1 << 20)
    other = Elsewhere(store, Stop)
    assert store.get("k", lambda tell: "mine", lambda done, total: other.go.set()) == "mine"
    other.thread.join(10)
    assert other.got == []
    assert "k" in store


def test_nobody_else_is_stopped_by_one_who_gives_up():
    store = Store(1 << 20)
    other = Elsewhere(store, "made")

    def give_up(done, total):
        raise Stop

    with pytest.raises(Stop):
        store.get("k", lambda tell: pytest.fail("it is being made"), give_up)
    other.go.set()
    other.thread.join(10)
    assert other.got == ["made"]


@pytest.mark.parametrize("error", [Stop, ValueError])
def test_nothing_is_kept_of_what_was_not_finished(error):
    store = Store(1 << 20)

    def make(tell):
        raise error

    with pytest.raises(error):
        store.get("k", make, silent)
    assert "k" not in store
    assert store.used == 0
    assert store.get("k", lambda tell: 5, silent) == 5


def test_memory_is_bounded_in_bytes_and_the_oldest_goes():
    store = Store(10_000)
    for name in "abc":
        store.get(name, lambda tell: np.zeros(4_000, np.uint8), silent)
        store.get("a", lambda tell: pytest.fail("it was kept"), silent)
    assert [name in store for name in "abc"] == [True, False, True]
    assert store.used <= 10_000
    store.get("large", lambda tell: bytes(50_000), silent)
    assert [name in store for name in ("large", "a")] == [True, False]
    assert store.used >= 50_000


@pytest.fixture(scope="module")
def network(small_file):
    """The small network, its filters described already."""
    from viz.network.checkpoint import load

    found = load(small_file)
    described.depthwise_description(found, Given())
    return found


def stopped(row, checkpoint):
    """Stop a measure at its second step, or its last if that comes first."""
    calls = []

    def stop(done, total):
        calls.append(done)
        if len(calls) == 2 or done >= total:
            raise Stop

    with pytest.raises(Stop):
        row.measure(checkpoint, Given(progress=stop))


def hooks(model):
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [m for m in model.modules() for name in names if getattr(m, name)]


@pytest.mark.parametrize("row", [r for r in VIEWS if r.name in SLOW], ids=lambda r: r.name)
def test_a_measure_that_is_stopped_leaves_nothing_behind(row, network, small):
    """No hook, no lock, no half description, and every weight as it was."""
    checkpoint = small if row.name == "kernels" else network
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    stopped(row, checkpoint)
    assert not hooks(checkpoint.model)
    assert not described._LOCK.locked()
    assert ("depthwise", 0) not in described._KEPT.get(small.model, {})
    assert all((before[k] == v).all() for k, v in checkpoint.model.state_dict().items())


def test_waiting_for_somebody_elses_description_can_be_stopped(small):
    def stop(done, total):
        raise Stop

    with described._LOCK, pytest.raises(Stop):
        described.depthwise_description(small, Given(progress=stop))
    assert not described._LOCK.locked()


@pytest.fixture
def places(small):
    """A kernel's place in the network: a result that takes no time; and a key it is kept under."""
    description = described.depthwise_description(small, Given())
    return [standing(description, block=0, channel=c) for c in range(3)]


def test_results_come_back_from_disk(places, tmp_path, monkeypatch):
    """As they were, under their own key alone, and no part of a file is left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache.from_disk("a") is None
    cache.to_disk("a", places[0])
    cache.to_disk("b", places[1])
    assert [cache.from_disk(key) for key in "abc"] == [places[0], places[1], None]
    kept = (tmp_path / "cache" / "convmixer-viz").iterdir()
    assert [each.suffix for each in kept] == [".npz", ".npz"]
    # Another program may find something else.
    monkeypatch.setattr(cache, "_program", lambda: "another")
    assert cache.from_disk("a") is None


def test_a_damaged_entry_is_removed(places, monkeypatch):
    cache.to_disk("a", places[0])
    (file,) = cache.folder().iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert cache.from_disk("a") is None
    assert not file.exists()


def test_the_disk_is_bounded_and_what_was_not_used_goes(places, monkeypatch):
    cache.to_disk("a", places[0])
    (file,) = cache.folder().iterdir()
    monkeypatch.setattr(cache, "_ON_DISK", 2.5 * file.stat().st_size)
    cache.to_disk("b", places[1])
    for age, key in enumerate("ba"):
        for path in cache.folder().glob(f"{cache._stem(key)}*"):
            os.utime(path, (age, age))
    cache.to_disk("c", places[2])
    assert [cache.from_disk(key) for key in "abc"] == [places[0], None, places[2]]


def test_a_disk_that_cannot_be_written_is_no_fault(places, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache.to_disk("a", places[0])
    assert cache.from_disk("a") is None
