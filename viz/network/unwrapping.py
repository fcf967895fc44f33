"""Finding the state dict inside what a file holds, and what the file says beside it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from viz.network.guards import MAX_HEADER, MAX_TENSORS, CheckpointError, TensorRecord, export_line
from viz.network.recognise import Fit, recognise
from viz.network.stand_ins import Thing, as_mapping

_Place = tuple[str, tuple[str, ...], Mapping[str, Any], Fit]
"""Of a network: in words, keys that lead to its state dict, that, and how it reads."""

MAX_WRAPPERS = 5
MAX_LEVELS = 12
"""Most dictionaries in one another where each layer has one of its own."""
MAX_KEY = 1000
"""Most characters of a key that leads further in."""
MAX_STATE_DICTS = 100
"""Most state dicts looked at; a training's file holds a few."""
MAX_LOOKED_AT = 4 * MAX_TENSORS
"""Most tensors looked at in all, where a network is looked for in several places."""
MAX_OTHERWISE = 5000
"""Most of them that are looked at once more: in dictionaries of their own, or turned."""
_AVERAGED = re.compile(
    r"(^|[._-])(ema|swa|avg|average|averaged|shadow|teacher|"
    r"momentum|target|encoder_k|key_encoder)([._-]|$)"
)
_OBJECTS = {"qtensor": "quantised tensors", "sparse": "sparse tensors",
            "multiarray": "numpy arrays (torch.from_numpy makes tensors of them)"}  # fmt: skip
_NOT_WEIGHTS = re.compile(r"(^|_)optim(izer)?s?(_|$)|sched|scaler|gradient|exp_avg")


@dataclass(frozen=True)
class Found:
    """The network found in a file."""

    path: tuple[str, ...]  # keys that lead to its state dict
    tensors: Mapping[str, TensorRecord]
    fit: Fit
    averaged: bool
    dropped: tuple[str, ...]  # entries that are no part of the network
    others: tuple[str, ...]  # networks that were not taken
    beside: tuple[str, ...]  # those of them in the same state dict
    turned: bool  # whether kernels are (height, width, in, out), see `axes`
    normalising: Mapping[str, TensorRecord]  # mean and std of its input, where there is one pair


def _state_dicts(
    outline: Any, seen: set[int], path: tuple[str, ...] = (), most: int = MAX_WRAPPERS
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the mappings that may hold weights, outermost first, and the keys that lead there."""
    # Each is looked at once: one may hold another under thousands of names, and that again.
    # A list's entries have their numbers for keys, as a ModuleList's have.
    listed = isinstance(outline, (list, tuple))
    held = outline if listed else as_mapping(outline)
    if held is None or len(held) > MAX_TENSORS or id(outline) in seen or is_module(outline):
        return
    seen.add(id(outline))
    items = enumerate(outline) if listed else held.items()
    texts = {str(k): v for k, v in items if listed or isinstance(k, str)}
    yield path, texts
    if len(path) < most:
        for key, value in texts.items():
            if len(key) <= MAX_KEY and not _NOT_WEIGHTS.search(key.lower()):
                yield from _state_dicts(value, seen, (*path, key), most)


def _flat(outline: Any) -> dict[str, TensorRecord]:
    """Return all tensors below one place, each with the keys that lead to it for its name."""
    found: dict[str, TensorRecord] = {}
    room = MAX_HEADER
    for path, held in _state_dicts(outline, set(), most=MAX_LEVELS):
        start = "".join(f"{part}." for part in path)
        names = [key for key, value in held.items() if isinstance(value, TensorRecord)]
        # One long key may stand before any number of names.
        room -= len(start) * (1 + len(names)) + sum(map(len, names))
        if room < 0 or len(found) + len(names) > MAX_TENSORS:
            break
        found.update((start + key, held[key]) for key in names)
    return found


def is_module(value: Any) -> bool:
    """Return whether a stand-in stands for a whole network, pickled with its class."""
    return isinstance(value, Thing) and "_modules" in value.attributes


def _is_averaged(place: str, state: Mapping[str, Any], fit: Fit) -> bool:
    """Return whether a word of its place says so, or a count of averages in front of it."""
    counts = (key.rpartition("n_averaged") for key in state if key.endswith("n_averaged"))
    counted = any(fit.prefix.startswith(before) for before, _, _ in counts)
    return counted or bool(_AVERAGED.search(f"{place}.{fit.prefix}".lower()))


def _what(outline: Any) -> str:
    if isinstance(outline, TensorRecord):
        return f"a single tensor of shape {outline.shape}"
    if isinstance(outline, Thing):
        return f"an object of class {outline.name} (nothing was executed)"
    if isinstance(outline, Mapping):
        if not outline:
            return "an empty dictionary"
        keys = ", ".join(repr(k) for k in list(outline)[:5])
        return f"a dictionary with {keys}{', ...' if len(outline) > 5 else ''}"
    return f"a {type(outline).__name__.lstrip('_').lower()}"


def _networks(
    tensors: Mapping[str, TensorRecord], label: str, room: int
) -> tuple[list[tuple[str, Fit]], CheckpointError | None]:
    """Return the networks in one state dict: it as a whole, else those under its prefixes."""
    found: list[tuple[str, Fit]] = []
    errors: list[CheckpointError] = []
    queue: list[tuple[str, Mapping[str, TensorRecord]]] = [("", tensors)]
    while queue:
        place, part = queue.pop(0)
        room -= len(part)
        if room < 0:
            break
        try:
            fit = recognise(part, label)
            # What lies in one block can look like a network whose patches are one pixel.
            if not place or fit.config.patch_size > 1:
                found.append((place, fit))
            continue
        except CheckpointError as error:
            errors.append(error)
        whole = [each for each in _branches(part).items() if _could_be_one(each[1])]
        if len(whole) > 1 and len(errors) == 1 and sum(_kernels(w[1]) for w in whole) == (
            _kernels(part)):  # fmt: skip
            # Two networks in one: what is wrong with either tells more than that there are two.
            errors.clear()
        queue += whole
    return found, errors[0] if errors else None


def _branches(tensors: Mapping[str, TensorRecord]) -> dict[str, dict[str, TensorRecord]]:
    """Return what lies under each prefix, where the keys first part."""
    parts = {key: key.split(".")[:-1] for key in tensors}
    first, last = min(parts.values()), max(parts.values())
    n = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]),
             min(len(first), len(last)))  # fmt: skip
    below: dict[str, dict[str, TensorRecord]] = {}
    for key, path in parts.items():
        if len(path) > n:
            below.setdefault(".".join(path[: n + 1]) + ".", {})[key] = tensors[key]
    return below


def _kernels(tensors: Mapping[str, Any]) -> int:
    return sum(isinstance(r, TensorRecord) and len(r.shape) == 4 for r in tensors.values())


def _could_be_one(tensors: Mapping[str, TensorRecord]) -> bool:
    """Whether there are a depthwise, a pointwise and a further convolution."""
    shapes = [r.shape for r in tensors.values() if len(r.shape) == 4]
    square = {s[0] for s in shapes if s == (s[0], s[0], 1, 1)}
    return len(shapes) > 2 and any(s[1] == 1 and s[0] in square for s in shapes)


def find_network(outline: Any, label: str, ema: bool | None = None) -> Found:
    """Find the ConvMixer in what a file holds: in dictionaries of any name, under any prefix of its
    keys, of which there may be several; averaged weights (``ema`` and the like) come first."""
    places = dict(islice(_state_dicts(outline, set()), MAX_TENSORS))
    states = [
        (path, held)
        for path, held in places.items()
        if any(isinstance(v, TensorRecord) and len(v.shape) > 1 for v in held.values())
    ][:MAX_STATE_DICTS]
    networks, errors = _all_networks(states, label, MAX_LOOKED_AT // max(1, min(len(states), 4)))
    turned = False
    if not networks:
        # Each layer may have a dictionary of its own.
        states.append(((), _flat(outline)))
        networks, more = _all_networks(states[-1:], label, MAX_OTHERWISE)
        errors += more
    if not networks:
        networks, _ = _all_networks(states[-1:], label, MAX_OTHERWISE, turn=True)
        turned = bool(networks)
    if not networks:
        _refuse_objects(outline, places, label)
        raise max(errors, key=lambda each: each[0])[1] if errors else CheckpointError(
            f"{label}: holds {_what(outline)}; expected the tensors of a network's state_dict()."
        )  # fmt: skip
    place, path, state, fit = _choose(networks, ema, label)
    if not fit.config.n_classes and path:
        # The head may have a dictionary of its own, beside that of the rest.
        whole = _flat(places[path[:-1]])
        with suppress(CheckpointError):
            with_head = recognise(_tensors(whole, turned), label)
            if with_head.config.n_classes:
                path, state, fit = path[:-1], whole, with_head
    used = set(fit.keys.values())
    known = used.union(*(n[3].keys.values() for n in networks if n[1] == path))
    rest = {k: v for k, v in state.items() if k not in known}
    normalising = _normalising(rest, fit.config.in_channels)
    return Found(
        path,
        {k: v for k, v in state.items() if k in used},
        fit,
        _is_averaged(place, state, fit),
        tuple(k for k, v in rest.items() if k not in normalising and not isinstance(v, Mapping)),
        tuple(other[0] for other in networks if other[0] != place),
        tuple(other[0] for other in networks if other[0] != place and other[1] == path),
        turned,
        normalising,
    )


def _normalising(rest: Mapping[str, Any], n: int) -> dict[str, TensorRecord]:
    """Return the one mean and standard deviation for as many channels that lie beside a network."""
    vectors = {k: v for k, v in rest.items() if isinstance(v, TensorRecord)
               and "float" in v.dtype and math.prod(v.shape) == n}  # fmt: skip
    means = [k for k in vectors if k.endswith("mean") and f"{k[:-4]}std" in vectors]
    return {k: vectors[k] for k in (means[0], f"{means[0][:-4]}std")} if len(means) == 1 else {}


def _all_networks(
    states: Sequence[tuple[tuple[str, ...], Mapping[str, Any]]],
    label: str,
    room: int,
    turn: bool = False,
) -> tuple[list[_Place], list[tuple[int, CheckpointError]]]:
    """Return the networks in all these state dicts, and what is wrong with the others."""
    networks, errors = [], []
    for path, state in states:
        tensors = _tensors(state, turn)
        if not tensors:
            continue
        inside, error = _networks(tensors, label, room)
        for prefix, fit in inside:
            place = ".".join((*path, prefix.rstrip("."))).rstrip(".")
            networks.append((place or "the top level", path, state, fit))
        if error is not None:
            errors.append((_kernels(tensors), error))
    return networks, errors


def _tensors(state: Mapping[str, Any], turn: bool) -> dict[str, TensorRecord]:
    tensors = {k: v for k, v in state.items() if isinstance(v, TensorRecord)}
    if not turn:
        return tensors
    return {k: replace(v, shape=tuple(v.shape[i] for i in axes(v.shape)))
            for k, v in tensors.items()}  # fmt: skip


def axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return where torch's axes are in a weight of Keras or Flax: (height, width, in, out)."""
    if len(shape) == 4:
        # Keras puts the channels of a depthwise convolution third.
        return (2, 3, 0, 1) if shape[3] == 1 < shape[2] else (3, 2, 0, 1)
    return (1, 0) if len(shape) == 2 else tuple(range(len(shape)))


def _choose(networks: list[Any], ema: bool | None, label: str) -> Any:
    averaged = [each for each in networks if _is_averaged(each[0], each[2], each[3])]
    plain = [each for each in networks if each not in averaged]
    names = ", ".join(each[0] for each in networks)
    if ema and not averaged:
        raise CheckpointError(
            f"{label}: no averaged (EMA) weights: found {names}; leave ema unset to take those."
        )
    if ema is False and not plain:
        raise CheckpointError(
            f"{label}: only averaged (EMA) weights: found {names}; leave ema unset to take those."
        )
    return (plain + averaged if ema is False else averaged + plain)[0]


def _refuse_objects(outline: Any, places: Mapping[Any, Mapping[str, Any]], label: str) -> None:
    """Refuse whole pickled networks, and weights that are no tensors; say how to write them."""
    inside = outline.items() if isinstance(outline, Mapping) else ()
    for place, value in (("", outline), *((f"[{k!r}]", v) for k, v in inside)):
        if is_module(value):
            loader = f"torch.load({{!r}}, weights_only=False){place}"
            where = f" at {place}" if place else ""
            raise CheckpointError(
                f"{label}: a pickled object of class {value.name}{where}, which would run code "
                "from the file; nothing was executed; if you trust it, write its weights alone "
                f"where that class can be imported, with `{export_line(label, loader)}`, and load "
                "those."
            )
    for held in places.values():
        things = Counter(v.name for v in held.values() if isinstance(v, Thing))
        for name, n in things.most_common(1):
            kind = next((what for part, what in _OBJECTS.items() if part in name), "")
            if kind and n > 2:
                raise CheckpointError(
                    f"{label}: {n} of its entries are {kind}; expected tensors of floating-point "
                    "numbers: write it anew with those."
                )
