"""What the names in a checkpoint's pickle stand for: records and plain values, never code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from viz.network.guards import DTYPE_BYTES, MAX_NDIM, CheckpointError, TensorRecord

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}  # fmt: skip
_STORAGE_NAME = re.compile(r"torch(?:\.cuda|\.storage)?\.(\w+Storage)")
_PLAIN = (str, int, float, bool, type(None))


class Malformed(Exception):
    """The pickle is not one that torch.save writes."""


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle refers to, by its full name only."""

    name: str


@dataclass(frozen=True)
class StoredData:
    """A storage that the pickle refers to: type, key, number of elements."""

    dtype: str
    key: str
    numel: int


@dataclass(eq=False)
class Thing:
    """What stands in for any other object: its class's name and what it was to be given."""

    name: str
    args: tuple[Any, ...] = ()
    items: dict[Any, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """Return what an object holds by name: a dictionary's items, or a stand-in's attributes."""
    if isinstance(value, Thing):
        return value.items or value.attributes
    return value if isinstance(value, Mapping) else None


def last_name(value: Any) -> str:
    """Return the last part of the name that a class, function or object of the file has."""
    return value.name.rpartition(".")[2] if isinstance(value, (Name, Thing)) else ""


def _whole_number(value: object) -> int:
    """Return a size, or refuse what is none."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise Malformed("a size that is not a whole number")
    return value


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> TensorRecord | Thing:
    if not isinstance(storage, StoredData):
        return Thing("a tensor of an unusual type")
    dtype, room = storage.dtype, storage.numel
    if len(rest) > 2 and isinstance(rest[2], Name):
        dtype = rest[2].name.removeprefix("torch.")
        if dtype not in DTYPE_BYTES:
            return Thing(f"a tensor of the type {dtype}")
        room = room * DTYPE_BYTES[storage.dtype] // DTYPE_BYTES[dtype]
    if not isinstance(size, tuple) or not isinstance(stride, tuple) or len(size) > MAX_NDIM:
        raise Malformed("a tensor of too many dimensions")
    shape, strides = tuple(map(_whole_number, size)), tuple(map(_whole_number, stride))
    if len(shape) != len(strides):
        raise Malformed("a tensor with sizes and strides of different lengths")
    offset = _whole_number(offset)
    record = TensorRecord(shape, dtype, storage.key, offset, strides)
    if 0 in shape:
        return record
    numel = record.nbytes // DTYPE_BYTES[dtype]
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if numel > room or last >= room:
        raise CheckpointError(
            f"holds a tensor of shape {shape} on a storage of {room:,} elements, so its size is "
            "false or it is an expanded view"
        )
    return record


def _with_attributes(function: Any, kind: Any, args: Any, state: Any = None) -> Any:
    if isinstance(function, Name) and function.name in _REBUILDS and isinstance(args, tuple):
        return _REBUILDS[function.name](*args)
    return Thing(kind.name if isinstance(kind, Name) else "a tensor of an unusual type")


def _dictionary(items: Any = (), /) -> dict[Any, Any]:
    pairs = items.items() if isinstance(items, dict) else [(k, v) for k, v in items]
    return {k: v for k, v in pairs if plain_key(k)}


_REBUILDS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": lambda data, *rest: data,
    "torch._utils._rebuild_parameter_with_state": lambda data, *rest: data,
}
CALLS: dict[str, Callable[..., Any]] = {
    **_REBUILDS,
    "torch._tensor._rebuild_from_type_v2": _with_attributes,
    "torch.Size": lambda sizes=(): tuple(_whole_number(n) for n in sizes),
    "collections.OrderedDict": _dictionary,
    "copyreg._reconstructor": lambda kind, *rest: Thing(
        kind.name if isinstance(kind, Name) else "an object"
    ),
}
"""The few calls whose outcome matters; every other is a `Thing`."""


def plain_key(value: Any) -> bool:
    """Return whether a dictionary's entry is looked at: text and numbers are.

    Hashing nested keys recurses without limit, and larger numbers can be chosen to have one hash,
    so that a dictionary takes hours to fill.
    """
    return isinstance(value, _PLAIN) and not (isinstance(value, int) and abs(value) >= 1 << 60)


def storage_of(saved: tuple[Any, ...]) -> StoredData | Thing:
    """Return the storage that a persistent id names; its size is still only a claim."""
    kind, key, numel = saved[1], saved[2], saved[4]
    if isinstance(key, bytes):
        key = key.decode("ascii")
    if not isinstance(kind, Name) or not isinstance(key, str):
        raise Malformed("a storage without a type or a name")
    known = _STORAGE_NAME.fullmatch(kind.name)
    if not known or known[1] not in _STORAGES:
        return Thing(kind.name)
    return StoredData(_STORAGES[known[1]], key, _whole_number(numel))
