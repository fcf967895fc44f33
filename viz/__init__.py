"""See what a trained ConvMixer has learned.

``viz.load`` reads a checkpoint; ``viz.kernels(net)`` and the other views return results with
``plot``, ``finding``, ``to_frame`` and ``save``. Names are imported on first use, so that
``import viz`` loads neither torch nor matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.core.network import Config, Preprocessing, Source
    from viz.network.checkpoint import Checkpoint, load
    from viz.network.convmixer import PAPER_CONFIGS, ConvMixer
    from viz.network.guards import CheckpointError
    from viz.python import load_result

    # Made from the cards of the views.
    attribution: Callable[..., Any]
    clusters: Callable[..., Any]
    compare: Callable[..., Any]
    compare_kernels: Callable[..., Any]
    compare_patch_filters: Callable[..., Any]
    decision_by_depth: Callable[..., Any]
    evidence: Callable[..., Any]
    early_late: Callable[..., Any]
    feature_maps: Callable[..., Any]
    kernels: Callable[..., Any]
    mixing: Callable[..., Any]
    patch_filters: Callable[..., Any]
    preferred_inputs: Callable[..., Any]
    receptive_field: Callable[..., Any]
    selectivity: Callable[..., Any]
    substitution: Callable[..., Any]
    top_patches: Callable[..., Any]

__version__ = "0.1.0"
__all__ = [
    "PAPER_CONFIGS",
    "Checkpoint",
    "CheckpointError",
    "Config",
    "ConvMixer",
    "Preprocessing",
    "Source",
    "attribution",
    "clusters",
    "compare",
    "compare_kernels",
    "compare_patch_filters",
    "decision_by_depth",
    "early_late",
    "evidence",
    "feature_maps",
    "kernels",
    "load",
    "load_result",
    "mixing",
    "patch_filters",
    "preferred_inputs",
    "receptive_field",
    "selectivity",
    "substitution",
    "top_patches",
]
_HOMES = {
    "Checkpoint": "viz.network.checkpoint",
    "CheckpointError": "viz.network.guards",
    "Config": "viz.core.network",
    "ConvMixer": "viz.network.convmixer",
    "PAPER_CONFIGS": "viz.network.convmixer",
    "Preprocessing": "viz.core.network",
    "Source": "viz.core.network",
    "load": "viz.network.checkpoint",
    "load_result": "viz.python",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        made = import_module("viz.python").function_of(name)
        globals()[name] = made
        return made
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["__version__", *__all__])
