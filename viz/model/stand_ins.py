"""What the names in a checkpoint's pickle stand for: records and plain values, never code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from viz.model.guards import DTYPE_BYTES, MAX_NDIM, CheckpointError, TensorRecord

__all__ = [
    "CALLS",
    "RENAMED",
    "STORAGES",
    "STORAGE_NAME",
    "VALUES",
    "Malformed",
    "Name",
    "StoredData",
    "Thing",
    "plain_dtype_state",
    "plain_key",
    "storage_of",
    "whole_number",
]

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
"""Type of the elements, by the name of a storage class."""
STORAGE_NAME = re.compile(r"torch(?:\.cuda|\.storage)?\.(\w+Storage)")
RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg", "numpy.core": "numpy._core"}
"""Modules by the names they had in Python 2 and numpy 1."""
_NUMBER_DTYPE = re.compile(r"[<>=|]?[biufc]\d{1,2}")
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


@dataclass
class Thing:
    """An allowed object that matters only through its attributes."""

    name: str
    attributes: dict[str, Any] = field(default_factory=dict)


def whole_number(value: object) -> int:
    """Return a size, or refuse what is none."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise Malformed("a size that is not a whole number")
    return value


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> TensorRecord:
    if not isinstance(storage, StoredData):
        raise Malformed("a tensor without a storage")
    dtype, room = storage.dtype, storage.numel
    if len(rest) > 2 and isinstance(rest[2], Name):
        dtype = rest[2].name.removeprefix("torch.")
        if dtype not in DTYPE_BYTES:
            raise CheckpointError(f"holds a tensor of type {dtype}, which is not a known one")
        room = room * DTYPE_BYTES[storage.dtype] // DTYPE_BYTES[dtype]
    shape = tuple(whole_number(n) for n in size)
    strides = tuple(whole_number(n) for n in stride)
    if len(shape) != len(strides) or len(shape) > MAX_NDIM:
        raise Malformed("a tensor with sizes and strides of different lengths")
    record = TensorRecord(shape, dtype)
    if 0 in shape:
        return record
    numel = record.nbytes // DTYPE_BYTES[dtype]
    last = whole_number(offset) + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if numel > room or last >= room:
        raise CheckpointError(
            f"holds a tensor of shape {shape} on a storage of {room:,} elements, so its size is "
            "false or it is an expanded view"
        )
    return record


def _parameter(data: Any, requires_grad: Any, hooks: Any, state: Any = None) -> TensorRecord:
    if not isinstance(data, TensorRecord) or not _harmless_state(state):
        raise Malformed("an unusual parameter")
    return data


def _with_attributes(function: Any, kind: Any, args: Any, state: Any) -> Any:
    known = isinstance(function, Name) and function.name in _REBUILDS
    if not known or not isinstance(kind, Name) or not _harmless_state(state):
        raise Malformed("an unusual tensor")
    return _REBUILDS[function.name](*args)


def _harmless_state(state: Any) -> bool:
    """Return whether attributes set on a tensor hide none of its own."""
    if not state:
        return True
    names = state if isinstance(state, dict) else {"shape": None}
    return not any(not isinstance(name, str) or hasattr(Tensor, name) for name in names)


def _dictionary(items: Any = (), /) -> dict[Any, Any]:
    pairs = items.items() if isinstance(items, dict) else [(k, v) for k, v in items]
    return {plain_key(k): v for k, v in pairs}


def _encode(text: Any, encoding: Any = "") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Malformed("an unusual encoding")
    return text.encode("latin1")


def _bytes(*args: Any) -> bytes:
    if len(args) > 1 or not all(isinstance(a, bytes) for a in args):
        raise Malformed("a bytearray made from something other than bytes")
    return args[0] if args else b""


def _dtype(text: Any, *rest: Any) -> Thing:
    if not isinstance(text, str) or not _NUMBER_DTYPE.fullmatch(text):
        raise Malformed("a numpy type that is not a number's")
    return Thing("numpy.dtype")


def _scalar(dtype: Any, data: Any) -> Thing:
    if not isinstance(dtype, Thing) or not isinstance(data, bytes):
        raise Malformed("an unusual numpy scalar")
    return Thing("numpy scalar")


def _set(items: Any = ()) -> set[Any]:
    return {plain_key(item) for item in items}


def _inert(name: str) -> Callable[..., Any]:
    return lambda *args: Thing(name)


_REBUILDS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
CALLS: dict[str, Callable[..., Any]] = {
    **_REBUILDS,
    "torch._tensor._rebuild_from_type_v2": _with_attributes,
    "torch.Size": lambda sizes=(): tuple(whole_number(n) for n in sizes),
    "torch.device": _inert("torch.device"),
    "torch.serialization._get_layout": _inert("torch.layout"),
    "collections.OrderedDict": _dictionary,
    "collections.Counter": _dictionary,
    "_codecs.encode": _encode,
    "builtins.set": _set,
    "builtins.bytearray": _bytes,
    "builtins.complex": _inert("complex"),
    "numpy.dtype": _dtype,
    "numpy._core.multiarray.scalar": _scalar,
}
VALUES = re.compile(
    r"torch\.(float|bfloat|int|uint|complex|bool)\w*|torch\.Tensor|torch\.nn\.parameter\.Parameter"
    r"|argparse\.Namespace|numpy\.dtypes\.(Float|Int|UInt|Bool)\w*"
)


def plain_key(value: Any) -> Any:
    """Return a dictionary key; nested ones are refused, for hashing them recurses without limit."""
    if not isinstance(value, _PLAIN):
        raise Malformed("a dictionary key that is neither text nor a number")
    # Larger ones can be chosen to have one hash, and then a dictionary takes hours to fill.
    if isinstance(value, int) and abs(value) >= 1 << 60:
        raise Malformed("a dictionary key that is a huge number")
    return value


def plain_dtype_state(state: Any) -> bool:
    """Return whether a numpy type's state is that of a number, without fields or subarrays."""
    return (
        isinstance(state, tuple)
        and len(state) >= 7
        and all(s is None for s in state[2:5])
        and all(isinstance(s, int) and -1 <= s <= 16 for s in state[5:7])
    )


def storage_of(saved: tuple[Any, ...]) -> StoredData:
    """Return the storage that a persistent id names; its size is still only a claim."""
    kind, key, numel = saved[1], saved[2], saved[4]
    if not isinstance(kind, Name) or not STORAGE_NAME.fullmatch(kind.name):
        raise Malformed("a storage of an unknown type")
    if isinstance(key, bytes):
        key = key.decode("ascii")
    if not isinstance(key, str):
        raise Malformed("a storage without a name")
    return StoredData(STORAGES[kind.name.rpartition(".")[2]], key, whole_number(numel))
