"""Descriptions of a network's filters, made once for all the views that need them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from torch import Tensor

    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Given
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription

_LOCK = threading.Lock()
_LOOK = 0.2
"""Seconds."""
_KEPT: WeakKeyDictionary[Any, dict[tuple[str, int], Any]] = WeakKeyDictionary()


def depthwise_description(checkpoint: Checkpoint, given: Given) -> DepthwiseDescription:
    """Describe a network's depthwise kernels, or return the description made before."""
    from viz.views.kernels.measure import describe_checkpoint

    model = checkpoint.model
    weights = [model.depthwise_kernels(b) for b in range(model.config.depth)]
    made: DepthwiseDescription = _once(checkpoint, given, "kernels", describe_checkpoint, weights)
    return made


def patch_description(checkpoint: Checkpoint, given: Given) -> PatchFilterDescription:
    """Describe a network's patch filters, or return the description made before."""
    from viz.views.patch_filters.measure import describe_checkpoint

    weights = [checkpoint.model.patch_filters]
    made: PatchFilterDescription = _once(checkpoint, given, "filters", describe_checkpoint, weights)
    return made


def _once(
    checkpoint: Checkpoint,
    given: Given,
    field: str,
    describe: Callable[..., Any],
    weights: Sequence[Tensor],
) -> Any:
    """Return what is kept if its field still holds the weights; one thread at a time describes."""
    import numpy as np

    now = np.concatenate([each.detach().float().cpu().numpy() for each in weights])
    while not _LOCK.acquire(timeout=_LOOK):
        # Waiting for somebody else's description can be stopped, too.
        if given.progress is not None:
            given.progress(0, 1)
    try:
        kept = _KEPT.setdefault(checkpoint.model, {})
        key = (field, given.seed)
        if key not in kept or not np.array_equal(getattr(kept[key], field), now, equal_nan=True):
            kept[key] = describe(checkpoint, seed=given.seed, progress=given.progress)
        return kept[key]
    finally:
        _LOCK.release()
