"""Integrated gradients (50 steps) and occlusion, against Captum called directly on the same model.

    python benchmarks/attribution.py [--dim 128] [--depth 8] [--size 112] [--patch 7] [--repeats 5]

Both in channels_last. Captum is called as its users call it (every step in one batch; one window at
a time) and with the batch size chosen here. Times are CPU seconds, the least of several rounds in
which all variants take turns; memory is the peak of a fresh process above what it held before.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from pathlib import Path

import torch

from viz.core.network import Preprocessing
from viz.network.convmixer import ConvMixer
from viz.views.attribution.methods import Explainer, Settings
from viz.views.attribution.network import Explained

METHODS = {
    "integrated gradients": ("here", "Captum, one batch", "Captum, same batch size"),
    "occlusion": ("here", "Captum, one at a time", "Captum, same batch size"),
}


def setting(options):
    torch.manual_seed(0)
    model = ConvMixer(options.dim, options.depth, options.kernel, options.patch, 10).eval()
    model = model.requires_grad_(False).to(memory_format=torch.channels_last)
    x = torch.randn(1, 3, options.size, options.size).to(memory_format=torch.channels_last)
    return model, x, Explainer(model, Preprocessing(), Settings(block=options.depth - 1))


def call(method, variant, model, x, explainer):
    from captum.attr import IntegratedGradients, Occlusion

    grid, p = explainer.grid(x), model.config.patch_size
    if method == "integrated gradients":
        if variant == "here":
            return explainer.raw("integrated-gradients", x, Explained(1))
        size = explainer.split.batch(grid, gradient=True) if "same" in variant else None
        found = IntegratedGradients(model).attribute(
            x.clone().requires_grad_(), target=1, n_steps=50, internal_batch_size=size
        )
        return found[0].detach().numpy()
    if variant == "here":
        return explainer.raw("occlusion", x, Explained(1))
    size = explainer.split.batch(grid, gradient=False) if "same" in variant else 1
    with torch.no_grad():
        found = Occlusion(model).attribute(
            x, target=1, sliding_window_shapes=(3, 3 * p, 3 * p), strides=(3, p, p),
            perturbations_per_eval=size,
        )  # fmt: skip
    return found[0, 0, ::p, ::p].numpy()


def held(field):
    """MiB of this process, now or at its peak; Linux only."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"{field} is not in /proc/self/status: Linux only")


def peak(options, method, variant):
    """MiB that a fresh process takes for one call."""
    line = [sys.executable, __file__, "--dim", options.dim, "--depth", options.depth, "--size",
            options.size, "--patch", options.patch, "--kernel", options.kernel, "--only",
            f"{method}/{variant}"]  # fmt: skip
    return float(subprocess.run([*map(str, line)], capture_output=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("dim", 128), ("depth", 8), ("kernel", 9), ("patch", 7), ("size", 112)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model, x, explainer = setting(options)
    if options.only:
        method, variant = options.only.split("/")
        explainer.raw("saliency", x, Explained(1))  # libraries loaded, buffers in place
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        before = held("VmRSS:")
        call(method, variant, model, x, explainer)
        print(held("VmHWM:") - before)
        return
    print(f"ConvMixer-{options.dim}/{options.depth}, patch {options.patch}, {options.size} px, "
          f"{torch.get_num_threads()} thread")  # fmt: skip
    for method, variants in METHODS.items():
        best = dict.fromkeys(variants, float("inf"))
        values = {}
        for _ in range(options.repeats):
            for variant in variants:
                start = time.process_time()
                values[variant] = call(method, variant, model, x, explainer)
                best[variant] = min(best[variant], time.process_time() - start)
        ours = best["here"]
        for variant in variants:
            gap = abs(values[variant] - values["here"]).max() / abs(values["here"]).max()
            print(
                f"{method:<21} {variant:<24} {best[variant]:7.3f} s  {best[variant] / ours:5.2f} x "
                f"ours  {peak(options, method, variant):6.0f} MiB  largest difference {gap:.1e}"
            )


if __name__ == "__main__":
    main()
