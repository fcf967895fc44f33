"""Finding the state dict inside what a file holds, and what the file says beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from viz.model.guards import MAX_TENSORS, CheckpointError, TensorRecord
from viz.model.layouts import Fit, fit_layout

__all__ = ["Found", "find_network"]

MAX_WRAPPERS = 5
MAX_STATE_DICTS = 100
"""Most state dicts looked at; a training's file holds a few."""
_LEFTOVERS = {"total_ops", "total_params", "n_averaged"}
"""Last parts of keys that profilers and weight averaging leave beside the weights."""
_AVERAGED = re.compile(r"(^|[._-])(ema|swa|avg|average|averaged|shadow)([._-]|$)")
_NOT_WEIGHTS = re.compile(r"optim|sched|scaler|gradient|exp_avg")


@dataclass(frozen=True)
class Found:
    """The network found in a file.

    Parameters
    ----------
    path : tuple of str
        Keys that lead to its state dict.
    fit : Fit
        Layout, prefix and architecture.
    averaged : bool
        Whether these are averaged (EMA) weights.
    dropped : tuple of str
        Entries of the state dict that are known leftovers.
    others : tuple of str
        Other state dicts in the file that were not taken.
    """

    path: tuple[str, ...]
    fit: Fit
    averaged: bool
    dropped: tuple[str, ...]
    others: tuple[str, ...]


def _state_dicts(
    outline: Any, seen: set[int], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the mappings that hold weights, outermost first, with the keys that lead to them.

    Others are looked at once: one may hold another under thousands of names, and that again.
    """
    if not isinstance(outline, Mapping) or len(outline) > MAX_TENSORS or id(outline) in seen:
        return
    texts = {k: v for k, v in outline.items() if isinstance(k, str)}
    if any(isinstance(v, TensorRecord) and len(v.shape) > 1 for v in texts.values()):
        yield path, texts
        return
    seen.add(id(outline))
    if len(path) < MAX_WRAPPERS:
        for key, value in texts.items():
            if not _NOT_WEIGHTS.search(key.lower()):
                yield from _state_dicts(value, seen, (*path, key))


def _is_leftover(key: str) -> bool:
    return key.rpartition(".")[2] in _LEFTOVERS


def _is_averaged(path: tuple[str, ...], state: Mapping[str, Any]) -> bool:
    words = any(_AVERAGED.search(part.lower()) for part in path)
    return words or any(key.rpartition(".")[2] == "n_averaged" for key in state)


def _what(outline: Any) -> str:
    if isinstance(outline, TensorRecord):
        return f"a single tensor of shape {outline.shape}"
    if isinstance(outline, Mapping):
        if not outline:
            return "an empty dictionary"
        keys = ", ".join(repr(k) for k in list(outline)[:5])
        return f"a dictionary with {keys}{', ...' if len(outline) > 5 else ''}"
    return f"a {type(outline).__name__.lstrip('_').lower()}"


def _choose(
    found: list[tuple[tuple[str, ...], Mapping[str, Any]]], ema: bool | None, label: str
) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    averaged = [item for item in found if _is_averaged(*item)]
    plain = [item for item in found if not _is_averaged(*item)]
    names = ", ".join(".".join(path) or "the top level" for path, _ in found)
    if ema is None:
        return averaged + plain
    if ema and not averaged:
        raise CheckpointError(
            f"{label}: no averaged (EMA) weights: found {names}; leave ema unset to take those."
        )
    if not ema and not plain:
        raise CheckpointError(
            f"{label}: only averaged (EMA) weights: found {names}; leave ema unset to take those."
        )
    return averaged if ema else plain


def find_network(outline: Any, label: str, ema: bool | None = None) -> Found:
    """Find the ConvMixer in what a file holds, whatever it is wrapped in.

    Wrappers are dictionaries in dictionaries, under any name (``state_dict``, ``model``, ...);
    averaged weights (a name with ``ema`` and the like, or a count ``n_averaged``) come first.

    Parameters
    ----------
    outline : object
        What the file holds, with `TensorRecord` for tensors.
    label : str
        Its name in messages.
    ema : bool, optional
        Take averaged weights (True), others (False), or averaged ones where there are any.

    Returns
    -------
    Found
        Where the network is and how its keys read.

    Raises
    ------
    CheckpointError
        If there are no weights, or none that are a ConvMixer's.
    """
    found = list(islice(_state_dicts(outline, set()), MAX_STATE_DICTS))
    if not found:
        raise CheckpointError(
            f"{label}: holds {_what(outline)}; expected the tensors of a network's state_dict()."
        )
    first_error: CheckpointError | None = None
    for path, state in _choose(found, ema, label):
        tensors = {
            key: value
            for key, value in state.items()
            if isinstance(value, TensorRecord) and not _is_leftover(key)
        }
        try:
            fit = fit_layout(tensors, label)
        except CheckpointError as error:
            first_error = first_error or error
            continue
        return Found(
            path,
            fit,
            _is_averaged(path, state),
            tuple(key for key in state if key not in tensors),
            tuple(".".join(p) or "the top level" for p, _ in found if p != path),
        )
    assert first_error is not None
    raise first_error
