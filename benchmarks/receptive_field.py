"""Effective receptive fields of all blocks against a forward and a backward pass for each.

    python benchmarks/receptive_field.py [--repeats 3] [--shape DIM,DEPTH,K,P,SIZE,IMAGES ...]

Both find the same maps of the same network at the same images (checked). The plain way runs, for
each block and image, the network up to that block ("whole": to its end, as a hook has it) and
autograd back to the image, weights without gradients; "batched" does so for all images at once.
Ours alone is measured, without the random network, reading and bootstrap, which the last line
adds. Times are CPU seconds of one thread, so that a busy machine changes the ratios little.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial

import numpy as np
import torch

import viz
from viz.network.convmixer import ConvMixer
from viz.views.receptive_field.effective import bytes_per_image, gradients
from viz.views.receptive_field.measure import receptive_field

SHAPES = ("192,8,9,7,112,4", "256,8,7,7,224,1", "512,20,9,14,224,1")


def plain(model, images, unit, *, whole=False):
    """A forward and a backward pass for each block; forward up to it, or through all."""
    maps, depth = [], len(model.blocks)
    for block in range(depth):
        x = images.clone().requires_grad_()
        y = model.embed(x)
        for b, part in enumerate(model.blocks[: depth if whole else block + 1]):
            y = part(y)
            if b == block:
                output = y
        (g,) = torch.autograd.grad(output[:, :, unit[0], unit[1]].sum(), x)
        maps.append(g.abs().sum((0, 1)))
    return torch.stack(maps)


def ours(model, images, unit):
    """One forward pass, then autograd from each block."""
    blocks, channels = list(range(len(model.blocks))), list(range(model.config.dim))
    found = gradients(model, images, blocks, unit, channels)
    return torch.stack([g.abs().sum((0, 1)) for g in found])


def seconds(function, *arguments):
    began = time.process_time()
    result = function(*arguments)
    return time.process_time() - began, result


def one_by_one(model, images, unit, *, whole=False):
    return sum(plain(model, image[None], unit, whole=whole) for image in images)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--shape", action="append", help="DIM,DEPTH,K,P,SIZE,IMAGES")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"1 thread; CPU seconds, least of {options.repeats} runs, taken in turn")
    ways = {"whole forward passes": partial(one_by_one, whole=True),
            "plain, image by image": one_by_one, "plain, batched": plain,
            "ours": ours}  # fmt: skip
    for shape in options.shape or SHAPES:
        dim, depth, k, p, size, n = map(int, shape.split(","))
        torch.manual_seed(0)
        network = ConvMixer(dim, depth, k, p, 10)
        with torch.no_grad():
            network.train()(torch.randn(4, 3, size, size))
        checkpoint = viz.load(network)
        model, images = checkpoint.model, torch.randn(n, 3, size, size)
        unit = (size // p // 2, size // p // 2)
        best, answers = dict.fromkeys(ways, np.inf), {}
        for _ in range(options.repeats):
            for name, way in ways.items():
                took, answers[name] = seconds(way, model, images, unit)
                best[name] = min(best[name], took)
        truth = answers["plain, batched"]
        gap = max(float((a - truth).abs().max() / truth.abs().max()) for a in answers.values())
        print(f"{dim}/{depth} k={k} p={p}, {n} images of {size} px; ", end="")
        print(f"maps agree to {gap:.0e} of the largest value")
        for name, took in best.items():
            print(f"  {name:22} {took:7.2f} s, {took / best['ours']:5.1f} times ours")
        whole, _ = seconds(lambda c=checkpoint, x=images: receptive_field(c, x))
        need = bytes_per_image(model.config, (size, size), depth) / 1e6
        print(
            f"  the whole measure, random network and bootstrap included: {whole:.2f} s; ", end=""
        )
        print(f"{need:.0f} MB an image")


if __name__ == "__main__":
    main()
