"""Writing a network as safetensors, with what is needed to read it again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from viz.core.network import Preprocessing
from viz.core.refusal import Refusal
from viz.network.convmixer import ConvMixer

FORMAT = "convmixer-viz 1"


def save_checkpoint(
    model: ConvMixer,
    path: str | Path,
    *,
    preprocessing: Preprocessing | None = None,
    classes: tuple[str, ...] = (),
    training: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write a network and its metadata as one safetensors file, atomically."""
    path = Path(path)
    if classes and len(classes) != model.config.n_classes:
        raise Refusal(f"{len(classes)} class names for {model.config.n_classes} outputs.")
    state = {}
    for name, tensor in model.state_dict().items():
        if dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        state[name] = tensor.detach().cpu().contiguous()
    metadata = {"format": FORMAT, "config": json.dumps(model.config.to_dict())}
    if preprocessing is not None:
        metadata["preprocessing"] = json.dumps(preprocessing.to_dict())
    if classes:
        metadata["classes"] = json.dumps(list(classes))
    if training is not None:
        metadata["training"] = json.dumps(dict(training))
    part = path.with_name(path.name + ".part")
    save_file(state, part, metadata)
    # safetensors writes for the owner alone; the usual mask decides instead.
    mask = os.umask(0)
    os.umask(mask)
    part.chmod(0o666 & ~mask)
    part.replace(path)
    return path
