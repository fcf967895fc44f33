"""Evidence and the decision by depth of one image against a plain forward pass of it.

    python benchmarks/evidence.py [--repeats 7] [--threads 1] [CHECKPOINT]

Each way is run once per round, in turn; the smallest time of each counts.
"""

from __future__ import annotations

import argparse
import time

import torch

import viz
from viz.images.sets import open_images
from viz.views.decision_by_depth.measure import decision_by_depth
from viz.views.evidence.measure import evidence


def plain(checkpoint, inputs):
    with torch.inference_mode():
        return checkpoint.model(inputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", default="imagenette-p7")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    checkpoint = viz.load(options.checkpoint)
    config = checkpoint.config
    inputs = open_images(None, checkpoint.preprocessing, config.in_channels).all().inputs[:1]
    ways = {
        "forward pass": plain,
        "evidence": evidence,
        "decision by depth": decision_by_depth,
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(options.repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way(checkpoint, inputs)
            best[name] = min(best[name], time.perf_counter() - start)
    print(f"{config.n_parameters:,} parameters, one image of {inputs.shape[-1]} px")
    for name, seconds in best.items():
        print(f"{name:18} {1000 * seconds:8.1f} ms  {seconds / best['forward pass']:6.1f} x")


if __name__ == "__main__":
    main()
