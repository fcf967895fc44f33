"""Attributions gathered image by image: what is explained, maps, and the fields of the result."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.images.sets import ImageSet
from viz.views.attribution.maps_result import PIXEL_METHODS
from viz.views.attribution.methods import AttributionError, Explainer, Settings, to_patches
from viz.views.attribution.network import Explained

if TYPE_CHECKING:
    from viz.network.checkpoint import Checkpoint

_BY_RANK = ("predicted", "runner-up", "difference")


def class_name(checkpoint: Checkpoint, index: int) -> str:
    """Name a class; ``"class 3"`` where the checkpoint has no names."""
    if index < 0:
        return ""
    return checkpoint.classes[index] if checkpoint.classes else f"class {index}"


def explained_by(target: str | int, logits: Tensor, classes: Sequence[str]) -> Explained:
    """Turn what is asked for into the score of one image.

    Shapes: ``logits`` (n_classes,).
    """
    n = len(logits)
    order = logits.argsort(descending=True, stable=True).tolist()
    if target == "predicted":
        return Explained(order[0])
    if target in _BY_RANK:
        if n < 2:
            raise AttributionError(f"a network of {n} class has no runner-up; use predicted.")
        return Explained(order[1]) if target == "runner-up" else Explained(order[0], order[1])
    return Explained(class_index(target, n, tuple(classes)))


def class_index(
    target: str | int,
    n: int,
    classes: tuple[str, ...],
    others: str = "predicted, runner-up or difference",
) -> int:
    """Find a class by its index or name."""
    if isinstance(target, str):
        if target in classes:
            return classes.index(target)
        lower = [name.lower() for name in classes]
        if lower.count(target.lower()) == 1:
            return lower.index(target.lower())
        if not re.fullmatch("-?[0-9]+", target):
            near = difflib.get_close_matches(target, classes, 1, 0.5)
            hint = f"; did you mean {near[0]!r}?" if near else (
                f"; give a name of the {n} classes, an index, {others}."
                if classes else
                f": the checkpoint has no class names; give an index from 0 to {n - 1}, {others}."
            )  # fmt: skip
            raise AttributionError(f"there is no class {target!r}{hint}")
    index = int(target)
    if not 0 <= index < n:
        raise AttributionError(f"there is no class {index}: classes are 0 to {n - 1}.")
    return index


class Seen:
    """What a network says about one image, before any explanation.

    Parameters
    ----------
    explained : Explained
        The score.
    logits, baseline : torch.Tensor, (1, n_classes)
        Of the image, and of an input of zeros; float64 on the CPU.
    """

    def __init__(self, explained: Explained, logits: Tensor, baseline: Tensor) -> None:
        self.explained, self.logits, self.baseline = explained, logits, baseline


class Collected:
    """Gathers maps image by image.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    methods : tuple of str
        As `chosen` returns them.
    target : str or int
        As in `attribute`.
    keep : int
        Images whose raw maps are kept.
    """

    def __init__(
        self, checkpoint: Checkpoint, methods: tuple[str, ...], target: str | int, keep: int
    ) -> None:
        self.checkpoint, self.methods, self.target, self.keep = checkpoint, methods, target, keep
        self.names: list[str] = []
        self.pixels: list[NDArray[np.uint8]] = []
        self.patches: list[NDArray[np.float64]] = []
        self.raw: list[NDArray[np.float32]] = []
        self.seen: list[Seen] = []
        if target not in _BY_RANK:
            class_index(target, checkpoint.config.n_classes, checkpoint.classes)

    def look(self, explainer: Explainer, x: Tensor) -> Seen:
        """Show an image to the network and settle what is explained.

        Shapes: ``x`` (1, c, h, w).
        """
        with torch.no_grad():
            logits = explainer.split.logits(torch.cat([x, torch.zeros_like(x)]))
        logits = logits.cpu().double()
        if not bool(logits.isfinite().all()):
            raise AttributionError(
                "the network's answer is not finite (NaN or infinite), so nothing can be explained;"
                " check its weights with viz info."
            )
        explained = explained_by(self.target, logits[0], self.checkpoint.classes)
        return Seen(explained, logits[:1], logits[1:])

    def add(
        self, name: str, pixels: NDArray[np.uint8], seen: Seen, raw: dict[str, NDArray[Any]]
    ) -> NDArray[np.float64]:
        """Take in one image's maps.

        Shapes: ``pixels`` (H, W, 3); returns (M, gh, gw).
        """
        p = self.checkpoint.config.patch_size
        patches = np.stack([to_patches(m, raw[m], p) for m in self.methods])
        self.names.append(name)
        self.pixels.append(pixels)
        self.seen.append(seen)
        self.patches.append(patches)
        if len(self.raw) < self.keep:
            maps = np.zeros(
                (len(self.raw_methods), self.checkpoint.config.in_channels, *pixels.shape[:2]),
                dtype=np.float32,
            )
            for i, method in enumerate(self.raw_methods):
                high, wide = raw[method].shape[1:]
                maps[i, :, :high, :wide] = raw[method]
            self.raw.append(maps)
        return patches

    @property
    def raw_methods(self) -> tuple[str, ...]:
        """Methods at pixels among those chosen."""
        return tuple(m for m in self.methods if m in PIXEL_METHODS)

    def fields(self, images: ImageSet, settings: Settings, more: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of `Attributions`."""
        source = self.checkpoint.source
        explained = [s.explained for s in self.seen]
        logits = torch.cat([s.logits for s in self.seen])
        baselines = torch.cat([s.baseline for s in self.seen])
        predicted = logits.argmax(1).tolist()

        def name(index: int) -> str:
            return class_name(self.checkpoint, index)

        def each(function: Callable[[Explained, Tensor], Tensor], rows: Tensor) -> Any:
            pairs = zip(explained, rows, strict=True)
            return np.array([float(function(e, row[None])) for e, row in pairs])

        shape = (0, len(self.raw_methods), self.checkpoint.config.in_channels, 0, 0)
        raw = np.stack(self.raw) if self.raw else np.zeros(shape, dtype=np.float32)
        return {
            "source": replace(
                source,
                settings={"target": str(self.target), **settings.to_dict(),
                          "baseline": "zeros: the mean colour", **more},
                versions={lib: version(lib) for lib in ("torch", "captum")},
                images=images.sha256,
                warnings=(*source.warnings, *([images.note] if images.note else [])),
            ),
            "names": tuple(self.names),
            "methods": self.methods,
            "pixels": np.stack(self.pixels),
            "patch_size": self.checkpoint.config.patch_size,
            "patches": np.stack(self.patches),
            "raw": raw,
            "raw_methods": self.raw_methods,
            "target": np.array([e.target for e in explained], dtype=np.int64),
            "against": np.array([e.against for e in explained], dtype=np.int64),
            "target_name": tuple(name(e.target) for e in explained),
            "against_name": tuple(name(e.against) for e in explained),
            "predicted": np.array(predicted, dtype=np.int64),
            "predicted_name": tuple(name(i) for i in predicted),
            "score": each(lambda e, row: e.score(row), logits),
            "baseline_score": each(lambda e, row: e.score(row), baselines),
            "probability": each(lambda e, row: e.probability(row), logits),
            "grad_cam_block": settings.block,
        }  # fmt: skip
