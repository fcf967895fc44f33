"""Gabor fits of a patch embedding's filters: all at once, against a scipy loop on a sample.

    python benchmarks/patch_fit.py [--filters 1536] [--patch 14] [--sample 12] [CHECKPOINT]

The loop minimises the same model from the same starts under the same bounds, amplitude and
phase as two free parameters; once with scipy's finite differences, once with an exact Jacobian.
Times are CPU seconds, so that a busy machine does not change the ratio.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import planted_patches as planted

from viz.views.patch_filters import gabor
from viz.views.patch_filters.measure import describe


def bank(n, p, rng):
    """Half planted colour Gabors, half blobs; 15 dB."""
    half = n // 2
    gabors = planted.gabor_maps(p, **planted.random_gabors(rng, half, p))
    rest = n - half
    centre = (p - 1) / 2 + rng.uniform(-p / 5, p / 5, (rest, 2))
    blobs = planted.blob_maps(p, centre, rng.uniform(0.8, p / 4, rest), rng.choice([-1, 1], rest))
    parts = [
        planted.paint(gabors, planted.RED_GREEN),
        planted.paint(blobs, planted.YELLOW_BLUE),
    ]
    return planted.add_noise(np.concatenate(parts), 15, rng).astype(np.float32)


def model(q, x, y):
    """The fit's model and its Jacobian, written for one map."""
    dx, dy = x - q[0], y - q[1]
    cos, sin = np.cos(q[2]), np.sin(q[2])
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    wu, wv = np.exp(-2 * q[4]), np.exp(-2 * q[5])
    envelope = np.exp(-(u * u * wu + v * v * wv) / 2)
    c, s = envelope * np.cos(2 * np.pi * q[3] * u), envelope * np.sin(2 * np.pi * q[3] * u)
    h, w = q[6] * c + q[7] * s, q[7] * c - q[6] * s
    hu, hv = 2 * np.pi * q[3] * w - u * wu * h, -v * wv * h
    columns = [
        hv * sin - hu * cos,
        -hu * sin - hv * cos,
        hu * v - hv * u,
        2 * np.pi * u * w,
        u * u * wu * h,
        v * v * wv * h,
        c,
        s,
    ]
    return h, np.stack(columns, 1)


def scipy_fit(unit, starts, p, *, exact):
    """The best of all starts of one map by `scipy.optimize.least_squares`."""
    x, y = (axis.numpy() for axis in gabor.pixel_grid(p))
    edge, low_s, high_s = p / 2, np.log(0.5), np.log(p)
    low = np.array([-edge, -edge, -np.inf, 0.25 / p, low_s, low_s, -np.inf, -np.inf])
    high = np.array([edge, edge, np.inf, np.sqrt(0.5), high_s, high_s, np.inf, np.inf])
    best = np.inf
    for start in starts:
        inside = np.clip(start, low[:6] + 1e-6, high[:6] - 1e-6)
        _, jacobian = model(np.append(inside, [1.0, 0.0]), x, y)
        pair = np.linalg.lstsq(jacobian[:, 6:], unit, rcond=None)[0]
        found = least_squares(
            lambda q: model(q, x, y)[0] - unit,
            np.append(inside, pair),
            jac=(lambda q: model(q, x, y)[1]) if exact else "2-point",
            bounds=(low, high),
            ftol=1e-5,
            xtol=1e-5,
            gtol=1e-8,
        )
        best = min(best, 2 * found.cost)
    return 1 - best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", help="take its filters; default a made-up bank")
    parser.add_argument("--filters", type=int, default=1536)
    parser.add_argument("--patch", type=int, default=14)
    parser.add_argument("--sample", type=int, default=12)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    if options.checkpoint:
        import viz

        filters = viz.load(options.checkpoint).model.patch_filters.detach().float().numpy()
    else:
        filters = bank(options.filters, options.patch, rng)
    n, p = len(filters), filters.shape[-1]
    describe(filters[:16])  # the libraries' first call is slower
    wall, cpu = time.perf_counter(), time.process_time()
    result = describe(filters, seed=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"describe: {n} filters {filters.shape[1:]}: {wall:.1f} s, {cpu:.1f} s of CPU, ")
    print(f"  nulls included; median r2_map {np.median(result.r2_map):.3f}; ", end="")
    print(f"{torch.get_num_threads()} threads")
    maps = result.maps.reshape(n, -1)
    cpu = time.process_time()
    gabor.fit_maps(maps, p)
    ours = (time.process_time() - cpu) / n
    print(f"fit alone: {1e3 * ours:.2f} ms of CPU a filter (seven starts)")
    chosen = rng.choice(n, min(options.sample, n), replace=False)
    unit = maps[chosen] / np.linalg.norm(maps[chosen], axis=1, keepdims=True)
    starts = gabor.starts(unit, p)
    for exact in (False, True):
        cpu = time.process_time()
        r2 = np.array([scipy_fit(m, s, p, exact=exact) for m, s in zip(unit, starts, strict=True)])
        theirs = (time.process_time() - cpu) / len(chosen)
        gap = result.r2_map[chosen] - r2
        name = "exact Jacobian" if exact else "finite differences"
        print(
            f"scipy loop, {name}: {1e3 * theirs:.0f} ms a filter, {theirs * n:.0f} s for all: "
            f"{theirs / ours:.0f} times as long; r2 ours minus theirs: "
            f"median {np.median(gap):+.5f}, worst {gap.min():+.4f}, best {gap.max():+.4f}"
        )


if __name__ == "__main__":
    main()
