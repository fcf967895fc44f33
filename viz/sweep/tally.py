"""All accumulators of a sweep, fed by one staged forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.core.network import Config
from viz.core.refusal import Refusal
from viz.network.convmixer import ConvMixer
from viz.network.stages import stages
from viz.sweep.accumulators import Accumulator, Moments, Sparsity
from viz.sweep.classes import Classes
from viz.sweep.result import STAGES, sweep_rows
from viz.sweep.top import Top

_KINDS: dict[str, type[Accumulator]] = {
    "moments": Moments, "sparsity": Sparsity, "top": Top, "classes": Classes,
}  # fmt: skip
_NAMES = {
    "patches_activation": STAGES[0],
    "depthwise_activation": STAGES[1],
    "residual": STAGES[2],
    "pointwise_activation": STAGES[3],
}


class SweepError(Refusal):
    """A sweep that cannot start or go on; the message is one sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """What decides the numbers of a sweep, besides checkpoint, preprocessing and images."""

    parts: tuple[str, ...] = ("sparsity", "top", "classes")  # moments are always there
    n_top: int = 9  # largest values kept per channel
    batch_size: int = 16
    field_images: int = 32  # that the effective receptive field is measured on; 0 for none
    seed: int = 0  # of the null of selectivity and of the field's interval

    def __post_init__(self) -> None:
        if min(self.n_top, self.batch_size) < 1 or self.field_images < 0:
            raise SweepError("patches kept and images at a time are counted from 1.")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary."""
        return asdict(self) | {"parts": list(self.parts)}


class Tally:
    """The accumulators that the settings ask for; the network's shape decides theirs."""

    def __init__(self, config: Config, settings: Settings, *, classes: bool) -> None:
        self.config = config
        rows, dim = len(sweep_rows(config.depth)[0]), config.dim
        self.size = self.grid = (0, 0)
        self.n_images = 0
        self.parts: dict[str, Any] = {"moments": Moments(rows, dim)}
        if "sparsity" in settings.parts:
            self.parts["sparsity"] = Sparsity(rows, dim)
        if "top" in settings.parts:
            self.parts["top"] = Top(rows, dim, settings.n_top)
        if "classes" in settings.parts and classes:
            self.parts["classes"] = Classes(rows, dim)

    @torch.inference_mode()
    def update(
        self,
        model: ConvMixer,
        inputs: Tensor,
        images: Sequence[int],
        names: Sequence[str],
        classes: Sequence[int] = (),
    ) -> None:
        """Run one batch through the network and add what it makes."""
        number = np.array(images, dtype=np.int64)
        kinds = np.array(classes, dtype=np.int64)
        if "classes" in self.parts:
            self.parts["classes"].seen(kinds)
        # What is not finite is told once per batch: asking at every stage would cost as much again.
        with np.errstate(invalid="ignore", over="ignore"):
            for stage in stages(model, inputs):
                if stage.name in _NAMES:
                    self._add(stage.block, _NAMES[stage.name], stage.maps, number, kinds)
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
        classes: NDArray[np.int64],
    ) -> None:
        self.grid = (int(maps.shape[2]), int(maps.shape[3]))
        row = 0 if block is None else 3 * block + STAGES.index(stage)
        parts = self.parts
        parts["moments"].update(row, maps)
        if "top" in parts:
            parts["top"].update(row, maps, images)
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
        made = cls(config, Settings(parts=()), classes=False)
        n, *sides = (int(v) for v in state["seen"])
        made.n_images, made.size, made.grid = n, (sides[0], sides[1]), (sides[2], sides[3])
        for name in dict.fromkeys(key.partition(".")[0] for key in state if "." in key):
            fields = {field: state[f"{name}.{field}"] for field in _KINDS[name].fields}
            made.parts[name] = _KINDS[name].restore(fields)
        return made

    def result(self, seed: int = 0) -> dict[str, Any]:
        """Return the numbers, named as the fields of `Sweep`; empty where not asked for."""
        dim = self.config.dim
        found: dict[str, Any] = {
            "sparsity": np.zeros((0, dim)),
            "top_value": np.zeros((0, dim, 0), dtype=np.float32),
            "top_image": np.zeros((0, dim, 0), dtype=np.int64),
            "top_position": np.zeros((0, dim, 0), dtype=np.int64),
            "selectivity": np.zeros((0, dim)),
            "selectivity_null": np.zeros((0, dim)),
            "selected_class": np.zeros((0, dim), dtype=np.int64),
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
