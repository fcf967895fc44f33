"""See what a trained ConvMixer has learned.

``viz.load`` reads a checkpoint, ``viz.kernels`` and ``viz.patch_filters`` name what it holds,
``viz.views`` has every view with its measure and its figures. Names are imported on first use, so
that ``import viz`` loads neither torch nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.core.network import Config, Preprocessing, Source
    from viz.network.checkpoint import Checkpoint, CheckpointError, load
    from viz.network.convmixer import PAPER_CONFIGS, ConvMixer
    from viz.python import kernels, patch_filters
    from viz.sweep.result import load_sweep

__version__ = "0.1.0"
__all__ = [
    "PAPER_CONFIGS",
    "Checkpoint",
    "CheckpointError",
    "Config",
    "ConvMixer",
    "Preprocessing",
    "Source",
    "kernels",
    "load",
    "load_sweep",
    "patch_filters",
]
_HOMES = {
    "Checkpoint": "viz.network.checkpoint",
    "CheckpointError": "viz.network.checkpoint",
    "Config": "viz.core.network",
    "ConvMixer": "viz.network.convmixer",
    "PAPER_CONFIGS": "viz.network.convmixer",
    "Preprocessing": "viz.core.network",
    "Source": "viz.core.network",
    "kernels": "viz.python",
    "load": "viz.network.checkpoint",
    "load_sweep": "viz.sweep.result",
    "patch_filters": "viz.python",
}
_PACKAGES = ("images", "network", "sweep", "training", "views")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return import_module(f"viz.{name}")
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
