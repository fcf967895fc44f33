"""Loading a 207 MB ConvMixer-1536/20 against the least that torch itself needs for it.

Bare: ``torch.load(weights_only=True)`` plus ``load_state_dict`` into a network that is already
built (its random initialisation is reported apart). `viz.load` also checks the file, hashes it,
looks at every weight and builds the network. Each measurement runs in a fresh process, the ways
alternating; the smallest of the repeats counts. Run: ``python benchmarks/loading.py``.

The sha256, on a thread of its own beside the reading, is what the rest waits for: SHA-256 takes a
file in order, so more cores do not help, and safetensors' own loading is little more than a copy.
It stays, because official weights and results' sources are known by it. ``hash`` measures it alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"{field} is not in /proc/self/status: Linux only")


def _measure(way: str, path: str) -> dict[str, float]:
    """Load once in this process; return wall and CPU seconds and the peak above the start."""
    import torch

    from viz.network.checkpoint import load
    from viz.network.convmixer import PAPER_CONFIGS, ConvMixer

    built = 0.0
    if way == "bare":
        started = time.perf_counter()
        model = ConvMixer.from_config(PAPER_CONFIGS["convmixer_1536_20"])
        built = time.perf_counter() - started
    Path("/proc/self/clear_refs").write_text("5")
    base, wall, cpu = _status("VmRSS"), time.perf_counter(), time.process_time()
    if way == "hash":
        with Path(path).open("rb") as file:
            hashlib.file_digest(file, "sha256")
    elif way == "bare" and path.endswith(".safetensors"):
        from safetensors.torch import load_file

        model.load_state_dict(load_file(path))
    elif way == "bare":
        model.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(path)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": _status("VmHWM") - base,
        "built": built,
    }


def _in_fresh_process(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", way, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _make(folder: Path) -> list[Path]:
    import torch
    from safetensors.torch import save_file

    from viz.network.convmixer import PAPER_CONFIGS, ConvMixer

    model = ConvMixer.from_config(PAPER_CONFIGS["convmixer_1536_20"])
    torch.save(model.state_dict(), folder / "zip.pth")
    save_file(model.state_dict(), folder / "viz.safetensors")
    return [folder / "zip.pth", folder / "viz.safetensors"]


_HOSTILE = """
import json, resource, sys, time, warnings
import torch
from viz.network.checkpoint import load
from viz.network.guards import CheckpointError

warnings.simplefilter("ignore")
torch.set_num_threads(1)
for path in sys.stdin.read().splitlines():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    def status(field):
        with open("/proc/self/status") as file:
            return next(int(x.split()[1]) for x in file if x.startswith(field)) / 1024
    base, cpu, kind = status("VmRSS"), time.process_time(), "loaded"
    try:
        load(path)
    except CheckpointError:
        kind = "refused"
    print(json.dumps([kind, time.process_time() - cpu, status("VmHWM") - base]), flush=True)
"""


def _hostile() -> int:
    """Open every hostile file of the tests: seconds of CPU and MB each takes; return how many fail.

    None may take more than 2 s or 500 MB.
    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "network"))
    from hostile_files import LOADED, REFUSED

    writers = {**{what: row[0] for what, row in REFUSED.items()}, **LOADED}
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for i, (what, write) in enumerate(writers.items()):
            place = Path(folder) / str(i)
            place.mkdir()
            paths[what] = place / getattr(write, "filename", "weights.pth")
            write(paths[what])
        done = subprocess.run(
            [sys.executable, "-c", _HOSTILE], input="\n".join(map(str, paths.values())),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    rows = [(*json.loads(row), what) for row, what in
            zip(done.stdout.splitlines(), paths, strict=True)]  # fmt: skip
    print(f"{len(rows)} hostile files; limits 2 s of CPU, 500 MB; the five that take most of each:")
    for column, unit in ((1, "s"), (2, "MB")):
        for row in sorted(rows, key=lambda row: -row[column])[:5]:
            print(f"  {row[column]:8.2f} {unit:<3}{row[0]:<9}{row[3]}")
    return sum(cpu > 2 or memory > 500 for _, cpu, memory, _ in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--hostile", action="store_true", help="only the hostile files")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hostile:
        sys.exit(_hostile())
    if options.one:
        print(json.dumps(_measure(*options.one)))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.repeats} repeats\n")
    print(f"{'file':<18}{'':<6}{'wall s':>8}{'cpu s':>8}{'peak MB':>9}{'peak / file':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for path in _make(Path(folder)):
            ways: dict[str, list[dict[str, float]]] = {"bare": [], "hash": [], "viz": []}
            for _ in range(options.repeats):
                ways["bare"].append(_in_fresh_process("bare", path))
                ways["hash"].append(_in_fresh_process("hash", path))
                ways["viz"].append(_in_fresh_process("viz", path))
            size = path.stat().st_size
            best = {w: {k: min(r[k] for r in runs) for k in runs[0]} for w, runs in ways.items()}
            for way, found in best.items():
                print(
                    f"{path.name if way == 'bare' else '':<18}{way:<6}{found['wall']:>8.3f}"
                    f"{found['cpu']:>8.3f}{found['peak'] / 1e6:>9.0f}{found['peak'] / size:>13.2f}"
                )
            bare, ours = best["bare"], best["viz"]
            print(
                f"{'':<18}ratio {ours['wall'] / bare['wall']:>8.2f}"
                f"{ours['cpu'] / bare['cpu']:>8.2f}"
                f"   (building the network for bare: {bare['built']:.2f} s more)\n"
            )
    sys.exit(_hostile())


if __name__ == "__main__":
    main()
