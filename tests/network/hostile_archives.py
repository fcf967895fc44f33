"""Archives that look different to different readers, and files that are two things at once."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from hostile_parts import (
    DICT,
    PROTO,
    STOP,
    members,
    sound,
    write_zip,
)


def end_of(central_start: int, central: int, count: int) -> bytes:
    return struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, central, central_start
    )


def two_tables_of_contents(path: Path) -> None:
    """Python's reader finds a sound network, torch's the compressed bomb before it."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members(b"").items():
            archive.writestr(member, data + bytes(1 << 20 if member.endswith("data/0") else 0))
        count = len(archive.filelist)
    raw = bomb.getvalue()
    size, start = struct.unpack("<II", raw[-10:-2])
    first = raw[:-22] + end_of(start, size, count)
    path.write_bytes(first)
    with zipfile.ZipFile(path, "a") as archive:
        for member, data in members(b"").items():
            archive.writestr(member, data)
    whole = path.read_bytes()
    size, start = struct.unpack("<II", whole[-10:-2])
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(first) - 56, 1)
    path.write_bytes(whole[:-22] + end_of(start, size, count) + locator + whole[-22:])


def changed(change):
    """The sound archive, with its table of contents changed before it is written."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members(b"").items():
                archive.writestr(member, data)
            change({i.filename: i for i in archive.filelist}, archive)

    return write


def _sized(member: str, **sizes: int):
    def change(infos, archive):
        for key, value in sizes.items():
            setattr(infos[member], key, value)

    return changed(change)


def _renamed(member: str, **fields):
    return _sized(member, **fields)


def _overlapping(infos, archive):
    """500 members at one place, 1 MB each."""
    archive.writestr("x/data/77", bytes(1 << 20))
    last = archive.filelist[-1]
    for i in range(500):
        info = zipfile.ZipInfo(f"x/data/1{i:03d}")
        info.file_size = info.compress_size = last.file_size
        info.CRC, info.header_offset = last.CRC, last.header_offset
        archive.filelist.append(info)


def members_and(extra: dict[str, bytes]):
    return lambda path: write_zip(path, {**members(b""), **extra})


def many_members(n: int):
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", PROTO + DICT + STOP)
            one = archive.filelist[0]
            for i in range(n):
                info = zipfile.ZipInfo(f"x/data/{i:012d}")
                info.CRC, info.header_offset = 0, one.header_offset
                archive.filelist.append(info)

    return write


def surrounded(before: bytes = b"", after: bytes = b""):
    def write(path: Path) -> None:
        sound(path)
        path.write_bytes(before + path.read_bytes() + after)

    return write
