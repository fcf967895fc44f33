"""All accumulators of a sweep, fed by one staged forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from viz.core.network import Config
from viz.core.refusal import Refusal
from viz.network.convmixer import ConvMixer
from viz.network.stages import stages
from viz.sweep.accumulators import (
    Accumulator,
    Covariance,
    Histogram,
    Moments,
    Sparsity,
)
from viz.sweep.classes import Accuracy, Classes
from viz.sweep.result import STAGES, sweep_rows
from viz.sweep.top import Top

PARTS = ("moments", "sparsity", "top", "histogram", "classes", "covariance")
"""What can be accumulated; moments always are."""
_KINDS: dict[str, type[Accumulator]] = {
    "moments": Moments, "sparsity": Sparsity, "top": Top, "histogram": Histogram,
    "classes": Classes, "covariance": Covariance, "accuracy": Accuracy,
}  # fmt: skip
_NAMES = {
    "patches_activation": STAGES[0],
    "depthwise_activation": STAGES[1],
    "residual": STAGES[2],
    "pointwise_activation": STAGES[3],
}
_SPREADS = (3.0, 9.0)
"""Standard deviations below and above the mean that an activation's bins cover."""


class SweepError(Refusal):
    """A sweep that cannot start or go on; the message is one sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """What decides the numbers of a sweep, besides checkpoint, preprocessing and images.

    Parameters
    ----------
    parts : tuple of str
        Of `PARTS`.
    n_top : int
        Largest values kept per channel.
    bins : int
        Of each histogram.
    batch_size : int
        Images at a time.
    field_images : int
        Images that the effective receptive field is measured on; 0 for none.
    seed : int
        Of the null of selectivity and of the field's interval.

    Raises
    ------
    SweepError
        If one makes no sense.
    """

    parts: tuple[str, ...] = PARTS
    n_top: int = 9
    bins: int = 64
    batch_size: int = 16
    field_images: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [part for part in self.parts if part not in PARTS]
        if wrong:
            raise SweepError(f"there is no part {wrong[0]!r}; parts are {', '.join(PARTS)}.")
        if min(self.n_top, self.bins, self.batch_size) < 1 or self.field_images < 0:
            raise SweepError("patches kept, bins and images at a time are counted from 1.")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self) | {"parts": list(self.parts)}


class Tally:
    """The accumulators that the settings ask for.

    Parameters
    ----------
    model : ConvMixer
        Whose shape and batch norms decide shapes and bins; not kept.
    settings : Settings
        Which parts.
    classes : bool
        Whether the images have classes.
    """

    def __init__(self, model: ConvMixer, settings: Settings, *, classes: bool) -> None:
        config = model.config
        self.config = config
        rows, dim = len(sweep_rows(config.depth)[0]), config.dim
        self.size = self.grid = (0, 0)
        self.n_images = 0
        self.parts: dict[str, Any] = {"moments": Moments(rows, dim)}
        if "sparsity" in settings.parts:
            self.parts["sparsity"] = Sparsity(rows, dim)
        if "top" in settings.parts:
            self.parts["top"] = Top(rows, dim, settings.n_top)
        if "histogram" in settings.parts:
            self.parts["histogram"] = Histogram(*bin_ranges(model), settings.bins)
        if "covariance" in settings.parts:
            self.parts["covariance"] = Covariance(config.depth, dim)
        if "classes" in settings.parts and classes:
            self.parts["classes"] = Classes(rows, dim)
            self.parts["accuracy"] = Accuracy()

    @torch.inference_mode()
    def update(
        self,
        model: ConvMixer,
        inputs: Tensor,
        images: Sequence[int],
        names: Sequence[str],
        classes: Sequence[int] = (),
        outputs: Sequence[int] = (),
    ) -> None:
        """Run one batch through the network and add what it makes."""
        number = np.array(images, dtype=np.int64)
        kinds = np.array(classes, dtype=np.int64)
        if "classes" in self.parts:
            self.parts["classes"].seen(kinds)
        # What is not finite is told once per batch: asking at every stage would cost as much again.
        with np.errstate(invalid="ignore", over="ignore"):
            for stage in stages(model, inputs):
                if stage.name == "logits":
                    if "accuracy" in self.parts:
                        self.parts["accuracy"].update(stage.maps, np.array(outputs, dtype=np.int64))
                elif stage.name == "output":
                    if "covariance" in self.parts:
                        self.parts["covariance"].update(stage.block, stage.maps)
                elif stage.name in _NAMES:
                    self._add(stage.block, _NAMES[stage.name], stage.maps, number, names, kinds)
            finite = self.parts["moments"].flush()
        if not finite:
            raise _not_finite(model, inputs, names)
        self.size = (int(inputs.shape[2]), int(inputs.shape[3]))
        self.n_images += len(number)

    def _add(
        self,
        block: int | None,
        stage: str,
        maps: Tensor,
        images: NDArray[np.int64],
        names: Sequence[str],
        classes: NDArray[np.int64],
    ) -> None:
        grid = (int(maps.shape[2]), int(maps.shape[3]))
        if self.n_images and grid != self.grid:
            raise SweepError(f"{names[0]}: maps of {grid} found, expected {self.grid} as before.")
        self.grid = grid
        row = 0 if block is None else 3 * block + STAGES.index(stage)
        parts = self.parts
        parts["moments"].update(row, maps)
        if "top" in parts:
            parts["top"].update(row, maps, images)
        if "histogram" in parts:
            parts["histogram"].update(row, maps)
        if stage == "residual":
            return
        if "sparsity" in parts and self.config.activation != "identity":
            parts["sparsity"].update(row, maps)
        if "classes" in parts:
            parts["classes"].update(row, maps, classes)

    def merge(self, other: Tally) -> None:
        """Add what another tally of the same settings has seen, of other images."""
        if other.n_images:
            self.size, self.grid = other.size, other.grid
        self.n_images += other.n_images
        for name, part in self.parts.items():
            part.merge(other.parts[name])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all arrays, named ``part.field``."""
        found = {
            f"{name}.{key}": values
            for name, part in self.parts.items()
            for key, values in part.state().items()
        }
        return found | {"seen": np.array([self.n_images, *self.size, *self.grid], dtype=np.int64)}

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[Any]], config: Config) -> Tally:
        """Return a tally as it was."""
        made = cls.__new__(cls)
        made.config = config
        n, *sides = (int(v) for v in state["seen"])
        made.n_images, made.size, made.grid = n, (sides[0], sides[1]), (sides[2], sides[3])
        names = dict.fromkeys(key.partition(".")[0] for key in state if "." in key)
        made.parts = {
            name: _KINDS[name].restore(
                {key.partition(".")[2]: state[key] for key in state if key.startswith(f"{name}.")}
            )
            for name in names
        }
        return made

    def result(self, seed: int = 0) -> dict[str, Any]:
        """Return the numbers, named as the fields of `Sweep`; empty where not asked for."""
        dim = self.config.dim
        found: dict[str, Any] = {
            "sparsity": np.zeros((0, dim)),
            "top_value": np.zeros((0, dim, 0), dtype=np.float32),
            "top_image": np.zeros((0, dim, 0), dtype=np.int64),
            "top_position": np.zeros((0, dim, 0), dtype=np.int64),
            "histogram": np.zeros((0, dim, 0), dtype=np.int64),
            "histogram_range": np.zeros((0, dim, 2), dtype=np.float32),
            "selectivity": np.zeros((0, dim)),
            "selectivity_null": np.zeros((0, dim)),
            "selected_class": np.zeros((0, dim), dtype=np.int64),
            "covariance": np.zeros((0, dim, dim), dtype=np.float32),
            "judged": 0,
            "top1": float("nan"),
            "top5": float("nan"),
        }
        for name, part in self.parts.items():
            found |= part.result(seed) if name == "classes" else part.result()
        return found


def _not_finite(model: ConvMixer, inputs: Tensor, names: Sequence[str]) -> SweepError:
    """Say which image, block and stage of a batch first gave a value that is not finite."""
    for stage in stages(model, inputs):
        if stage.name in _NAMES and not bool(stage.maps.isfinite().all()):
            wrong = ~stage.maps.isfinite().flatten(1).all(1)
            where = "" if stage.block is None else f" of block {stage.block}"
            return SweepError(
                f"{names[int(wrong.int().argmax())]}: {_NAMES[stage.name]}{where} gives values "
                "that are not finite; check the checkpoint's weights."
            )
    return SweepError(
        f"{names[0]}: values so large that their variance is not finite; check the checkpoint's "
        "weights."
    )


def bin_ranges(model: ConvMixer) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where the bins of each row and channel begin and end, from the batch norms alone."""
    below, above = _SPREADS
    ranges = []
    norm = model.patch_norm
    ranges.append(_given(norm, below, above))
    for block in model.blocks:
        assert isinstance(block.depthwise_norm, nn.BatchNorm2d)
        assert isinstance(block.pointwise_norm, nn.BatchNorm2d)
        ranges.append(_given(block.depthwise_norm, below, above))
        parts = [
            (part.bias.double(), part.weight.double()) for part in (norm, block.depthwise_norm)
        ]
        mean = parts[0][0] + parts[1][0]
        spread = (parts[0][1] ** 2 + parts[1][1] ** 2).sqrt()
        ranges.append(_around(mean, spread, 6.0, 6.0))
        ranges.append(_given(block.pointwise_norm, below, above))
        norm = block.pointwise_norm
    low, high = (np.stack(values) for values in zip(*ranges, strict=True))
    return low, high


def _given(norm: nn.BatchNorm2d, below: float, above: float) -> Any:
    assert norm.running_mean is not None and norm.running_var is not None
    spread = norm.running_var.double().clamp(min=0).sqrt()
    return _around(norm.running_mean.double(), spread, below, above)


@torch.no_grad()
def _around(mean: Tensor, spread: Tensor, below: float, above: float) -> Any:
    spread = torch.where(torch.isfinite(spread) & (spread > 0), spread, 1.0)
    # Bins must not vanish in float32 beside a large mean.
    spread = torch.maximum(spread, mean.abs().nan_to_num() * 1e-5)
    low, high = mean.nan_to_num() - below * spread, mean.nan_to_num() + above * spread
    return low.cpu().numpy().astype(np.float32), high.cpu().numpy().astype(np.float32)
