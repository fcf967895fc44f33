"""Checking the tables of contents of zip archives and safetensors files before reading them."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

from viz.network.guards import (
    MAX_HEADER,
    MAX_NDIM,
    MAX_PICKLE,
    MAX_TENSORS,
    CheckpointError,
    TensorRecord,
    export_line,
)

_SAFETENSORS_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BOOL": "bool", "C64": "complex64",
}  # fmt: skip


@dataclass(frozen=True)
class Archive:
    """A checked zip archive as torch.save writes it."""

    pickle: bytes  # its data.pkl
    storages: dict[str, int]  # bytes of each, by its key
    root: str  # folder in the archive that all of it lies in


def check_zip(file: BinaryIO, label: str) -> Archive:
    """Check an archive written by torch.save, without unpacking it, and return its pickle."""
    size = file.seek(0, os.SEEK_END)
    _check_end(file, size, label)
    crowded = f"{label}: its table of contents is larger than any checkpoint's; not read."
    try:
        archive = zipfile.ZipFile(_Capped(file, MAX_HEADER, crowded))
    except CheckpointError:
        raise
    except Exception as error:  # zipfile raises whatever a damaged table makes it meet.
        raise CheckpointError(
            f"{label}: a damaged zip archive ({error}); copy or download it again."
        ) from None
    members = archive.infolist()
    _check_kind([m.filename for m in members], label)
    _check_members(members, size, label)
    root = members[0].filename.split("/")[0]
    sizes = {m.filename.removeprefix(f"{root}/"): m.file_size for m in members}
    n_pickle = sizes["data.pkl"]
    if n_pickle > MAX_PICKLE:
        raise CheckpointError(
            f"{label}: its pickle has {n_pickle:,} bytes without the weights, more than any "
            "checkpoint's; not read."
        )
    try:
        with archive.open(f"{root}/data.pkl") as member:
            data = b"".join(iter(lambda: member.read(1 << 20), b""))
        order = f"{root}/byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise zipfile.BadZipFile("another byte order than little-endian")
    except Exception as error:
        raise CheckpointError(f"{label}: damaged ({error}); copy or download it again.") from None
    storages = {k.removeprefix("data/"): n for k, n in sizes.items() if k.startswith("data/")}
    return Archive(data, storages, root)


class _Capped:
    """A file in which no single read is large; any number of them may follow."""

    def __init__(self, file: BinaryIO, limit: int, message: str) -> None:
        self._file, self._limit, self._message = file, limit, message
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, n: int = -1) -> bytes:
        """Read at most n bytes."""
        data = self._file.read(n if 0 <= n <= self._limit else self._limit + 1)
        if len(data) > self._limit:
            raise CheckpointError(self._message)
        return data


def _check_end(file: BinaryIO, size: int, label: str) -> None:
    """Require one table of contents, right before the end: Python's reader and torch's look for it
    in different ways, and a file with two could show each of them another archive."""
    file.seek(max(0, size - 98))
    tail = file.read(98)
    end = tail[-22:]
    if len(end) < 22 or not end.startswith(b"PK\x05\x06"):
        raise CheckpointError(
            f"{label}: truncated: the end of the archive is missing; copy or download it again."
        )
    count, length, start = struct.unpack("<HII", end[10:20])
    here = size - 22
    if tail[-42:-38] == b"PK\x06\x07":
        here -= 76
        pointer = struct.unpack("<Q", tail[-34:-26])[0]
        large = struct.unpack("<QQQ", tail[-66:-42])
        small = (count, length, start)
        limits = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        agree = all(s in (b, m) for s, b, m in zip(small, large, limits, strict=True))
        if len(tail) < 98 or tail[:4] != b"PK\x06\x06" or pointer != here or not agree:
            here = -1
        count, length, start = large
    if start + length != here:
        raise CheckpointError(
            f"{label}: a damaged zip archive (its table of contents is not at its end); copy or "
            "download it again."
        )


def _unusual(member: zipfile.ZipInfo, size: int) -> bool:
    """Return whether another reader could take this entry for another name or size."""
    name, extra = member.filename, member.extra
    kinds = []
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        kinds.append(kind)
        extra = extra[4 + length :]
    zip64, unicode_path = 0x0001, 0x7075
    resized = zip64 in kinds and size < 1 << 32
    renamed = unicode_path in kinds or member.orig_filename != name or not name.isascii()
    return resized or renamed


def _check_kind(names: list[str], label: str) -> None:
    root = names[0].split("/")[0] if names else ""
    if any(n == f"{root}/constants.pkl" or n.startswith(f"{root}/code/") for n in names):
        line = export_line(label, "torch.jit.load({!r})")
        raise CheckpointError(
            f"{label}: a TorchScript program, which would run code from the file; if you trust "
            f"it, write its weights alone with `{line}` and load those."
        )
    if f"{root}/data.pkl" not in names:
        kind = "other files"
        if any(name.endswith(".npy") for name in names):
            kind = "numpy arrays (viz.load_result opens a saved result)"
        raise CheckpointError(
            f"{label}: a zip archive of {kind}; expected one written by torch.save."
        )


def _check_members(members: list[zipfile.ZipInfo], size: int, label: str) -> None:
    # 0.97 MB of compressed zeros unpack to 1 GB.
    packed = [m for m in members if m.compress_type or m.flag_bits & 1]
    odd = [m for m in members if m.file_size != m.compress_size]
    if packed or odd:
        name = (packed or odd)[0].filename
        raise CheckpointError(
            f"{label}: {name} is compressed, which torch.save never does; save it again with "
            "torch.save."
        )
    total = sum(m.file_size for m in members)
    # torch's reader does not tell upper case from lower case.
    names = {m.filename.lower() for m in members}
    if total > size or len(names) < len(members) or any(_unusual(m, size) for m in members):
        raise CheckpointError(
            f"{label}: its members claim {total:,} bytes in a file of {size:,}, or two share a "
            "name or a place; not read."
        )
    if len(members) > MAX_TENSORS:
        raise CheckpointError(f"{label}: {len(members):,} members, more than any checkpoint's.")


def check_safetensors(file: BinaryIO, label: str) -> tuple[dict[str, TensorRecord], dict[str, str]]:
    """Check a safetensors header against the file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    (n,) = struct.unpack("<Q", file.read(8))
    if n > MAX_HEADER and n <= size:
        raise CheckpointError(
            f"{label}: a header of {n:,} bytes, where a checkpoint needs at most {MAX_HEADER:,}; "
            "not read."
        )
    if n > size - 8:
        raise CheckpointError(
            f"{label}: truncated or not safetensors: its header claims {n:,} bytes, the file "
            f"has {size:,}; copy or download it again."
        )
    try:
        header = json.loads(file.read(n))
        metadata = header.pop("__metadata__", {}) or {}
        if not all(isinstance(v, str) for v in metadata.values()):
            raise TypeError("metadata")
        if len(header) > MAX_TENSORS:
            raise CheckpointError(f"{label}: {len(header):,} tensors, more than any checkpoint's.")
        tensors = {key: _record(value, size - 8 - n, label, key) for key, value in header.items()}
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{label}: its safetensors header cannot be read ({type(error).__name__}); copy or "
            "download it again."
        ) from None
    return tensors, metadata


def _record(value: Any, room: int, label: str, key: str) -> TensorRecord:
    begin, end = value["data_offsets"]
    shape = tuple(value["shape"])
    if len(shape) > MAX_NDIM or not all(
        type(i) is int and 0 <= i < 1 << 63 for i in (begin, end, *shape)
    ):
        raise TypeError("sizes")
    if value["dtype"] not in _SAFETENSORS_DTYPES:
        raise CheckpointError(f"{label}: {key} has the type {value['dtype']!r}, not a known one.")
    record = TensorRecord(shape, _SAFETENSORS_DTYPES[value["dtype"]])
    if end > room:
        raise CheckpointError(
            f"{label}: truncated: {key} would end {end - room:,} bytes after the end of the "
            "file; copy or download it again."
        )
    if record.nbytes != end - begin:
        raise CheckpointError(
            f"{label}: {key} has the shape {shape} but {end - begin:,} bytes; not read."
        )
    return record
