"""What a sweep costs beside plain forward passes, decoding, and other engines.

    python benchmarks/sweep.py [CHECKPOINT] [--dim 768 --depth 32 --patch 7 --kernel 7 --size 224]
                               [--folder FOLDER] [--images 64] [--repeats 3] [--threads 1]
                               [--engines]

Without a checkpoint a network of the size given serves, random weights; without a folder, generated
JPEGs of 500 x 375 pixels. Ways are run in turn, the smallest time of each counts. The first table
is in CPU seconds; where work overlaps only the clock tells. Run both on a machine that is idle:
others on the same cores take away their caches.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import viz
from viz.core.memory import keep_memory
from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.network.saving import save_checkpoint
from viz.sweep.engines import Cluster, Network
from viz.sweep.plan import listed
from viz.sweep.reading import read_ahead
from viz.sweep.run import sweep_folder
from viz.sweep.tally import PARTS, Settings, Tally


def made_folder(root, n):
    rng = np.random.default_rng(0)
    for i in range(n):
        small = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(small).resize((500, 375)).save(root / f"{i:04d}.jpg", quality=90)
    return root


def random_network(told, scratch):
    torch.manual_seed(0)
    network = ConvMixer(told.dim, told.depth, told.kernel, told.patch, 1000)
    how = Preprocessing(told.size)
    return str(save_checkpoint(network, scratch / "random.safetensors", preprocessing=how))


def fastest(ways, repeats, clock):
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            start = clock()
            way()
            best[name] = min(best[name], clock() - start)
    return best


def table(title, best, base):
    print(title)
    for name, seconds in best.items():
        print(f"  {name:<44} {seconds:8.3f} s   {seconds / best[base]:6.3f}")


def decoded_tensors(checkpoint, listing, threads):
    entries = [(name, listing.path(i)) for i, name in enumerate(listing.names)]
    return [
        one.inputs
        for one in read_ahead(entries, checkpoint.preprocessing, threads=threads)
        if one.inputs is not None
    ]


def accumulating(checkpoint, tensors, batch_size, repeats):
    batches = list(torch.stack(tensors).split(batch_size))

    def forward():
        with torch.inference_mode():
            for batch in batches:
                checkpoint.model(batch)

    def collecting(parts):
        def run():
            settings = Settings(parts, batch_size=batch_size, field_images=0)
            tally = Tally(checkpoint.config, settings, classes=True)
            done = 0
            for batch in batches:
                n = len(batch)
                numbers = range(done, done + n)
                tally.update(checkpoint.model, batch, numbers, [""] * n, [i % 10 for i in numbers])
                done += n

        return run

    ways = {
        "plain forward passes": forward,
        **{f"and moments, {part}": collecting((part,)) for part in PARTS},
        "and everything": collecting(PARTS),
    }
    table("Accumulators, on decoded tensors (CPU time)",
          fastest(ways, repeats, time.process_time), "plain forward passes")  # fmt: skip


def overlapping(checkpoint, folder, listing, tensors, batch_size, repeats, scratch, decoders):
    batches = list(torch.stack(tensors).split(batch_size))
    settings = Settings(("top",), batch_size=batch_size, field_images=0)

    def forward():
        with torch.inference_mode():
            for batch in batches:
                checkpoint.model(batch)

    def sweep():
        sweep_folder(checkpoint, folder, scratch / "s.npz", settings=settings, force=True,
                     decoders=decoders, limit=len(listing.names))  # fmt: skip

    ways = {
        "decoding alone": lambda: decoded_tensors(checkpoint, listing, decoders),
        "forward passes alone": forward,
        "sweep from files (moments, top 9)": sweep,
    }
    best = fastest(ways, repeats, time.perf_counter)
    slower = max(list(best)[:2], key=lambda name: best[name])
    table("From files (clock)", best, slower)


def engines(checkpoint, source, folder, n, batch_size, scratch):
    settings = Settings(("top",), batch_size=batch_size, field_images=0)
    network = Network(source, checkpoint.source.sha256, threads=1)
    ways = {
        "one process, 2 threads": None,
        "two local dask workers": Cluster(network, workers=2),
    }
    best = {}
    torch.set_num_threads(2)
    for name, engine in ways.items():
        start = time.perf_counter()
        sweep_folder(checkpoint, folder, scratch / "e.npz", settings=settings, force=True,
                     engine=engine, decoders=1, limit=n)  # fmt: skip
        best[name] = time.perf_counter() - start
    table("Engines, start included (clock)", best, "one process, 2 threads")


def memory(checkpoint, folder, n, batch_size, scratch):
    settings = Settings(batch_size=batch_size, field_images=0)
    print("Memory (largest so far)")
    for count in (n // 4, n // 2, n):
        sweep_folder(checkpoint, folder, scratch / "m.npz", settings=settings, force=True,
                     limit=count)  # fmt: skip
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {count:6d} images {megabytes:10.0f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", nargs="?")
    for name, default in (("dim", 768), ("depth", 32), ("patch", 7), ("kernel", 7), ("size", 224)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--decoders", type=int, default=1)
    parser.add_argument("--engines", action="store_true")
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    keep_memory()  # as viz sweep does
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        source = told.checkpoint or random_network(told, scratch)
        checkpoint = viz.load(source)
        print(checkpoint.config, "\n", checkpoint.preprocessing.image_size, "px")
        if told.folder is None:
            (scratch / "images").mkdir()
        folder = told.folder or made_folder(scratch / "images", told.images)
        listing = listed(folder, told.images)
        tensors = decoded_tensors(checkpoint, listing, 2)
        accumulating(checkpoint, tensors, told.batch_size, told.repeats)
        overlapping(checkpoint, folder, listing, tensors, told.batch_size, told.repeats, scratch,
                    told.decoders)  # fmt: skip
        memory(checkpoint, folder, told.images, told.batch_size, scratch)
        if told.engines:
            if Path(source).is_file():
                source = str(Path(source).absolute())
            engines(checkpoint, source, folder, told.images, told.batch_size, scratch)


if __name__ == "__main__":
    main()
