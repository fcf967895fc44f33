"""Reading a checkpoint file: guards first, then its outline, then only the weights asked for."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from viz.network.archives import Archive, check_safetensors, check_zip
from viz.network.guards import MAX_WEIGHTS, CheckpointError, TensorRecord, file_kind
from viz.network.scanning import scan_zip

_CHUNK, _MAX_DEPTH = 1 << 20, 20


@dataclass(frozen=True)
class Reading:
    """A checkpoint of which only the outline has been read."""

    outline: Any
    metadata: Mapping[str, str]
    fetch: Callable[[Mapping[str, TensorRecord]], dict[str, Tensor]]
    sha256: Callable[[], str]
    owned: bool  # whether fetched tensors are nobody else's


def _sha256(path: Path, before: tuple[int, ...], label: str) -> str:
    """Return a file's sha256, if it is still the one that was opened."""
    with path.open("rb", buffering=0) as file:
        start = _identity(file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not before == start == _identity(file):
            raise CheckpointError(
                f"{label}: changed while it was being read; wait until it is written, and try "
                "again."
            )
    return digest


def _identity(file: Any) -> tuple[int, ...]:
    info = os.fstat(file.fileno())
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


@contextmanager
def open_checkpoint(path: Path, label: str) -> Iterator[Reading]:
    """Open a checkpoint file of any supported kind."""
    kind = file_kind(path, label)
    metadata: dict[str, str] = {}
    with path.open("rb") as file:
        before = _identity(file)
        if kind == "safetensors":
            outline, metadata = check_safetensors(file, label)
        else:
            archive = check_zip(file, label)
            outline = scan_zip(archive, label)

        def fetch(tensors: Mapping[str, TensorRecord]) -> dict[str, Tensor]:
            if kind == "safetensors":
                return _read_safetensors(path, tensors, label)
            return _read_zip(file, archive, tensors, label)

        owned = kind != "safetensors"
        yield Reading(outline, metadata, fetch, lambda: _sha256(path, before, label), owned)


def _read_safetensors(path: Path, keys: Iterable[str], label: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in keys}
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{label}: refused by safetensors ({_first_line(error)}); copy or download it again."
        ) from None


def _read_zip(
    file: BinaryIO, archive: Archive, tensors: Mapping[str, TensorRecord], label: str
) -> dict[str, Tensor]:
    """Read the storages that these tensors lie in, each once; the archive's checksums hold."""
    state: dict[str, Tensor] = {}
    storages: dict[str, list[str]] = {}
    for key, record in tensors.items():
        storages.setdefault(record.storage, []).append(key)
    size = sum(archive.storages[storage] for storage in storages)
    if size > MAX_WEIGHTS:
        raise CheckpointError(
            f"{label}: its weights lie in {size:,} bytes, more than any ConvMixer's; expected at "
            f"most {MAX_WEIGHTS:,}."
        )
    try:
        with zipfile.ZipFile(file) as opened:
            for storage, keys in storages.items():
                data = torch.empty(archive.storages[storage], dtype=torch.uint8)
                room = data.numpy().data
                with opened.open(f"{archive.root}/data/{storage}") as member:
                    while chunk := member.read(_CHUNK):
                        room[: len(chunk)] = chunk
                        room = room[len(chunk) :]
                if len(room):
                    raise EOFError(f"storage {storage} ends early")
                for key in keys:
                    state[key] = _placed(data, tensors[key])
    except Exception as error:
        raise CheckpointError(
            f"{label}: damaged ({_first_line(error)}); copy or download it again."
        ) from None
    return state


def _placed(data: Tensor, record: TensorRecord) -> Tensor:
    """Return a tensor of a storage; a view would keep a larger storage alive."""
    dtype: torch.dtype = getattr(torch, record.dtype)
    typed = data[: len(data) // dtype.itemsize * dtype.itemsize].view(dtype)
    tensor = typed.as_strided(record.shape, record.strides, record.offset)
    return tensor if record.nbytes == len(data) else tensor.clone()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def outline_of(value: Any, label: str, held: dict[TensorRecord, Tensor], depth: int = 0) -> Any:
    """Return the outline of a state dict in memory, whatever it is wrapped in."""
    if isinstance(value, Mapping):
        # One that holds itself has no end.
        items = value.items() if depth < _MAX_DEPTH else ()
        return {key: outline_of(item, f"{label}: {key}", held, depth + 1) for key, item in items}
    if not isinstance(value, Tensor):
        return value
    dtype = str(value.dtype).removeprefix("torch.")
    if value.is_meta or value.layout != torch.strided or value.is_quantized:
        kind = "on the meta device" if value.is_meta else "sparse or quantised"
        raise CheckpointError(f"{label} is {kind}; expected a dense tensor with values.")
    if value.numel() * value.itemsize > value.untyped_storage().nbytes():
        raise CheckpointError(
            f"{label} is an expanded view; expected a tensor with its own values."
        )
    place = str(value.untyped_storage().data_ptr())
    record = TensorRecord(
        tuple(value.shape), dtype, place, int(value.storage_offset()), value.stride()
    )
    held[record] = value
    return record


def sha256_of_tensors(state: Mapping[str, Tensor]) -> str:
    """Return a hash of weights in memory: of names, types, shapes and values, in name order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
