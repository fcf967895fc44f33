"""Checking files of torch.save before version 1.6, which are a sequence of pickles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from viz.model.guards import DTYPE_BYTES, MAX_PICKLE, MAX_TENSORS, Bounded, CheckpointError
from viz.model.scanning import Walker, walk
from viz.model.stand_ins import Malformed, StoredData, storage_of, whole_number

__all__ = ["scan_legacy"]


def scan_legacy(file: BinaryIO, label: str) -> Any:
    """Return what a file of torch.save before version 1.6 describes.

    It is five pickles (a magic number, a version, facts about the machine, the object, the names
    of its storages), then each storage: 8 bytes with its number of elements, then those. All that
    the pickles claim must be there.

    Parameters
    ----------
    file : binary file
        The file.
    label : str
        Its name in messages.

    Returns
    -------
    object
        As for `scan_zip`.

    Raises
    ------
    CheckpointError
        As for `scan_zip`, and if the file is truncated.
    """
    size = file.seek(0, 2)
    file.seek(0)
    storages: dict[str, StoredData] = {}

    def storage(saved: tuple[Any, ...]) -> StoredData:
        found = storage_of(saved)
        root = storages.setdefault(found.key, found)
        view = saved[5] if len(saved) > 5 else None
        if (root.numel, root.dtype) != (found.numel, found.dtype):
            raise Malformed("one storage with two sizes")
        if found.numel * DTYPE_BYTES[found.dtype] > size:
            raise CheckpointError(
                f"{label}: truncated or false: it claims {found.numel:,} elements of "
                f"{found.dtype} in a file of {size:,} bytes; copy or download it again."
            )
        if view is not None:
            _, offset, numel = view
            if whole_number(offset) + whole_number(numel) > found.numel:
                raise Malformed("a view larger than its storage")
            return StoredData(found.dtype, found.key, numel)
        return found

    room = Bounded(file, MAX_PICKLE, f"{label}: its pickle is larger than any checkpoint's.")
    for _ in range(3):
        walk(Walker(storage), room, label)
    outline = walk(Walker(storage), room, label)
    keys = walk(Walker(storage), room, label)
    _check_legacy_data(file, storages, keys, size, label)
    return outline


def _check_legacy_data(
    file: BinaryIO, storages: Mapping[str, StoredData], keys: Any, size: int, label: str
) -> None:
    names = [
        key.decode("latin1") if isinstance(key, bytes) else key
        for key in (keys if isinstance(keys, list) else [])
    ]
    plain = all(isinstance(name, str) for name in names)
    if (
        not plain
        or len(names) > MAX_TENSORS
        or set(names) != set(storages)
        or len(set(names)) != len(names)
    ):
        raise CheckpointError(
            f"{label}: damaged: its list of storages does not match its tensors; copy or download "
            "it again."
        )
    position = file.tell()
    for name in names:
        file.seek(position)
        numel = int.from_bytes(file.read(8), "little", signed=True)
        position += 8 + storages[name].numel * DTYPE_BYTES[storages[name].dtype]
        if position > size or numel != storages[name].numel:
            raise CheckpointError(
                f"{label}: truncated or damaged at storage {name!r}; copy or download it again."
            )
