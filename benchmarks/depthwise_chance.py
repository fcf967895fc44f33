"""How many kernels of chance depthwise descriptions name: at most 1 % is meant.

    python benchmarks/depthwise_chance.py [--kernels 10000] CHECKPOINT ...

White noise, the depthwise kernels of a network as torch initialises it, and every checkpoint's own
kernels with the taps of each in random order, block by block.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import viz
from viz.views.kernels.measure import describe

SIZE, EACH = 9, 125


def report(name, kernels, block):
    """Print one line: the share named, and the names given."""
    start = time.process_time()
    found = describe(kernels, blocks=block, n_init=0)
    names, counts = np.unique(found.name[found.named], return_counts=True)
    given = ", ".join(f"{c} {n}" for n, c in zip(names, counts, strict=True))
    spent = time.process_time() - start
    print(f"{name}: {len(kernels)} kernels, {found.named.mean():.2%} named ({given or 'none'}); "
          f"{spent:.0f} s CPU", flush=True)  # fmt: skip


def main():
    """Print one line per kind of chance."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("checkpoints", nargs="*")
    ask.add_argument("--kernels", type=int, default=10_000)
    asked = ask.parse_args()
    rng, n = np.random.default_rng(0), asked.kernels
    block = np.arange(n) // EACH
    report("white noise", rng.standard_normal((n, SIZE, SIZE)), block)
    torch.manual_seed(0)
    new = torch.nn.Conv2d(n, n, SIZE, groups=n).weight.detach().numpy()[:, 0]
    report("random initialisation", new, block)
    for path in asked.checkpoints:
        model = viz.load(path).model
        real = [model.depthwise_kernels(b).detach().numpy() for b in range(model.config.depth)]
        each, k = real[0].shape[:2]
        real = np.concatenate(real)
        times = -(-n // len(real))
        taps = rng.permuted(np.tile(real.reshape(len(real), -1), (times, 1)), axis=1)
        report(f"{path} shuffled", taps.reshape(-1, k, k), np.arange(len(taps)) // each)


if __name__ == "__main__":
    main()
