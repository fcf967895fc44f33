"""Reports of imagenette-p7 by how much they hold, and the quick one of a 1536/20 network.

    python benchmarks/report.py [quick] [default] [full] [large]

Each runs in a process of its own: seconds, CPU seconds, peak memory, CPU seconds by section.
Wanted, of CPU seconds on one thread and scikit-learn's two photographs: quick under 20, default
under 60, full under 240; the quick one of a 1536/20 network with random weights under 60 and 2 GB.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WANTED = {"quick": (20, None), "default": (60, None), "full": (240, None), "large": (60, 2.0)}


def network(folder):
    """A file with random weights of the size of the largest official network."""
    import torch

    from viz.network.convmixer import ConvMixer
    from viz.network.saving import save_checkpoint

    torch.manual_seed(0)
    return save_checkpoint(ConvMixer(1536, 20, 9, 7, 1000).eval(), folder / "random.safetensors")


def measure(kind, folder):
    words = [network(folder) if kind == "large" else "imagenette-p7"]
    words += {"default": [], "full": ["--full"]}.get(kind, ["--quick"])
    command = [sys.executable, "-m", "viz", "report", *map(str, words), "-o", str(folder / kind)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    most, memory = WANTED[kind]
    gigabytes = after.ru_maxrss / 2**20
    print(f"{kind}: {seconds:.0f} s, {cpu:.0f} CPU s (wanted {most})")
    print(f"  {gigabytes:.2f} GB" + (f" (wanted {memory})" if memory else ""))
    size = sum(p.stat().st_size for p in (folder / kind).rglob("*") if p.is_file())
    print(f"  {size / 1e6:.1f} MB")
    times = json.loads((folder / kind / "manifest.json").read_text("utf-8"))["times"]
    for name, each in {**times["seconds"], "pages": times["pages"]}.items():
        print(f"  {name:<18} {each:6.1f} s")


def main():
    kinds = sys.argv[1:] or WANTED
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            measure(kind, Path(folder))


if __name__ == "__main__":
    main()
