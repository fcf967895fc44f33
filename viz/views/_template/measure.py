"""Network to result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from viz.views._template.result import Template


def measure(checkpoint: Any, *, blocks: Sequence[int] | None = None, seed: int = 0) -> Template:
    """Measure the norm of every depthwise kernel; `method.md` has the formula."""
    chosen = np.arange(checkpoint.config.depth) if blocks is None else np.array(blocks)
    norm = [checkpoint.model.depthwise_kernels(int(b)).flatten(1).norm(dim=1) for b in chosen]
    k = checkpoint.config.kernel_size
    # torch draws each tap from -1 / k to 1 / k.
    taps = np.random.default_rng(seed).uniform(-1 / k, 1 / k, (1000, k * k))
    return Template(
        source=replace(checkpoint.source, settings={"seed": seed}),
        block=chosen.astype(np.int64),
        norm=np.stack([each.detach().cpu().double().numpy() for each in norm]),
        initialised=np.linalg.norm(taps, axis=1),
    )
