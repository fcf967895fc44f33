"""What hostile files are put together of, byte by byte: pickles, archives and safetensors."""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from foreign_networks import official

PROTO, STOP = b"\x80\x02", b"."
MARK, DICT, ITEM, ITEMS, LIST, CALL, NONE = b"(", b"}", b"s", b"u", b"]", b"R", b"N"
FALSE, NEW, BUILD, APPEND, APPENDS = b"\x89", b")\x81", b"b", b"a", b"e"


# Of a pickle


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def integer(n: int) -> bytes:
    if -(1 << 31) <= n < 1 << 31:
        return b"J" + struct.pack("<i", n)
    data = n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def tuple_of(*items: bytes) -> bytes:
    return MARK + b"".join(items) + b"t"


def list_of(*items: bytes) -> bytes:
    return LIST + MARK + b"".join(items) + APPENDS


def entries(**values: bytes) -> bytes:
    """Entries for the dictionary that is on the stack."""
    return b"".join(text(key) + value + ITEM for key, value in values.items())


def name(dotted: str) -> bytes:
    module, _, last = dotted.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def keep(slot: int) -> bytes:
    return b"r" + struct.pack("<I", slot)


def again(slot: int) -> bytes:
    return b"j" + struct.pack("<I", slot)


def call(function: str, *args: bytes) -> bytes:
    return name(function) + tuple_of(*args) + CALL


def new_object(kind: str, attributes: bytes = b"", before: bytes = b"") -> bytes:
    """An object of any class, with attributes set afterwards."""
    return name(kind) + NEW + before + DICT + attributes + BUILD


def storage(numel: int, key: str = "0") -> bytes:
    parts = [text("storage"), name("torch.FloatStorage"), text(key), text("cpu"), integer(numel)]
    return tuple_of(*parts) + b"Q"


def tensor(shape, strides, stored: bytes, offset: int = 0) -> bytes:
    hooks = name("collections.OrderedDict") + b")R"
    sizes = [tuple_of(*map(integer, v)) for v in (shape, strides)]
    return call("torch._utils._rebuild_tensor_v2", stored, integer(offset), *sizes, FALSE, hooks)


MATRIX = tensor((2, 2), (2, 1), storage(4))


# Archives


def network() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return official(dim=4, depth=1, k=3, p=2, n=2).state_dict()


@functools.cache
def _sound() -> dict[str, bytes]:
    torch.save(network(), written := io.BytesIO())
    with zipfile.ZipFile(written) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def members(items: bytes = b"") -> dict[str, bytes]:
    """The members of a sound network's archive, with more entries in its dictionary."""
    whole = _sound()["archive/data.pkl"]
    return {**_sound(), "archive/data.pkl": whole.removesuffix(STOP) + items + STOP}


def write_zip(path: Path, content: dict[str, bytes], mode: str = "w", change=None) -> None:
    """Write members; the table of contents may be changed before it is written."""
    with zipfile.ZipFile(path, mode) as archive:
        for member, data in content.items():
            archive.writestr(member, data)
        if change:
            change(archive)


def with_items(*items: bytes):
    """A file with the sound network and more entries."""
    return lambda path: write_zip(path, members(b"".join(items)))


def beside(value: bytes, key: str = "k"):
    """A file with the sound network and one more value."""
    return with_items(text(key), value, ITEM)


def alone(value: bytes, data: bytes = bytes(16)):
    """A file that holds one object."""
    content = {"x/data.pkl": PROTO + value + STOP, "x/data/0": data, "x/version": b"3\n"}
    return lambda path: write_zip(path, content)


def tabled(change):
    """The sound archive with another table of contents."""
    return lambda path: write_zip(path, members(), change=change)


def stated(**fields):
    """The sound archive, whose table of contents states something else of its first tensor."""

    def change(archive: zipfile.ZipFile) -> None:
        for field, value in fields.items():
            setattr(archive.getinfo("archive/data/0"), field, value)

    return tabled(change)


sound = with_items()


# Code


class Runs:
    """Pickled, it runs a command that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def marks(path: Path) -> Path:
    return path.with_name("executed")


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Runs(marks(path)), protocol=2))


def code(path: Path) -> None:
    torch.save(Runs(marks(path)), path)


def code_beside_weights(path: Path) -> None:
    torch.save({"model": network(), "hook": Runs(marks(path))}, path)


# Safetensors


def safetensors(header: object, n: int | None = None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = struct.pack("<Q", len(raw) if n is None else n)
    return lambda path: path.write_bytes(length + raw + bytes(64))


def with_entry(shape: Iterable[object], offsets=(0, 4), dtype="F32", **more):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}
    return safetensors({"0.weight": entry, **more})


def with_metadata(**metadata: str):
    """A sound network whose metadata is not."""

    def write(path: Path) -> None:
        from safetensors.torch import save_file

        save_file(network(), path, {"format": "convmixer-viz 1", **metadata})

    return write
