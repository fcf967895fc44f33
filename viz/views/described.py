"""Descriptions of a network's filters, made once for all the views that need them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from viz.core.refusal import Refusal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from viz.network.checkpoint import Checkpoint
    from viz.views.base import Given
    from viz.views.kernels.result import DepthwiseDescription
    from viz.views.patch_filters.result import PatchFilterDescription

_LOCK = threading.Lock()
_LOOK = 0.2
"""Seconds."""
_KEPT: WeakKeyDictionary[Any, dict[tuple[str, int], Any]] = WeakKeyDictionary()


def kernels_of(checkpoint: Checkpoint) -> NDArray[np.float32]:
    """Return all depthwise kernels, (n, k, k), by block and channel."""
    import numpy as np

    model, depth = checkpoint.model, checkpoint.config.depth
    return np.concatenate(
        [model.depthwise_kernels(b).detach().float().cpu().numpy() for b in range(depth)]
    )


def check_described(checkpoint: Checkpoint, description: DepthwiseDescription) -> None:
    """Refuse a description of other kernels."""
    import numpy as np

    kernels = kernels_of(checkpoint)
    if not np.array_equal(description.kernels, kernels, equal_nan=True):
        raise Refusal(
            f"the description is of other kernels than the {len(kernels)} of "
            f"{checkpoint.source.name}; expected all of them, by block and channel."
        )


def depthwise_description(checkpoint: Checkpoint, given: Given) -> DepthwiseDescription:
    """Describe a network's depthwise kernels, or return the description made before."""
    from viz.views.kernels.measure import describe_checkpoint

    weights = kernels_of(checkpoint)
    made: DepthwiseDescription = _once(checkpoint, given, "depthwise", describe_checkpoint, weights)
    return made


def patch_description(checkpoint: Checkpoint, given: Given) -> PatchFilterDescription:
    """Describe a network's patch filters, or return the description made before."""
    from viz.views.patch_filters.measure import describe_checkpoint

    weights = checkpoint.model.patch_filters.detach().float().cpu().numpy()
    made: PatchFilterDescription = _once(checkpoint, given, "patch", describe_checkpoint, weights)
    return made


def remember(checkpoint: Checkpoint, what: str, description: Any) -> None:
    """Let the views find a description that was read from a file; it must still fit."""
    _KEPT.setdefault(checkpoint.model, {}).setdefault((what, 0), description)


def _once(
    checkpoint: Checkpoint,
    given: Given,
    what: str,
    describe: Callable[..., Any],
    weights: NDArray[np.float32],
) -> Any:
    """Return what is kept if it is of these weights; one thread at a time describes."""
    import numpy as np

    field = {"depthwise": "kernels", "patch": "filters"}[what]
    while not _LOCK.acquire(timeout=_LOOK):
        # Waiting for somebody else's description can be stopped, too.
        if given.progress is not None:
            given.progress(0, 1)
    try:
        kept = _KEPT.setdefault(checkpoint.model, {})
        key = (what, given.seed)
        if key not in kept or not np.array_equal(
            getattr(kept[key], field), weights, equal_nan=True
        ):
            kept[key] = describe(checkpoint, seed=given.seed, progress=given.progress)
        return kept[key]
    finally:
        _LOCK.release()
