"""All kernels of a 1536/20 as one mosaic, against one matplotlib axes per kernel.

Both in this run, on this machine, random weights, figures of about the same number of pixels.
Seconds are of processor time, so that other work on the machine counts for neither.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from viz.core.network import Source
from viz.plot.style import SIGNED, save_figure
from viz.views.weights.draw import draw_mosaic, kernel_mosaic, mosaic_figure
from viz.views.weights.result import DepthwiseKernels

RNG = np.random.default_rng(0)


def bank(blocks: int, per_block: int) -> DepthwiseKernels:
    n = blocks * per_block
    return DepthwiseKernels(
        source=Source(name="random", sha256=""),
        kernels=RNG.normal(size=(n, 9, 9)).astype(np.float32),
        block=np.repeat(np.arange(blocks), per_block),
        channel=np.tile(np.arange(per_block), blocks),
        order="index",
    )


def mosaic_seconds(result: DepthwiseKernels, path: Path, dpi: float = 120) -> tuple[float, float]:
    start = time.process_time()
    mosaic = kernel_mosaic(result)
    laid_out = time.process_time() - start
    figure = mosaic_figure(mosaic, dpi=dpi)
    draw_mosaic(mosaic, figure)
    save_figure(figure, path, force=True)
    return laid_out, time.process_time() - start


def axes_seconds(result: DepthwiseKernels, path: Path) -> float:
    start = time.process_time()
    side = int(np.ceil(np.sqrt(len(result.kernels))))
    figure = Figure(figsize=(side / 4, side / 4), dpi=100)
    for i, kernel in enumerate(result.kernels):
        axes = figure.add_subplot(side, side, i + 1)
        limit = np.abs(kernel).max()
        axes.imshow(kernel, cmap=SIGNED, vmin=-limit, vmax=limit)
        axes.set_axis_off()
    figure.savefig(path)
    return time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        mosaic_seconds(bank(1, 64), path)  # imports and font caches
        small = bank(1, 1024)
        array, whole = min(mosaic_seconds(small, path) for _ in range(3))
        axes = axes_seconds(small, path)
        print(f"1,024 kernels: mosaic array {array:.3f} s, figure with titles saved {whole:.3f} s, "
              f"one axes per kernel {axes:.2f} s")  # fmt: skip
        print(
            f"  the figure is {axes / whole:.0f} times faster, the array {axes / array:.0f} times"
        )
        large = bank(20, 1536)
        for dpi in (120, 300):
            array, whole = min(mosaic_seconds(large, path, dpi) for _ in range(3))
            print(f"30,720 kernels at {dpi} dpi: mosaic array {array:.3f} s, figure with titles "
                  f"saved {whole:.3f} s")  # fmt: skip


if __name__ == "__main__":
    main()
