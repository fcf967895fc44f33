"""Depthwise kernels described: all at once, against a scipy least-squares loop on a sample.

    python benchmarks/depthwise.py [--kernels 30720] [--size 9] [--sample 8] [CHECKPOINT]

With a checkpoint its kernels are turned, mirrored and slightly blended to the number asked for;
without one, a third are planted shapes, a third sums of two, a third white noise. The loop fits the
same shapes from the same templates, shape by shape, all shapes refined together, with amplitudes and
constant solved exactly and scipy's finite differences. CPU seconds are what a busy machine changes
least; the wall time of an idle one is about that over the number of threads.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "measure"))
import planted
from viz.measure.atom_dictionary import dictionary
from viz.measure.atoms import FAMILIES, bounds

from viz.measure.depthwise import describe

NAMES = ["blob+", "blob-", "on-centre", "off-centre", "edge", "bar", "ring", "cross", "grating"]


def bank(n, k, rng, checkpoint):
    """Return n kernels of k x k taps."""
    if checkpoint:
        import viz

        model = viz.load(checkpoint).model
        depth = model.config.depth
        real = np.concatenate([model.depthwise_kernels(b).detach().numpy() for b in range(depth)])
        pick, other = rng.integers(len(real), size=(2, n))
        made = real[pick] + 0.1 * real[other]
        turn = rng.integers(4, size=n)
        turned = np.stack([np.rot90(made, t, (1, 2)) for t in range(4)])
        return turned[turn, np.arange(n)]
    # In parts: planting takes a hundred times the memory of what is planted.
    parts = [planted_and_noise(min(768, n - i), k, rng) for i in range(0, n, 768)]
    return np.concatenate(parts)


def planted_and_noise(n, k, rng):
    """Return n kernels: a third single shapes, a third sums of two, the others white noise."""
    third = n // 3
    one = planted.mixed(NAMES, third, k, rng, 1.0).clean
    two = sum(planted.mixed(NAMES, third, k, rng, 2.0).clean * rng.uniform(0.5, 1, (third, 1, 1))
              for _ in range(2))  # fmt: skip
    clean = np.concatenate([one, two])
    return np.concatenate(
        [planted.noisy(clean, rng, (0, 20)), rng.standard_normal((n - 2 * third, k, k))]
    )


def atom(family, q, x, y):
    """One shape, written in numpy for a single kernel."""
    s, name = math.exp(q[2]), FAMILIES[family]
    dx, dy = x - q[0], y - q[1]
    u = (dx**2 + dy**2) / (2 * s * s)
    if name == "dog":
        return np.exp(-u) - q[5] * np.exp(-u * math.exp(-2 * q[4]))
    if name == "ring":
        c = (math.cos(q[4]), math.sin(q[4]) * math.cos(q[5]), math.sin(q[4]) * math.sin(q[5]))
        return (c[0] + c[1] * u + c[2] * u * u) * np.exp(-u)
    gamma = math.exp(q[4]) if name in ("oval", "edge", "bar", "cross") else 1.0

    def turned(theta):
        a = (dx * math.cos(theta) + dy * math.sin(theta)) / s
        return a / gamma, (dy * math.cos(theta) - dx * math.sin(theta)) / s

    a, b = turned(q[3])
    e = np.exp(-(a * a + b * b) / 2)
    if name == "cross":
        a, b = turned(q[3] + math.pi / 2)
        return (e + np.exp(-(a * a + b * b) / 2)) / 2
    if name == "grating":
        return np.cos(math.exp(q[4]) * b + q[5]) * e
    return {"edge": b, "bar": 1 - b * b, "saddle": a * b}.get(name, 1.0) * e


def loop(taps, k, starts=(6, 2, 2, 3)):
    """Describe one kernel as one describes many: R^2 with 1, 2, 3 and 4 shapes."""
    line = np.arange(k) - (k - 1) / 2
    y, x = (g.ravel() for g in np.meshgrid(-line, line, indexing="ij"))
    rows, (low, high) = dictionary(k), (b.numpy().astype(float) for b in bounds(k))
    templates = rows.template.numpy()
    target = taps.ravel() - taps.mean()
    target /= np.linalg.norm(target)

    def left(q, families):
        columns = np.stack(
            [np.ones(k * k), *(atom(f, p, x, y) for f, p in zip(families, q.reshape(-1, 6),
                                                                strict=True))], 1
        )  # fmt: skip
        return target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0]

    families, q, residual, r2 = [], np.empty(0), target, []
    for count in starts:
        score = np.abs(templates @ residual)
        tops = [g.start + score[g].argmax() for g in rows.groups]
        best = None
        for i in sorted(tops, key=lambda i: -score[i])[:count]:
            tried = [*families, int(rows.family[i])]
            least, most = low[tried].ravel(), high[tried].ravel()
            start = np.concatenate([q, rows.shape[i].numpy().astype(float)])
            start = np.clip(start, least + 1e-6, most - 1e-6)
            fit = least_squares(left, start, bounds=(least, most), args=(tried,), max_nfev=10)
            if best is None or fit.cost < best[0]:
                best = fit.cost, tried, fit.x, fit.fun
        _, families, q, residual = best
        r2.append(1 - residual @ residual)
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
    kernels = bank(asked.kernels, asked.size, rng, asked.checkpoint).astype(np.float32)
    k = kernels.shape[1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter(), time.process_time()
    found = describe(kernels)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    threads = torch.get_num_threads()
    others = len(found.shuffled_r2_by_shapes) + len(found.init_names)
    print(f"{len(kernels)} kernels of {k} x {k}, and {others} of the null, {threads} threads:")
    print(f"  {wall:.1f} s wall, {cpu:.1f} s CPU, at most {memory:.2f} GB ({before:.2f} before); "
          f"named {found.coverage:.1%}, random init {found.null_coverage:.2%}")  # fmt: skip
    rows = np.sort(rng.choice(len(kernels), asked.sample, replace=False))
    torch.set_num_threads(1)
    start = time.process_time()
    slow = np.array([loop(kernels[i].astype(float), k) for i in rows])
    each = (time.process_time() - start) / len(rows)
    whole = each * len(kernels)
    print(f"  scipy loop on {len(rows)}: {1e3 * each:.0f} ms each, {whole:.0f} s for all, "
          "without a null")  # fmt: skip
    print(f"  ratio of CPU seconds {whole / cpu:.0f}, null included")
    mine = found.r2_by_shapes[rows].mean(0)
    print(f"  mean R2 by shapes, here {np.round(mine, 3)}, loop {np.round(slow.mean(0), 3)}")


if __name__ == "__main__":
    main()
