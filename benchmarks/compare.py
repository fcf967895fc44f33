"""What comparing two networks costs on top of describing their kernels, and beside one assignment.

    python benchmarks/compare.py [--dim 1536] [--depth 20] [--patch 7] [--repeats 3]

First imagenette-p7 against imagenette-p14: CPU seconds of both descriptions and of what is done
with them.
Then random networks of the size given: matching their patch filters with both nulls, and asking
whether channels correspond, in units of one assignment by scipy on the same similarities. Least of
several rounds in which all take turns.
"""

from __future__ import annotations

import argparse
import time

import torch
from scipy.optimize import linear_sum_assignment

from viz.network.checkpoint import load
from viz.network.convmixer import ConvMixer
from viz.views.compare.channels import agreement, cosines
from viz.views.compare.measure import compare_networks
from viz.views.compare_patch_filters.measure import DRAWS, match_patch_filters
from viz.views.kernels.measure import describe_checkpoint


def cpu(work):
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("dim", 1536), ("depth", 20), ("patch", 7), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    a, b = load("imagenette-p7"), load("imagenette-p14")
    describing, both = cpu(lambda: tuple(describe_checkpoint(each) for each in (a, b)))
    comparing = min(cpu(lambda: compare_networks(a, b, both))[0] for _ in range(options.repeats))
    print(f"two shipped networks: describing {describing:.1f} s, comparing {comparing:.2f} s, "
          f"{100 * comparing / describing:.0f} % of it")  # fmt: skip
    torch.manual_seed(0)
    a, b = (load(ConvMixer(options.dim, options.depth, 9, options.patch, 10).eval()) for _ in "ab")
    similarity = cosines(a.model.patch_filters.numpy(), b.model.patch_filters.numpy())
    works = {
        "one assignment": lambda: linear_sum_assignment(similarity, maximize=True),
        f"matching with {2 * DRAWS} null draws": lambda: match_patch_filters(a, b),
        "do channels correspond": lambda: agreement(a, b),
    }
    least = dict.fromkeys(works, float("inf"))
    for _ in range(options.repeats):
        for name, work in works.items():
            least[name] = min(least[name], cpu(work)[0])
    for name, seconds in least.items():
        ratio = seconds / least["one assignment"]
        print(f"{options.dim}/{options.depth}: {name} {seconds:.2f} s, {ratio:.0f} x")


if __name__ == "__main__":
    main()
