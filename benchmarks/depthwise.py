"""Depthwise kernels named: all at once, against a loop of scipy fits on a sample.

    python benchmarks/depthwise.py [--kernels 30720] [--size 9] [--sample 8] [CHECKPOINT]

With a checkpoint its kernels are turned and slightly blended to the number asked for; without one,
two thirds are pictures of the bank with noise, a third is white noise. Timed is the whole
description: names, up to four shapes of each kernel, and the nulls. The loop has no bank: one
kernel after another it adds up to four Gaussian shapes (a bump, its slope, its curvature), each
fitted by scipy's least squares from the largest tap left, amplitudes and constant solved exactly.
It gives no names and has no null. CPU seconds are what a busy machine changes least.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch
from scipy.optimize import least_squares

from viz.views.kernels.measure import MOST_SHAPES, describe
from viz.views.kernels.pictures import bank


def kernels_of(n, k, rng, checkpoint):
    """Return n kernels of k x k taps."""
    if checkpoint:
        import viz

        model = viz.load(checkpoint).model
        depth = model.config.depth
        real = np.concatenate([model.depthwise_kernels(b).detach().numpy() for b in range(depth)])
        pick, other = rng.integers(len(real), size=(2, n))
        made = real[pick] + 0.1 * real[other]
        turned = np.stack([np.rot90(made, turn, (1, 2)) for turn in range(4)])
        return turned[rng.integers(4, size=n), np.arange(n)]
    noise = rng.standard_normal((n, k, k)) / k
    chosen = rng.integers(len(bank(k).kind), size=n - n // 3)
    noise[: len(chosen)] *= rng.uniform(0.1, 1, (len(chosen), 1, 1))
    noise[: len(chosen)] += bank(k).pictures.numpy()[chosen].reshape(-1, k, k)
    return noise


def shapes(q, x, y):
    """Return a bump, its slope and its curvature at every tap: one column each."""
    x0, y0, log_s, angle = q
    s = np.exp(log_s)
    across = ((y - y0) * np.cos(angle) - (x - x0) * np.sin(angle)) / s
    bump = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * s**2))
    return [bump, across * bump, (1 - across**2) * bump]


def loop(taps, k):
    """Describe one kernel as a sum of fitted shapes: R^2 with 1, 2, ... of them."""
    line = np.arange(k) - (k - 1) / 2
    y, x = (mesh.ravel() for mesh in np.meshgrid(-line, line, indexing="ij"))
    target = taps.ravel() / np.linalg.norm(taps)
    columns, rest, r2 = [np.ones(k * k)], target, []
    for _ in range(MOST_SHAPES):
        peak, best = np.abs(rest).argmax(), None
        for which in range(3):

            def left(q, which=which):
                made = np.stack([*columns, shapes(q, x, y)[which]], 1)
                return target - made @ np.linalg.lstsq(made, target, rcond=None)[0]

            for angle in (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)[: 4 if which else 1]:
                start = np.array([x[peak], y[peak], 0.0, angle])
                fit = least_squares(left, start, max_nfev=20, bounds=(
                    [-k, -k, np.log(0.4), -7], [k, k, np.log(k), 7]))  # fmt: skip
                if best is None or fit.cost < best[0].cost:
                    best = fit, which
        fit, which = best
        columns.append(shapes(fit.x, x, y)[which])
        rest = fit.fun
        r2.append(1 - rest @ rest)
    return r2


def main():
    """Print one line per way and the ratio."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("checkpoint", nargs="?")
    ask.add_argument("--kernels", type=int, default=30_720)
    ask.add_argument("--size", type=int, default=9)
    ask.add_argument("--sample", type=int, default=8)
    asked = ask.parse_args()
    rng = np.random.default_rng(0)
    kernels = kernels_of(asked.kernels, asked.size, rng, asked.checkpoint).astype(np.float32)
    k = kernels.shape[1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter(), time.process_time()
    found = describe(kernels)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{len(kernels)} kernels of {k} x {k} and the nulls, {torch.get_num_threads()} threads:")
    print(f"  {wall:.1f} s wall, {cpu:.1f} s CPU, at most {memory:.2f} GB ({before:.2f} before); "
          f"named {found.named.mean():.1%}, random init {found.null_coverage:.2%}")  # fmt: skip
    rows = np.sort(rng.choice(len(kernels), asked.sample, replace=False))
    start = time.process_time()
    slow = np.array([loop(kernels[i].astype(float), k) for i in rows])
    each = (time.process_time() - start) / len(rows)
    whole = each * len(kernels)
    print(f"  scipy loop on {len(rows)}: {1e3 * each:.0f} ms each, {whole:.0f} s for all, "
          "without names or nulls")  # fmt: skip
    print(f"  ratio of CPU seconds {whole / cpu:.0f}, nulls included")
    mine = found.r2_by_shapes[rows].mean(0)
    print(f"  mean R2 by shapes, here {np.round(mine, 3)}, loop {np.round(slow.mean(0), 3)}")


if __name__ == "__main__":
    main()
