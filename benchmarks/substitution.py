"""Substitution: blocks before the first replaced one run once, against a whole pass per condition.

    python benchmarks/substitution.py [--dim 128] [--depth 8] [--images 16] [--repeats 3]

Both sides score the same conditions (each block's kernels replaced alone) on the same images, one
after the other in one run; times are CPU seconds, the smallest of the repeats.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.func import functional_call

from viz.network.convmixer import ConvMixer
from viz.network.replacing import Replacement, logits_of_all, shared_copy


def together(twin, inputs, replacements):
    with torch.no_grad():
        return dict(logits_of_all(twin, inputs, replacements))


def one_by_one(model, inputs, replacements):
    """The obvious way: the whole network anew for each condition."""
    made = {}
    with torch.no_grad():
        made[-1] = model(inputs)
        for number, each in replacements.items():
            new = {
                f"blocks.{b}.{name}": tensor
                for b in range(model.config.depth)
                for name, tensor in each.of_block(model, b).items()
            }
            made[number] = functional_call(model, new, (inputs,))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    model = ConvMixer(options.dim, options.depth, 9, 7, 100).eval().requires_grad_(False)
    inputs = torch.randn(options.images, 3, 112, 112)
    every = torch.ones(options.dim, dtype=torch.bool)
    replacements = {
        b: Replacement(kernels={b: torch.randn(options.dim, 9, 9)}, rows={b: every})
        for b in range(options.depth)
    }
    twin, times = shared_copy(model), {together: [], one_by_one: []}
    for _ in range(options.repeats):
        made = []
        for way, network in ((together, twin), (one_by_one, model)):
            start = time.process_time()
            made.append(way(network, inputs, replacements))
            times[way].append(time.process_time() - start)
        gap = max(float((made[0][n] - made[1][n]).abs().max()) for n in made[0])
        assert gap < 1e-4, gap
    ours, theirs = (min(t) for t in times.values())
    print(f"{options.depth} conditions, {options.images} images, dim {options.dim}: ", end="")
    print(f"{ours:.2f} s, one by one {theirs:.2f} s of CPU: {theirs / ours:.2f} times as long")


if __name__ == "__main__":
    main()
