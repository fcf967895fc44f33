"""Hostile files are refused without taking the machine's memory; nothing in them is executed.

All are opened in turn in one fresh process that watches itself.
"""

import json
import re
import subprocess
import sys
import zipfile

import pytest
import torch
from hostile_files import LOADED, REFUSED, bomb, code, marks, two_tables_of_contents

PROBE = """
import faulthandler, json, resource, signal, sys, warnings
from pathlib import Path

import torch

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))

torch.set_num_threads(1)
# What is not guarded must not take the machine's memory.
limit = status("VmSize") + 3 * (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
events, watching = [], False

def hook(event, args):
    if not watching:
        return
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"):
        events.append(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        events.append(f"open {args[0]} {args[1]}")

sys.addaudithook(hook)
from viz.network.checkpoint import load

warnings.simplefilter("ignore")
# A minute of the processor's time ends it, with a word where it was.
faulthandler.register(signal.SIGVTALRM, chain=True)
for line in sys.stdin.read().splitlines():
    signal.setitimer(signal.ITIMER_VIRTUAL, 60)
    events.clear()
    kind, text, watching = "", "", True
    try:
        loaded = load(line)
        text = " ".join((*loaded.source.warnings, *loaded.source.dropped))
    except BaseException as error:
        kind, text = type(error).__name__, str(error)[:5000]
    watching = False
    print(json.dumps({
        "path": line, "kind": kind, "text": text, "events": events,
    }), flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What came of every file, by its name."""
    paths = {}
    for what, write in {**{k: v[0] for k, v in REFUSED.items()}, **LOADED}.items():
        folder = tmp_path_factory.mktemp("hostile")
        paths[what] = folder / getattr(write, "filename", "weights.pth")
        write(paths[what])
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        input="\n".join(map(str, paths.values())), capture_output=True, text=True,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(paths), list(paths)[len(found)] + done.stderr[-3000:]
    for path in paths.values():
        assert not marks(path).exists()
        if path.is_file() and path.stat().st_size > 10_000_000:
            path.unlink()
    return dict(zip(paths, found, strict=True))


@pytest.mark.parametrize("what", REFUSED)
def test_refused(answers, what):
    answer, said = answers[what], REFUSED[what][1]
    assert answer["kind"] == "CheckpointError", answer
    assert answer["text"].startswith(f"{answer['path']}: ")
    assert re.search(said, answer["text"]), answer["text"]
    assert answer["text"].isprintable()
    assert len(answer["text"]) < 1500
    assert answer["events"] == []


@pytest.mark.parametrize("what", LOADED)
def test_loaded_and_nothing_is_executed_or_written(answers, what):
    assert answers[what]["kind"] == "", answers[what]["text"]
    assert answers[what]["text"].isprintable()
    assert answers[what]["events"] == []


def test_the_files_would_hurt(tmp_path):
    """Some of them opened as torch does it by itself: what they were made for happens."""
    path = tmp_path / "f.pth"
    code(path)
    torch.load(path, weights_only=False)
    assert marks(path).exists()
    bomb(path)
    assert path.stat().st_size < 100_000
    unpacked = torch.load(path, weights_only=True)["weight"]
    assert unpacked.untyped_storage().nbytes() == 1 << 26
    two_tables_of_contents(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("archive/data/0").file_size == 192
    assert len(torch._C.PyTorchFileReader(str(path)).get_record("data/0")) == 192 + (1 << 20)
