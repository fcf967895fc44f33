"""See what a trained ConvMixer has learned.

``viz.load`` reads a checkpoint; ``viz.kernels(net)`` and the other views return results with
``plot``, ``finding``, ``to_frame`` and ``save``. Names are imported on first use, so that
``import viz`` loads neither torch nor matplotlib; those of the views come from their cards.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
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
"""Where the public names are that are no views."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    # Whoever looks for a private name, such as a tool, does not mean a view.
    if name == "__all__" or not name.startswith("_"):
        python = import_module("viz.python")
        if name == "__all__":
            return sorted([*_HOMES, *python.FUNCTIONS])
        if name in python.FUNCTIONS:
            made = python.function_of(name)
            globals()[name] = made
            return made
    raise AttributeError(f"module 'viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["__version__", *__getattr__("__all__")]
