"""Files made to hurt whoever opens them, and what is said of each: at least one for each guard.

They are put together byte by byte: pickles, archives and safetensors. Most hold a whole, sound
ConvMixer, so that nothing but the hostile part can be why they are refused.
"""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import torch
from foreign_networks import official
from safetensors.torch import save_file

from viz.network.convmixer import ConvMixer

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


def with_entry(shape: list[object], offsets=(0, 4), dtype="F32", **more):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}
    return safetensors({"0.weight": entry, **more})


def with_metadata(**metadata: str):
    """A sound network whose metadata is not."""

    return lambda path: save_file(network(), path, {"format": "convmixer-viz 1", **metadata})


# Claims about sizes


def bomb(path: Path, size: int = 1 << 26) -> None:
    """64 kB that unpack to 64 MB of zeros, a sound tensor as far as torch can tell."""
    zeros = tensor((size // 4096, 1024), (1024, 1), storage(size // 4))
    content = {"x/data.pkl": PROTO + DICT + entries(weight=zeros) + STOP, "x/version": b"3\n"}
    write_zip(path, {**content, "x/byteorder": b"little"}, change=lambda archive: (
        archive.writestr("x/data/0", bytes(size), zipfile.ZIP_DEFLATED)))  # fmt: skip


def expanded(path: Path) -> None:
    torch.save({"0.weight": torch.zeros(1).expand(40_000, 40_000)}, path)


def claim(shape, strides, numel=4, offset=0):
    return alone(DICT + text("0.weight") + tensor(shape, strides, storage(numel), offset) + ITEM)


def sparse_giant(path: Path) -> None:
    """A few kB on disk that truthfully claim a network of 16 GB."""
    with torch.device("meta"):
        model = ConvMixer(40_000, 1, 3, 2, 2)
    header, end = {}, 0
    for key, value in model.state_dict().items():
        begin, end = end, end + value.numel() * value.itemsize
        kind = "I64" if value.dtype == torch.int64 else "F32"
        header[key] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [begin, end]}
    safetensors(header)(path)
    os.truncate(path, path.stat().st_size + end)


# Work that grows much faster than the file


def tensors_under(names, first: bytes = MATRIX, slot: int = 1) -> bytes:
    """Entries that hold one tensor under many names."""
    start, *rest = names
    others = b"".join(text(each) + again(slot) for each in rest)
    return text(start) + first + keep(slot) + ITEM + MARK + others + ITEMS


def endless_wrappers() -> bytes:
    """Each of five dictionaries holds the next one under 19,000 names: 10 ** 21 ways down."""
    out = DICT + keep(1)
    for level in range(1, 6):
        one = b"".join(text(f"{i:05d}") + again(level) for i in range(19_000))
        out += DICT + keep(level + 1) + MARK + one + ITEMS
    return out


def laughs() -> bytes:
    """Lists of ten of the one before and a tensor, sixteen times over."""
    out = MATRIX + keep(1) + list_of(again(1)) + keep(2)
    for level in range(2, 18):
        out += list_of(again(level) * 10, again(1)) + keep(level + 1)
    return out


def one_list_copied_often() -> bytes:
    pairs = b"".join(tuple_of(integer(i), integer(i)) for i in range(20_000))
    args = tuple_of(list_of(pairs)) + keep(1) + name("collections.OrderedDict") + keep(2)
    return list_of(args, (again(2) + again(1) + CALL) * 100_000)


def colliding_keys() -> bytes:
    """All of these numbers have the hash 0."""
    prime = (1 << 61) - 1
    return DICT + MARK + b"".join(integer(prime * i) + NONE for i in range(1, 200_000)) + ITEMS


def candidates() -> bytes:
    one = b"".join(text(f"{i}") + DICT + text("w") + again(1) + ITEM for i in range(15_000))
    return DICT + MARK + text("first") + DICT + text("w") + MATRIX + keep(1) + ITEM + one + ITEMS


def a_long_name_before_all() -> bytes:
    """Ten dictionaries under one name of 1,000,000 letters, and 20,000 tensors in the last."""
    inside = DICT + tensors_under(map(str, range(20_000)), slot=3)
    for _ in range(9):
        inside = DICT + again(2) + inside + ITEM
    return DICT + text("a" * 1_000_000) + keep(2) + inside + ITEM


def layers() -> bytes:
    """As many layers as a file may hold, each nested in the one before as far as keys may go."""
    point = tensor((2, 2, 1, 1), (2, 1, 1, 1), storage(4))
    depth = tensor((2, 1, 1, 1), (1, 1, 1, 1), storage(2))
    places = [f"{'a.' * (i % 50)}{i}" for i in range(9_000)]
    return (DICT + tensors_under([f"{place}.a.weight" for place in places], point)
            + tensors_under([f"{place}.b.weight" for place in places], depth, 2))  # fmt: skip


# Archives that look different to different readers, and what is not a file


def end_of(central_start: int, central: int, count: int) -> bytes:
    return struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, central, central_start
    )


def two_tables_of_contents(path: Path) -> None:
    """Python's reader finds a sound network, torch's the compressed one before it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members().items():
            archive.writestr(member, data + bytes(1 << 20 if member.endswith("data/0") else 0))
        count = len(archive.filelist)
    raw = packed.getvalue()
    size, start = struct.unpack("<II", raw[-10:-2])
    first = raw[:-22] + end_of(start, size, count)
    path.write_bytes(first)
    write_zip(path, members(), "a")
    whole = path.read_bytes()
    size, start = struct.unpack("<II", whole[-10:-2])
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(first) - 56, 1)
    path.write_bytes(whole[:-22] + end_of(start, size, count) + locator + whole[-22:])


def empty_members(n: int):
    def change(archive: zipfile.ZipFile) -> None:
        for i in range(n):
            info = zipfile.ZipInfo(f"archive/data/{i:012d}")
            info.CRC, info.header_offset = 0, archive.filelist[0].header_offset
            archive.filelist.append(info)

    return tabled(change)


def surrounded(before: bytes = b"", after: bytes = b""):
    def write(path: Path) -> None:
        sound(path)
        path.write_bytes(before + path.read_bytes() + after)

    return write


def link_to(target: str):
    return lambda path: path.symlink_to(target)


def beside_config(config):
    """A sound file beside a hub's config.json that is a trap."""

    def write(path: Path) -> None:
        sound(path)
        config(path.with_name("config.json"))

    write.filename = "pytorch_model.bin"
    return write


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
HUGE = list_of(integer(10**400) * 3)
JUNK = json.dumps({"image_size": 64, "mean": [10**400] * 3, "std": [10**400] * 3})

REFUSED = {
    # what it is: how it is written, what is said
    "code alone": (code, "holds an object of class posix.system"),
    "code in a plain pickle": (plain_pickle, "plain Python pickle"),
    "an instruction that runs code": (
        beside(MARK + text("true") + b"ios\nsystem\n"), "pickle instruction INST"),
    "a bytearray of 1 TB": (beside(b"\x96" + struct.pack("<Q", 1 << 40)), "damaged"),
    "a number of 1 GB": (beside(b"\x8b" + struct.pack("<i", 1 << 30)), "damaged"),
    "a memo that is not there": (alone(again(7)), "damaged"),
    "a network that is its own part": (
        alone(new_object("torch.nn.Module", entries(_modules=DICT + entries(a=again(87))),
                         before=keep(87))), "of class torch.nn.Module, which"),
    "an activation of 1 MB": (
        beside(DICT + entries(activation=text("a." * 500_000)), "config"),
        "which torch does not have"),
    "a function for an activation": (
        beside(DICT + entries(activation=name("posix.system")), "config"),
        "the activation 'system'"),
    # sizes
    "a compressed bomb": (bomb, "data/0 is compressed"),
    "expanded view": (expanded, r"shape \(40000, 40000\) on a storage of 1 elements"),
    "storage larger than the file": (claim((1 << 40,), (1,), 1 << 40), "storage '0'"),
    "storage that is not there": (
        beside(tensor((1,), (1,), storage(1, "999"))), "storage '999'"),
    "negative offset": (claim((2, 2), (2, 1), 4, -1), "not a whole number"),
    "strides past the end": (claim((2, 2), (1 << 40, 1)), "its size is false"),
    "sizes whose product is zero in 64 bits": (
        claim((1 << 32, 1 << 32), (1, 1)), "its size is false"),
    "no elements, a huge side": (claim((1 << 62, 0), (1, 1)), "it has no convolutions"),
    "a tensor of 3,000 dimensions": (claim((1,) * 3000, (1,) * 3000), "too many dimensions"),
    "strides of another length": (claim((2, 2), (1,)), "different lengths"),
    "16 GB of holes": (sparse_giant, "more than any ConvMixer's"),
    # work
    "18,000 layers": (alone(layers()), "not a ConvMixer"),
    "wrappers without end": (alone(endless_wrappers()), "expected the tensors of a network"),
    "a billion laughs": (alone(laughs()), "does not fit"),
    "a list copied 100,000 times": (alone(one_list_copied_often()), "copies more than any"),
    "keys with one hash": (alone(colliding_keys()), "holds an empty dictionary"),
    "a tuple as a key": (
        alone(DICT + b")" + b"\x85" * 100_000 + NONE + ITEM), "holds an empty dictionary"),
    "15,000 candidates": (alone(candidates()), "does not fit is w"),
    "600,000 steps": (alone(LIST + NONE * 700_000), "more than 600,000 steps"),
    "65 MB of pickle": (alone(text("A" * (65 << 20))), "its pickle has 68,1"),
    "lists in lists, 250,000 deep": (
        alone(LIST * 250_000 + APPEND * 249_999), "holds a list"),
    "dictionaries in dictionaries": (
        alone(DICT + (text("model") + DICT) * 150_000 + ITEM * 150_000),
        "a dictionary with 'model'"),
    "a name of 1 MB before 20,000 tensors": (
        alone(a_long_name_before_all()), "a dictionary with 'aaa"),
    "a list in itself": (alone(LIST + keep(86) + again(86) + APPEND), "holds a list"),
    "a dictionary in itself": (
        alone(DICT + keep(1) + entries(state_dict=again(1))), "a dictionary with 'state_dict'"),
    # archives
    "two tables of contents": (two_tables_of_contents, "table of contents is not at its end"),
    "two pickles, told apart by case": (
        lambda path: write_zip(path, {**members(), "archive/DATA.PKL": PROTO + DICT + STOP}),
        "share a name"),
    "a member of 1 TB": (stated(file_size=1 << 40, compress_size=1 << 40), "claim 1,099,"),
    "a member of two sizes": (stated(file_size=1 << 30), "is compressed"),
    "a member that is encrypted": (stated(flag_bits=1), "is compressed"),
    "a storage past the end": (stated(header_offset=1 << 30), "damaged"),
    "a name with an end inside": (stated(filename="archive/data/0\0a"), "share a name"),
    "a second name": (
        stated(extra=struct.pack("<HHBI", 0x7075, 5, 1, zlib.crc32(b"archive/data/0"))),
        "share a name|damaged"),
    "sizes given twice": (
        stated(extra=struct.pack("<HHQ", 1, 8, 1 << 40)), "share a name|damaged"),
    "20,001 members": (empty_members(20_001), "members, more than any"),
    "150,000 members": (empty_members(150_000), "table of contents is larger"),
    "something before the archive": (
        surrounded(b"PK\x03\x04" + bytes(4000)), "not at its end"),
    "something after the archive": (surrounded(after=b"more"), "truncated"),
    "a byte order of its own": (
        lambda path: write_zip(path, {**members(), "archive/byteorder": b"odd"}), "byte order"),
    # safetensors
    "header of 1 TiB": (safetensors(b"{}", 1 << 40), "claims 1,099,511,627,776 bytes"),
    "header of 101 MB": (
        safetensors(b"{" + b" " * 101_000_000 + b"}"), "header of 101,000,002 bytes"),
    "20,001 empty tensors": (
        safetensors({str(i): EMPTY for i in range(20_001)}), "20,001 tensors"),
    "a shape that lies": (with_entry([1 << 20, 1 << 20]), r"\(1048576, 1048576\) but 4 bytes"),
    "an end past the end": (with_entry([1 << 38], (0, 1 << 40)), "after the end"),
    "a size below zero": (with_entry([-1, -1]), "header cannot be read"),
    "170,000 dimensions": (with_entry([1] * 170_000), "header cannot be read"),
    "a number of 100,000 digits": (
        safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b"]}}"), "cannot be read"),
    "lists in lists": (safetensors(b'{"a":' + b"[" * 4_000_000), "header cannot be read"),
    "a type that is not known": (with_entry([1], dtype="F31"), "type 'F31', not a known one"),
    "metadata that is no text": (
        with_entry([1], __metadata__={"a": 1}), "header cannot be read"),
    # not files
    "a pipe": (os.mkfifo, "not a regular file"),
    "endless zeros": (link_to("/dev/zero"), "not a regular file"),
    "this process's memory": (link_to("/proc/self/mem"), "cannot be read"),
}  # fmt: skip
"""Each is refused; `benchmarks/loading.py` measures that it takes little time and memory."""

LOADED = {
    "the sound network": sound,
    "code beside weights": code_beside_weights,
    **{f"call of {n}": beside(call(n, text("id"))) for n in (
        "posix.system", "torch.storage._load_from_bytes", "torch._utils._rebuild_tensor_v2x",
        "torch.float32")},
    **{what: beside(value, "config") for what, value in {
        "a dictionary's name on a call of the system": call(
            "os.system", call("collections.OrderedDict", LIST)),
        "a tensor made by another function": call(
            "torch._tensor._rebuild_from_type_v2", name("posix.system"), name("torch.Tensor"),
            tuple_of(text("id")), DICT),
        "a tensor that calls itself again": call(
            "torch._tensor._rebuild_from_type_v2", name("torch._tensor._rebuild_from_type_v2"),
            name("torch.Tensor"), tuple_of(text("id")), DICT),
        "a tensor's own attribute": call(
            "torch._utils._rebuild_parameter_with_state", MATRIX, FALSE, NONE,
            DICT + entries(__class__=NONE)),
        "a reduced object": call("copyreg._reconstructor", name("subprocess.Popen"),
                                 name("builtins.object"), text("id")),
        "settings that hold themselves": new_object(
            "omegaconf.dictconfig.DictConfig",
            entries(_content=DICT + keep(88) + entries(config=again(88)))),
        "classes by huge numbers": DICT + entries(
            id2label=DICT + entries(**{"9" * 5000: text("a"), "1": text("b")})),
        "a mapping of objects by objects": DICT + name("a.b") + NEW + name("c.d") + NEW + ITEM,
        "a setting in 400 settings": DICT + entries(**{
            f"config{i}": DICT + entries(model_config=DICT + entries(args=DICT))
            for i in range(400)}),
        "huge numbers": new_object("argparse.Namespace", entries(
            mean=HUGE, std=HUGE, img_size=integer(10**400), crop_pct=integer(-1))),
    }.items()},
    "3,000 names of 900 digits": with_items(tensors_under(
        (f"{i:06d}{'1' * 900}a1" for i in range(3_000)), slot=81)),
    "metadata with huge numbers": with_metadata(preprocessing=JUNK, config=JUNK),
    "metadata 1,000,000 lists deep": with_metadata(
        **dict.fromkeys(("config", "classes", "training", "preprocessing"), "[" * 1_000_000)),
    "metadata with 500,000 classes": with_metadata(classes=json.dumps(["a"] * 500_000)),
    "a name that acts on a terminal": with_items(text("\x1b[2J\ud800"), NONE, ITEM),
    "a pipe for config.json": beside_config(os.mkfifo),
    "nested lists for config.json": beside_config(lambda p: p.write_text("[" * 1_000_000)),
}  # fmt: skip
"""Each loads, and the trap beside the weights is left alone."""
