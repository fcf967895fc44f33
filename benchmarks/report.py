"""Reports: --quick of a 1536/20 network with random weights, and the full one of imagenette-p7.

    python benchmarks/report.py [quick] [full]

Each runs in a process of its own: seconds, CPU seconds, peak memory, seconds by section. Wanted:
quick under 60 s and 2 GB, full (scikit-learn's two photographs) under 180 s, on two idle cores.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WANTED = {"quick": (60, 2.0), "full": (180, None)}


def network(folder):
    """A file with random weights of the size of the largest official network."""
    import torch

    from viz.network.convmixer import ConvMixer
    from viz.network.saving import save_checkpoint

    torch.manual_seed(0)
    return save_checkpoint(ConvMixer(1536, 20, 9, 7, 1000).eval(), folder / "random.safetensors")


def measure(kind, folder):
    words = [network(folder), "--quick"] if kind == "quick" else ["imagenette-p7"]
    command = [sys.executable, "-m", "viz", "report", *map(str, words), "-o", str(folder / kind)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    most, memory = WANTED[kind]
    gigabytes = after.ru_maxrss / 2**20
    print(f"{kind}: {seconds:.0f} s (wanted {most}), {cpu:.0f} CPU s")
    print(f"  {gigabytes:.2f} GB" + (f" (wanted {memory})" if memory else ""))
    size = sum(p.stat().st_size for p in (folder / kind).rglob("*") if p.is_file())
    print(f"  {size / 1e6:.1f} MB")
    times = json.loads((folder / kind / "manifest.json").read_text("utf-8"))["times"]
    for name, each in {**times["seconds"], "pages": times["pages"]}.items():
        print(f"  {name:<18} {each:6.1f} s")


def main():
    kinds = sys.argv[1:] or ["quick", "full"]
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            measure(kind, Path(folder))


if __name__ == "__main__":
    main()
