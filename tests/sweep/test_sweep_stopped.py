"""Sweeps that are killed, stopped, resumed, on a full disk, and already finished."""

import multiprocessing
import shutil
import signal
from dataclasses import replace
from unittest.mock import Mock

import pytest
from sweeping import alike, killed, stop_after

from viz.core.result import ResultFileError
from viz.sweep import shards as shards_module
from viz.sweep.result import Sweep
from viz.sweep.run import SweepError, shards_folder, sweep_folder


def test_a_stopped_sweep_goes_on_where_it_was(swept, small, pictures, few, tmp_path, monkeypatch):
    """Finished shards are kept, damaged ones counted again."""
    out = tmp_path / "b.npz"
    with pytest.raises(KeyboardInterrupt):
        sweep_folder(small, pictures, out, settings=few, shard_size=4, progress=stop_after(12))
    _, second, third = sorted(shards_folder(out).glob("shard-*.npz"))
    second.write_bytes(second.read_bytes()[:1000])
    third.write_bytes(b"")
    with pytest.raises(SweepError, match="unfinished sweep; go on with --resume"):
        sweep_folder(small, pictures, out, settings=few, shard_size=4)
    counted = []
    original = shards_module.write_shard
    monkeypatch.setattr(shards_module, "write_shard",
                        lambda w, s, c: (counted.append(s), original(w, s, c)))  # fmt: skip
    found = sweep_folder(small, pictures, out, settings=few, shard_size=4, resume=True)
    assert counted == [1, 2, 3]
    assert found == swept, "not even a bit differs"


def test_what_differs_is_not_resumed(small, pictures, few, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(pictures, folder)
    out = tmp_path / "b.npz"

    def go(checkpoint=small, settings=few, **more):
        return sweep_folder(checkpoint, folder, out, settings=settings, shard_size=4, **more)

    with pytest.raises(KeyboardInterrupt):
        go(progress=stop_after(4))
    with pytest.raises(SweepError, match="n_top is 4, it was 3"):
        go(settings=replace(few, n_top=4), resume=True)
    larger = replace(small.preprocessing, image_size=40)
    with pytest.raises(SweepError, match="image_size is 40, it was 32"):
        go(replace(small, preprocessing=larger), resume=True)
    with pytest.raises(SweepError, match="another checkpoint"):
        go(replace(small, source=replace(small.source, sha256="0" * 64)), resume=True)
    some = next(folder.glob("ant/*.png"))
    some.rename(folder / "ant" / "renamed.png")
    with pytest.raises(SweepError, match="images were changed, renamed or replaced"):
        go(resume=True)
    (folder / "ant" / "renamed.png").unlink()
    with pytest.raises(SweepError, match="15 images found, 16 when"):
        go(resume=True)
    assert go(force=True).n_images == 13


@pytest.mark.slow
def test_killed_again_and_again_and_resumed(swept, small, small_file, pictures, few, tmp_path):
    out, processes = tmp_path / "b.npz", multiprocessing.get_context("spawn")
    for images in (1, 7, 11):
        child = processes.Process(target=killed, args=(small_file, pictures, out, few, images))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    found = sweep_folder(small, pictures, out, settings=few, shard_size=2, resume=True)
    alike(found, swept)
    assert not shards_folder(out).exists()


def test_killed_before_its_shards_are_removed(small, pictures, few, tmp_path, monkeypatch):
    """Its file is whole: nothing is done again, and the shards go."""
    out = tmp_path / "c.npz"
    with monkeypatch.context() as patch:
        patch.setattr("viz.sweep.run.shutil.rmtree", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sweep_folder(small, pictures, out, settings=few, shard_size=4)
    first = next(shards_folder(out).glob("*.npz"))
    first.unlink()
    monkeypatch.setattr("viz.sweep.run.count_shard", None)
    again = sweep_folder(small, pictures, out, settings=few, shard_size=4, resume=True)
    assert again == Sweep.load(out)
    assert not shards_folder(out).exists()


def test_a_finished_sweep_has_nothing_left_to_do(small, pictures, few, tmp_path, monkeypatch):
    out = tmp_path / "a.npz"

    def go(checkpoint=small, settings=few, **more):
        return sweep_folder(checkpoint, pictures, out, settings=settings, resume=True, **more)

    made = go()
    written = out.stat().st_mtime_ns
    monkeypatch.setattr("viz.sweep.shards.count", None)
    assert go() == made
    assert out.stat().st_mtime_ns == written
    assert not shards_folder(out).exists()
    other = replace(small, source=replace(small.source, sha256="0" * 64))
    with pytest.raises(SweepError, match="finished sweep of something else: another checkpoint"):
        go(other)
    with pytest.raises(SweepError, match="settings: n_top is 9, it was 3"):
        go(settings=replace(few, n_top=9))
    with pytest.raises(SweepError, match="8 images found, 16 when"):
        go(limit=8)
    replace(made, failed=("shard 1 is missing",), n_missing=4).save(out)
    with pytest.raises(SweepError, match="lacks 4 images and its finished shards are gone"):
        go()
    bare = {k: v for k, v in made.source.settings.items() if k != "plan"}
    replace(made, source=replace(made.source, settings=bare)).save(out)
    with pytest.raises(SweepError, match="does not say what it was made of"):
        go()
    out.write_bytes(b"nothing")
    with pytest.raises(ResultFileError, match="not a saved sweep"):
        go()


def test_a_disk_that_is_really_full(small, pictures, few, tmp_path):
    """Files that may not grow past a few bytes: what a full disk does, to the last system call."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(done, total):
        if done > 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))

    out = tmp_path / "b.npz"
    try:
        with pytest.raises(SweepError, match=r"b\.npz: cannot be written: .* make room and go on"):
            sweep_folder(small, pictures, out, settings=few, shard_size=4, progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    names = sorted(p.name for p in shards_folder(out).iterdir())
    assert names == ["plan.json", "shard-000000.npz"]
