"""What a file is, and whether it is safe to read: looked at before anything is allocated."""

from __future__ import annotations

import math
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from viz.core.refusal import Refusal

MAX_HEADER = 4 << 20
"""Largest header of a safetensors file, largest table of contents of a zip archive, in bytes.

The real files need 50 kB; an 80 MB header took the library 5.8 s and 950 MB.
"""
MAX_PICKLE = 64 << 20
"""Largest pickle in a torch.save file, in bytes: no tensor data, but numpy arrays are in it."""
MAX_TENSORS = 20_000
"""Most tensors in one file; training state included, a real one holds a few thousand."""
MAX_NDIM = 16
"""Most dimensions of a tensor; a convolution's weights have four."""
MAX_WEIGHTS = 4 << 30
"""Most bytes of weights; a sparse file of a few kB on disk can truthfully claim terabytes."""
_MAX_MESSAGE = 1200

DTYPE_BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2,
    "uint8": 1, "bool": 1, "complex64": 8, "complex128": 16,
}  # fmt: skip
"""Bytes of one element, by torch's name of the type."""

_LEGACY_START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_OTHER_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"\x89HDF", "an HDF5 file, as Keras and MATLAB write: export its weights to torch"),
    (b"\x93NUMPY", "a numpy array: put arrays into a dictionary of tensors by name"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
)


class CheckpointError(Refusal):
    """A checkpoint that cannot be loaded; the message is one sentence for the user.

    Parameters
    ----------
    message : str
        May quote names from the file: what a terminal could act on is replaced.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, _MAX_MESSAGE))


class CheckpointWarning(UserWarning):
    """What a user should know about a loaded checkpoint before believing its pictures."""


@dataclass(frozen=True)
class TensorRecord:
    """What is known of a tensor before it is read."""

    shape: tuple[int, ...]
    dtype: str  # torch's name of it, such as "float32"
    storage: str = ""  # name of the storage; "" where it has one of its own
    offset: int = 0  # elements of the storage before its first
    strides: tuple[int, ...] = ()  # empty in a storage of its own

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return math.prod(self.shape) * DTYPE_BYTES[self.dtype]


def printable(text: str, most: int = 200) -> str:
    """Return text from a file as it may be shown: no control characters, not endless."""
    if len(text) > most:
        text = f"{text[: most // 2]} ... {text[len(text) - most // 2 :]}"
    return "".join(c if c.isprintable() else "?" for c in text)


def export_line(label: str, loader: str = "torch.load({!r}, weights_only=False)") -> str:
    """Return the line of Python that writes the weights of a whole network alone."""
    return f"torch.save({loader.format(label)}.state_dict(), {Path(label).stem + '-weights.pt'!r})"


def file_kind(path: Path, label: str) -> str:
    """Tell by its first bytes what a file is; its suffix is not trusted."""
    wanted = "expected a file written by torch.save or as safetensors"
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise CheckpointError(f"{label}: a folder{_files_inside(path)}")
        if not stat.S_ISREG(info.st_mode):
            raise CheckpointError(f"{label}: not a regular file; {wanted}.")
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise CheckpointError(f"{label}: no such file; check the path.") from None
    except CheckpointError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"{label}: cannot be read ({reason}); check the file.") from None
    if not head:
        raise CheckpointError(f"{label}: empty (0 bytes); copy or download it again.")
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(_LEGACY_START):
        again = f"torch.save(torch.load({label!r}, map_location='cpu', weights_only=True), "
        raise CheckpointError(
            f"{label}: in the format that torch.save wrote before torch 1.6 (2020) and still "
            f"writes on demand; write it anew with `{again}{Path(label).stem + '-new.pt'!r})` and "
            "load that."
        )
    if len(head) > 8 and head[8:9] == b"{":
        return "safetensors"
    raise CheckpointError(f"{label}: {_what_else(head)}; {wanted}.")


def _files_inside(path: Path) -> str:
    suffixes = {".safetensors", ".pth", ".pt", ".bin", ".tar", ".ckpt"}
    with suppress(OSError):
        for name in sorted(p.name for p in path.iterdir() if p.suffix in suffixes):
            return f"; give one of its files, such as {name}."
    return ", not a file; give the path of a checkpoint."


def _what_else(head: bytes) -> str:
    for start, what in _OTHER_STARTS:
        if head.startswith(start):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if (head[:1] == b"\x08" and b"onnx" in head.lower()) or head[:2] == b"\x08\x07":
        return "an ONNX model: save the state_dict() of the network it was exported from"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "a plain Python pickle, which is not opened because it could run code"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page: the download failed"
    try:
        sample = head.decode()
    except UnicodeDecodeError as error:
        sample = head[: error.start].decode() if error.start > len(head) - 4 else "\0"
    if all(c.isprintable() or c.isspace() for c in sample):
        return "a text file"
    return f"neither (it starts with the bytes {head[:8].hex(' ')})"
