"""The area ratios that RepLKNet's scripts print, with their faults, to compare papers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from viz.image_sets import default_images
from viz.images import ImageError, find_images, read_image
from viz.measure.effective_field import FieldNetwork, Linearised, bytes_per_image
from viz.measure.theoretical_field import ReceptiveFieldError, central_unit
from viz.model.checkpoint import Checkpoint
from viz.results.receptive_field import ReplknetAreaRatios

__all__ = ["THRESHOLDS", "area_ratios", "replknet_area_ratios"]

THRESHOLDS = (0.2, 0.3, 0.5, 0.99)
"""Shares at which the original measures."""


def area_ratios(
    scores: NDArray[np.floating], thresholds: Sequence[float] = THRESHOLDS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return sides and area ratios of the smallest centred squares, as RepLKNet does.

    Parameters
    ----------
    scores : ndarray, (H, H)
        Mean rectified gradients, not negative.
    thresholds : sequence of float
        Shares of the sum of log10(scores + 1).

    Returns
    -------
    side : ndarray of int64, (t,)
        Of the smallest odd square of at least 3 pixels around (H // 2, H // 2) that holds more
        than the share; 0 where the original finds none (and crashes).
    ratio : ndarray, (t,)
        side^2 / H^2; nan where there is none.

    Raises
    ------
    ReceptiveFieldError
        If the map is not square.

    Notes
    -----
    Faults, kept on purpose. The logarithm of (score + 1) changes with the gradient's scale: scores
    far below 1 are taken as they are, scores far above 1 are flattened, so a network with larger
    gradients gets a larger area, the same map times 10^6 too. The square is centred on the image,
    not on the unit. It is at most H - 1 or H - 2 pixels wide, so a flat map reaches no high
    threshold.
    """
    height, width = scores.shape
    if height != width:
        raise ReceptiveFieldError(
            f"a map of {height} x {width} pixels found, expected a square one: RepLKNet's measure "
            "is defined on squares."
        )
    data = np.log10(np.asarray(scores) + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        data = data / data.max()
    table = np.pad(data.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    half = np.arange(1, height // 2)
    low, high = height // 2 - half, height // 2 + 1 + half
    inside = table[high, high] - table[low, high] - table[high, low] + table[low, low]
    with np.errstate(invalid="ignore", divide="ignore"):
        held = inside / table[-1, -1]
    side, ratio = np.zeros(len(thresholds), np.int64), np.full(len(thresholds), np.nan)
    for i, threshold in enumerate(thresholds):
        reached = np.flatnonzero(held > threshold)
        if len(reached):
            side[i] = 2 * half[reached[0]] + 1
            ratio[i] = side[i] / height * side[i] / width
    return side, ratio


def replknet_area_ratios(
    checkpoint: Checkpoint,
    images: str | Path | Sequence[str | Path] | Tensor | None = None,
    *,
    image_size: int = 1024,
    n_images: int = 50,
    thresholds: Sequence[float] = THRESHOLDS,
    memory_mb: float = 8192,
    progress: Callable[[int, int], None] | None = None,
) -> ReplknetAreaRatios:
    """Measure the last block's high-contribution area ratios as RepLKNet's scripts do.

    To compare with numbers published in that way; to learn about a network, take
    `viz.measure.receptive_field`.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    images : str, Path, sequence of these, torch.Tensor or None
        A folder, files, or network input as it is; None for scikit-learn's two photographs.
    image_size : int
        Images are squashed to a square of this side, whatever their shape.
    n_images : int
        The first so many are taken.
    thresholds : sequence of float
        Shares to be held.
    memory_mb : float
        Bound on the working memory, in MB (10^6 bytes).
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    ReplknetAreaRatios
        One row per threshold.

    Raises
    ------
    ReceptiveFieldError
        If the images are no squares, smaller than a patch or need more memory, or every gradient
        is nan.
    ImageError
        If no image can be read.

    Notes
    -----
    DingXiaoH/RepLKNet-pytorch, ``erf/visualize_erf.py`` and ``erf/analyze_erf.py``: the rectified
    outputs of the unit (h // 2, w // 2) of the last feature map, summed over channels, are
    differentiated; the gradient is rectified (its negative half is dropped), summed over colours
    and averaged over images, nan left out; then `area_ratios`, whose faults are listed there. The
    logarithm also makes the ratio depend on the preprocessing's standard deviation.
    """
    config = checkpoint.config
    paths = None if isinstance(images, Tensor) else _paths(images)[:n_images]
    if isinstance(images, Tensor):
        size = (int(images.shape[2]), int(images.shape[3]))
        total = min(n_images, len(images))
    else:
        size, total = (image_size, image_size), len(paths or ())
    unit = central_unit(config, size)
    network = FieldNetwork.of(checkpoint.model)
    need = bytes_per_image(config, size, config.depth, size=network.patches.element_size())
    if need > memory_mb * 1e6:
        raise ReceptiveFieldError(
            f"one image of {size[0]} x {size[1]} pixels needs {need / 1e6:,.0f} MB of working "
            f"memory, at most {memory_mb:,.0f} MB are allowed; choose a smaller image size or "
            "allow more memory."
        )
    total_scores, done, skipped = np.zeros(size), 0, 0
    broken: list[str] = []
    for one in (
        images[:n_images]
        if isinstance(images, Tensor)
        else _squashed(checkpoint, paths or [], image_size, broken)
    ):
        scores = _scores(network, one[None], unit, size)
        if np.isnan(scores).any():
            skipped += 1
        else:
            total_scores += scores
            done += 1
        if progress is not None:
            progress(done + skipped + len(broken), total)
    if not (done or skipped):
        raise ImageError(broken[0])
    if not done:
        raise ReceptiveFieldError(
            f"{skipped} gradients found that are not numbers, expected finite ones; check the "
            "checkpoint's weights."
        )
    mean = total_scores / done
    side, ratio = area_ratios(mean, thresholds)
    return ReplknetAreaRatios(
        source=replace(
            checkpoint.source,
            block=config.depth - 1,
            settings={"image_size": list(size), "n_images": n_images, "skipped": broken},
            versions={"torch": str(torch.__version__), "numpy": np.__version__},
        ),
        threshold=np.asarray(thresholds, dtype=np.float64),
        side_px=side,
        area_ratio=ratio,
        n_images=done,
        n_skipped=skipped + len(broken),
        scores=mean.astype(np.float32),
    )


def _scores(
    network: FieldNetwork, image: Tensor, unit: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return one image's rectified gradient, summed over colours."""
    linear = Linearised(network, image, unit=unit)
    seed = (linear.outputs[-1] > 0).to(network.dtype)
    gradient, (top, left) = linear.gradient(network.config.depth - 1, unit, seed)
    part = gradient.clamp(min=0).sum((0, 1)).cpu().double().numpy()
    scores = np.zeros(size)
    scores[top : top + part.shape[0], left : left + part.shape[1]] = part
    return scores


def _paths(images: Any) -> list[Path]:
    if images is None:
        return list(default_images())
    roots = [images] if isinstance(images, (str, Path)) else list(images)
    paths = [path for root in roots for path in find_images(root)]
    if not paths:
        raise ImageError("no image was given; give a file or a folder of images.")
    return paths


def _squashed(
    checkpoint: Checkpoint, paths: Sequence[Path], size: int, broken: list[str]
) -> Iterator[Tensor]:
    """Read images as the original does: bicubic to a square, then normalised."""
    preprocessing = checkpoint.preprocessing
    mean = torch.tensor(preprocessing.mean).view(-1, 1, 1)
    std = torch.tensor(preprocessing.std).view(-1, 1, 1)
    for path in paths:
        try:
            image = Image.fromarray(read_image(path))
        except ImageError as error:
            broken.append(str(error))
            continue
        if checkpoint.config.in_channels == 1:
            image = image.convert("L")
        pixels = np.array(image.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
        tensor = torch.from_numpy(pixels.reshape(size, size, -1) / 255).permute(2, 0, 1)
        yield (tensor - mean) / std
