"""The network: ConvMixer, reading and writing it, official weights, training."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz.network.convmixer import PAPER_CONFIGS, ConvMixer

__all__ = ["PAPER_CONFIGS", "ConvMixer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("viz.network.convmixer"), name)
    raise AttributeError(f"module 'viz.network' has no attribute {name!r}")
