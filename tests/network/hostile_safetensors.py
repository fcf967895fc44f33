"""Files of safetensors with hostile headers and metadata."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import torch

from viz.network.convmixer import ConvMixer


def write_safetensors(path: Path, header: bytes, data: bytes = b"", n: int | None = None) -> None:
    length = len(header) if n is None else n
    path.write_bytes(struct.pack("<Q", length) + header + data)


def safetensors(header: object, data: bytes = bytes(64), n: int | None = None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda path: write_safetensors(path, raw, data, n)


def with_entry(shape, offsets=(0, 4), dtype="F32", **more):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}
    return safetensors({"0.weight": entry, **more})


def with_metadata(**metadata: str):
    """A sound network whose metadata is not."""

    def write(path: Path) -> None:
        from safetensors.torch import save_file

        state = {k: v.clone() for k, v in ConvMixer(4, 1, 3, 2, 2).state_dict().items()}
        save_file(state, path, {"format": "convmixer-viz 1", **metadata})

    return write


def empty_tensors(path: Path, n: int = 1_200_000) -> None:
    entry = '"%07d________":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    write_safetensors(path, ("{" + ",".join(entry % i for i in range(n)) + "}").encode())


def wide_header(path: Path) -> None:
    write_safetensors(path, b"{" + b" " * 101_000_000 + b"}")


def sparse_giant(path: Path) -> None:
    """A few kB on disk that truthfully claim a network of 16 GB."""
    with torch.device("meta"):
        model = ConvMixer(40_000, 1, 3, 2, 2)
    header, end = {}, 0
    for key, value in model.state_dict().items():
        kind = "I64" if value.dtype == torch.int64 else "F32"
        offsets = [end, end + value.numel() * value.itemsize]
        end = offsets[1]
        header[key] = {"dtype": kind, "shape": list(value.shape), "data_offsets": offsets}
    write_safetensors(path, json.dumps(header).encode())
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + end)
