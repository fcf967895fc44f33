"""Feature maps of every stage against a plain forward pass of the same network.

    python benchmarks/feature_maps.py [--dim 1536] [--depth 20] [--size 224] [--repeats 5]
                                      [--threads 1] [CHECKPOINT]

Each way is run once per round, in turn; the smallest time of each counts. Times are CPU seconds,
so that a busy machine hardly changes the ratios. Hooks stand beside for comparison: they reach
the modules' outputs, but not the sum after the depthwise part.
"""

from __future__ import annotations

import argparse
import time

import torch

import viz
from viz.images.sets import open_images
from viz.network.convmixer import ConvMixer
from viz.network.stages import BLOCK_STAGES, EMBEDDING_STAGES, stages
from viz.views.feature_maps.measure import feature_maps


def plain(checkpoint, inputs):
    with torch.inference_mode():
        return checkpoint.model(inputs)


def passed_over(checkpoint, inputs):
    for stage in stages(checkpoint.model, inputs):
        last = stage
    return last.maps


def kept(checkpoint, inputs):
    every = list(stages(checkpoint.model, inputs))
    assert len(every) == 1 + len(EMBEDDING_STAGES) + len(BLOCK_STAGES) * checkpoint.config.depth
    return every[-1].maps


def hooked(checkpoint, inputs):
    seen, hooks = [], []
    try:
        leaves = [m for m in checkpoint.model.modules() if not list(m.children())]
        for module in leaves:
            hooks.append(module.register_forward_hook(lambda m, i, o: seen.append(o)))  # noqa: PERF401
        with torch.inference_mode():
            return checkpoint.model(inputs)
    finally:
        for hook in hooks:
            hook.remove()


def copied(checkpoint, inputs):
    """Every map as a numpy array of its own, channels first, as drawing and saving want them."""
    arrays = [stage.maps.contiguous().numpy() for stage in stages(checkpoint.model, inputs)]
    return torch.from_numpy(arrays[-1])


def view(checkpoint, inputs):
    """What the main figure needs: four channels of the last block."""
    images = open_images(inputs, checkpoint.preprocessing, checkpoint.config.in_channels)
    feature_maps(
        checkpoint, images, block=checkpoint.config.depth - 1, by_depth=False, patches=False
    )


WAYS = {
    "plain forward pass": plain,
    "every stage, one at a time": passed_over,
    "every stage, all kept": kept,
    "hooks on every module, all kept": hooked,
    "every stage, copied to arrays": copied,
    "feature_maps of the last block": view,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--dim", type=int, default=1536)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    checkpoint = viz.load(
        arguments.checkpoint or ConvMixer(arguments.dim, arguments.depth, 9, 7, 1000)
    )
    c = checkpoint.config
    inputs = torch.randn(1, c.in_channels, arguments.size, arguments.size)
    wanted = plain(checkpoint, inputs)
    for way in (passed_over, kept, hooked, copied):
        assert torch.equal(way(checkpoint, inputs), wanted), way.__name__
    times = {name: [] for name in WAYS}
    for _ in range(arguments.repeats):
        for name, way in WAYS.items():
            start = time.process_time()
            way(checkpoint, inputs)
            times[name].append(time.process_time() - start)
    base = min(times["plain forward pass"])
    print(f"{c.dim}/{c.depth}, k = {c.kernel_size}, p = {c.patch_size}, {arguments.size} px, "
          f"{arguments.threads} thread(s), smallest of {arguments.repeats}")  # fmt: skip
    for name, taken in times.items():
        print(f"{name:<34} {min(taken):8.3f} s   {min(taken) / base:6.3f} x")


if __name__ == "__main__":
    main()
