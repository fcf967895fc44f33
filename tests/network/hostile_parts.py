"""Files put together byte by byte: pickles, archives of torch.save, safetensors."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from foreign_networks import official

PROTO, STOP = b"\x80\x02", b"."
MARK, DICT, ITEM, ITEMS, LIST, CALL, NONE = b"(", b"}", b"s", b"u", b"]", b"R", b"N"


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


def name(dotted: str) -> bytes:
    module, _, last = dotted.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def keep(slot: int) -> bytes:
    return b"r" + struct.pack("<I", slot)


def again(slot: int) -> bytes:
    return b"j" + struct.pack("<I", slot)


def call(function: str, *args: bytes) -> bytes:
    return name(function) + tuple_of(*args) + CALL


def storage(numel: int, key: str = "0", kind: str = "torch.FloatStorage") -> bytes:
    parts = [text("storage"), name(kind), text(key), text("cpu"), integer(numel)]
    return tuple_of(*parts) + b"Q"


def tensor(shape, strides, stored: bytes, offset: int = 0) -> bytes:
    hooks = name("collections.OrderedDict") + b")R"
    sizes = [tuple_of(*map(integer, v)) for v in (shape, strides)]
    return call("torch._utils._rebuild_tensor_v2", stored, integer(offset), *sizes, b"\x89", hooks)


KINDS = {np.dtype("f4"): "torch.FloatStorage", np.dtype("i8"): "torch.LongStorage"}


def network() -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    state = official(dim=4, depth=1, k=3, p=2, n=2).state_dict()
    return {k: v.numpy() for k, v in state.items()}


def state_items(arrays) -> bytes:
    """The network's entries, for a dictionary that is on the stack."""
    out = b""
    for key, (label, array) in enumerate(arrays.items()):
        strides = [s // array.itemsize for s in array.strides]
        stored = storage(array.size, str(key), KINDS[array.dtype])
        out += text(label) + tensor(array.shape, strides, stored) + ITEM
    return out


def members(items: bytes, arrays=None) -> dict[str, bytes]:
    arrays = network() if arrays is None else arrays
    data = {f"x/data/{i}": a.tobytes() for i, a in enumerate(arrays.values())}
    whole = PROTO + DICT + state_items(arrays) + items + STOP
    return {"x/data.pkl": whole, "x/byteorder": b"little", **data, "x/version": b"3\n"}


def write_zip(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in content.items():
            archive.writestr(member, data)


def with_items(*items: bytes):
    """A file with the sound network and more entries."""
    return lambda path: write_zip(path, members(b"".join(items)))


def alone(value: bytes, data: bytes = b""):
    """A file that holds one object."""
    content = {"x/data.pkl": PROTO + value + STOP, "x/data/0": data, "x/version": b"3\n"}
    return lambda path: write_zip(path, content)


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


def code_in(beside: bool):
    def write(path: Path) -> None:
        weights = {k: torch.from_numpy(v.copy()) for k, v in network().items()}
        content = {"model": weights, "hook": Runs(marks(path))} if beside else Runs(marks(path))
        torch.save(content, path)

    return write


CLOSE_NAMES = [
    "argparse.Namespace.__init__",
    "builtins.getattr",
    "collections.OrderedDict.fromkeys",
    "copyreg._reconstructor",
    "numpy.core.multiarray.fromfile",
    "posix.system",
    "torch.load",
    "torch.storage._load_from_bytes",
    "torch.storage.storage.FloatStorage",
    "torch._utils._rebuild_tensor_v2x",
]
VALUES_THAT_ARE_CALLED = ["torch.float32", "torch.Tensor"]
INSTRUCTIONS = {
    "an instance": MARK + text("true") + b"ios\nsystem\n",
    "an object": MARK + name("torch.Tensor") + b"o",
    "an extension": b"\x82\x01",
    "a text persistent reference": b"Pstorage\n",
    "a bytearray": b"\x96" + struct.pack("<Q", 1 << 40),
    "a long text": b"\x8d" + struct.pack("<Q", 1 << 40),
    "a huge number": b"\x8b" + struct.pack("<i", 1 << 30),
    "a text of 4 GB": b"X\xff\xff\xff\xff",
    "a copy of the top": b"2",
}


# Claims about sizes


def deflated_bomb(path: Path, size: int = 1 << 30) -> None:
    """About 1 MB that unpack to 1 GB of zeros, a sound tensor as far as torch can tell."""
    block, deflate = bytes(1 << 20), zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    more = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    n = size // len(block)
    packed = first + more * (n - 1) + deflate.flush(zlib.Z_FINISH)
    shape = (size // 4 // 1024, 1024)
    content = PROTO + DICT + text("0.weight") + tensor(shape, (1024, 1), storage(size // 4)) + ITEM
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", content + STOP)
        archive.writestr("x/version", b"3\n")
        archive.writestr("x/byteorder", b"little")
        archive.writestr("x/data/0", packed)
        info = archive.filelist[-1]
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, size
    data = path.read_bytes()
    # The local header says the same as the table of contents.
    at = info.header_offset
    head = struct.pack("<H", 8)
    data = (
        data[: at + 8] + head + data[at + 10 : at + 22] + struct.pack("<I", size) + data[at + 26 :]
    )
    path.write_bytes(data)


def expanded(path: Path) -> None:
    torch.save({"0.weight": torch.zeros(1).expand(40_000, 40_000)}, path)


def tensors_with(shape, strides, numel=4, offset=0):
    return alone(
        DICT + text("0.weight") + tensor(shape, strides, storage(numel), offset) + ITEM, bytes(16)
    )


def one_storage_for_all(path: Path) -> None:
    """Each weight is the whole of one storage: 20 kB that claim to be megabytes."""
    flat = torch.zeros(64 * 64)
    state = official(dim=64, depth=60, k=1, p=1, n=64, c=64).state_dict()
    torch.save({k: flat[: v.numel()].view(v.shape) if v.numel() > 1 else v
                for k, v in state.items()}, path)  # fmt: skip


# Work that grows much faster than the file


def endless_wrappers() -> bytes:
    """Each of five dictionaries holds the next one under 19,000 names: 10 ** 21 ways down."""
    out = DICT + keep(1)
    for level in range(1, 6):
        one = b"".join(text(f"{i:05d}") + again(level) for i in range(19_000))
        out += DICT + keep(level + 1) + MARK + one + ITEMS
    return out


def laughs() -> bytes:
    """Lists of ten of the one before, sixteen times over."""
    out = LIST + MARK + text("lol") * 10 + b"e" + keep(1)
    for level in range(1, 16):
        out += LIST + keep(level + 1) + MARK + again(level) * 10 + b"e"
    return out


def one_text_copied_often() -> bytes:
    args = tuple_of(text("A" * 1_000_000), text("latin1")) + keep(1)
    encode = name("_codecs.encode") + keep(2)
    return LIST + MARK + args + encode + (again(2) + again(1) + CALL) * 50_000 + b"e"


def one_list_copied_often() -> bytes:
    pairs = b"".join(tuple_of(integer(i), integer(i)) for i in range(20_000))
    args = tuple_of(LIST + MARK + pairs + b"e") + keep(1)
    make = name("collections.OrderedDict") + keep(2)
    return LIST + MARK + args + make + (again(2) + again(1) + CALL) * 100_000 + b"e"


def colliding_keys() -> bytes:
    """All of these numbers have the hash 0."""
    prime = (1 << 61) - 1
    return DICT + MARK + b"".join(integer(prime * i) + NONE for i in range(1, 200_000)) + ITEMS


def candidates(path: Path) -> None:
    matrix = tensor((2, 2), (2, 1), storage(4)) + keep(1)
    one = b"".join(text(f"{i}") + DICT + text("w") + again(1) + ITEM for i in range(15_000))
    first = text("first") + DICT + text("w") + matrix + ITEM
    alone(DICT + MARK + first + one + ITEMS, bytes(16))(path)


def a_block_in_every_hundred(path: Path) -> None:
    """A thousand blocks of one tensor each: 13,000 are missing."""
    matrix = tensor((1, 1, 1, 1), (1, 1, 1, 1), storage(1)) + keep(1)
    keys = [f"blocks.{i}.pointwise.weight" for i in range(1000)]
    one = b"".join(text(k) + again(1) for k in keys[1:])
    alone(DICT + text(keys[0]) + matrix + ITEM + MARK + one + ITEMS, bytes(4))(path)


def nested(open_: bytes, close: bytes, n: int) -> bytes:
    return open_ * n + close * (n - 1)


def a_long_name_before_all(path: Path) -> None:
    """Ten dictionaries under one name of 1,000,000 letters, and 20,000 tensors in the last."""
    first = tensor((2, 2), (2, 1), storage(4)) + keep(1)
    long = text("a" * 1_000_000) + keep(2)
    one = text("0") + first + ITEM + b"".join(text(f"{i}") + again(1) + ITEM for i in range(20_000))
    inside = DICT + one
    for _ in range(9):
        inside = DICT + again(2) + inside + ITEM
    alone(DICT + long + inside + ITEM, bytes(16))(path)


def names_of_digits() -> bytes:
    """10,000 names that are a run of 900 digits, then a letter and a digit."""
    first = text("0" * 900 + "b2") + tensor((2,), (1,), storage(2)) + keep(81) + ITEM
    names = (text(f"{i:06d}" + "1" * 900 + "a1") + again(81) for i in range(10_000))
    return first + MARK + b"".join(names) + ITEMS


def lists_of_tensors(path: Path) -> None:
    """Lists that hold the one before ten times, and a tensor."""
    out = LIST + MARK + tensor((2, 2), (2, 1), storage(4)) + keep(1) + b"e" + keep(2)
    for level in range(2, 40):
        out += LIST + keep(level + 1) + MARK + again(level) * 10 + again(1) + b"e"
    alone(out, bytes(16))(path)


def itself() -> bytes:
    """A dictionary that is its own state dict."""
    return DICT + keep(1) + text("state_dict") + again(1) + ITEM


# Objects that pretend to be harmless


def new_object(kind: str, attributes: bytes = b"", items: bytes = b"") -> bytes:
    """An object of any class, with items and attributes set afterwards."""
    out = name(kind) + b")\x81" + items
    return out + (DICT + attributes + b"b" if attributes else b"")


def setting(**values: bytes) -> bytes:
    return b"".join(text(key) + value + ITEM for key, value in values.items())


PRETENDERS = {
    "a dictionary's name on a call of the system": call(
        "os.system", call("collections.OrderedDict", LIST)),
    "a tensor whose size is an object": call(
        "torch._utils._rebuild_tensor_v2", storage(4), integer(0),
        new_object("torch.Size"), tuple_of(integer(1)), b"\x89", NONE),
    "a tensor made by another function": call(
        "torch._tensor._rebuild_from_type_v2", name("posix.system"), name("torch.Tensor"),
        tuple_of(text("id")), DICT),
    "a tensor that calls itself again": call(
        "torch._tensor._rebuild_from_type_v2", name("torch._tensor._rebuild_from_type_v2"),
        name("torch.Tensor"), tuple_of(text("id")), DICT),
    "a reduced object": call("copyreg._reconstructor", name("subprocess.Popen"),
                             name("builtins.object"), text("id")),
    "settings that hold themselves": new_object("omegaconf.dictconfig.DictConfig", setting(
        _content=DICT + keep(88) + text("config") + again(88) + ITEM)),
    "an activation of 1 MB": DICT + setting(activation=text("a." * 500_000)),
    "a function for an activation": DICT + setting(activation=name("posix.system")),
    "classes by huge numbers": DICT + setting(
        id2label=DICT + text("9" * 5000) + text("a") + ITEM + text("1") + text("b") + ITEM),
    "a network that is its own part": new_object("torch.nn.Module", keep(87) + setting(
        _modules=DICT + text("a") + again(87) + ITEM)),
    "a list in itself": LIST + keep(86) + again(86) + b"a",
    "a mapping of objects by objects": DICT + new_object("a.b") + new_object("c.d") + ITEM,
    "a setting in 400 settings": DICT + b"".join(
        text(f"config{i}") + DICT + setting(model_config=DICT + setting(args=DICT)) + ITEM
        for i in range(400)),
}  # fmt: skip
"""Beside the sound network each is skipped: nothing is called, nothing grows."""


def twenty_thousand_layers(path: Path) -> None:
    """As many layers as a file may hold, each nested in the one before as far as keys may go."""
    point, depth = tensor((2, 2, 1, 1), (2, 1, 1, 1), storage(4)), tensor(
        (2, 1, 1, 1), (1, 1, 1, 1), storage(2))  # fmt: skip
    items = text("0.weight") + point + keep(1) + ITEM + text("1.weight") + depth + keep(2) + ITEM
    for i in range(9_000):
        deep = "a." * (i % 50)
        items += text(f"{deep}{i}.a.weight") + again(1) + ITEM
        items += text(f"{deep}{i}.b.weight") + again(2) + ITEM
    alone(DICT + items, bytes(16))(path)
