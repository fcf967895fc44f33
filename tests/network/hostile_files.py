"""Files made to hurt whoever opens them, put together byte by byte, and what is said of each.

Most hold a whole, sound ConvMixer, so that nothing but the hostile part can be why they are
refused; `sound` is that network alone.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path

from hostile_archives import (
    _overlapping,
    _renamed,
    _sized,
    changed,
    many_members,
    members_and,
    surrounded,
    two_tables_of_contents,
)
from hostile_parts import (
    CLOSE_NAMES,
    DICT,
    INSTRUCTIONS,
    ITEM,
    LIST,
    MARK,
    NONE,
    PRETENDERS,
    PROTO,
    STOP,
    VALUES_THAT_ARE_CALLED,
    a_block_in_every_hundred,
    a_long_name_before_all,
    again,
    alone,
    call,
    candidates,
    code_in,
    colliding_keys,
    deflated_bomb,
    endless_wrappers,
    expanded,
    integer,
    itself,
    keep,
    laughs,
    lists_of_tensors,
    members,
    name,
    names_of_digits,
    nested,
    one_list_copied_often,
    one_storage_for_all,
    one_text_copied_often,
    plain_pickle,
    sound,
    storage,
    tensor,
    tensors_with,
    text,
    twenty_thousand_layers,
    with_items,
    write_zip,
)
from hostile_safetensors import (
    empty_tensors,
    safetensors,
    sparse_giant,
    wide_header,
    with_entry,
    with_metadata,
)

# What is not a file


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to(target: str):
    return lambda path: path.symlink_to(target)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def namespace(**values: bytes) -> bytes:
    items = b"".join(text(key) + value + ITEM for key, value in values.items())
    return name("argparse.Namespace") + b")\x81" + DICT + items + b"b"


def huge_numbers() -> bytes:
    numbers = LIST + MARK + integer(10**400) * 3 + b"e"
    return namespace(mean=numbers, std=numbers, img_size=integer(10**400), crop_pct=integer(-1))


JUNK = json.dumps({"image_size": 64, "mean": [10**400] * 3, "std": [10**400] * 3})
MATRIX = tensor((2, 2), (2, 1), storage(4))

REFUSED = {
    # what it is: how it is written, what is said
    "code alone": (code_in(False), "holds an object of class posix.system"),
    "code in a plain pickle": (plain_pickle, "plain Python pickle"),
    **{what: (with_items(text("k"), code, ITEM), "damaged|larger") for what, code in
       INSTRUCTIONS.items()},
    "a network that is its own part, alone": (
        alone(PRETENDERS["a network that is its own part"]), "of class torch.nn.Module, which"),
    "18,000 layers": (twenty_thousand_layers, "not a ConvMixer"),
    **{what: (with_items(text("config"), PRETENDERS[what], ITEM), said) for what, said in {
        "an activation of 1 MB": "which torch does not have",
        "a function for an activation": "the activation 'system'",
        "a tensor whose size is an object": "damaged"}.items()},
    # sizes
    "1 GB in 1 MB": (deflated_bomb, "data/0 is compressed"),
    "expanded view": (expanded, r"shape \(40000, 40000\) on a storage of 1 elements"),
    "storage larger than the file": (tensors_with((1 << 40,), (1,), 1 << 40), "storage '0'"),
    "storage that is not there": (
        with_items(text("k"), tensor((1,), (1,), storage(1, "999")), ITEM), "storage '999'"),
    "negative offset": (tensors_with((2, 2), (2, 1), 4, -1), "not a whole number"),
    "offset past the end": (tensors_with((2, 2), (2, 1), 4, 1), "its size is false"),
    "strides past the end": (tensors_with((2, 2), (1 << 40, 1)), "its size is false"),
    "stride zero": (tensors_with((1 << 20, 1 << 20), (0, 0)), "expanded view"),
    "sizes whose product is zero in 64 bits": (
        tensors_with((1 << 32, 1 << 32), (1, 1)), "its size is false"),
    "no elements, a huge side": (tensors_with((1 << 62, 0), (1, 1)), "it has no convolutions"),
    "a tensor of 3,000 dimensions": (tensors_with((1,) * 3000, (1,) * 3000), "damaged"),
    "strides of another length": (tensors_with((2, 2), (1,)), "different lengths"),
    "one storage for all weights": (one_storage_for_all, "share storage|used for two places"),
    "16 GB of holes": (sparse_giant, "more than any ConvMixer's"),
    # work
    "wrappers without end": (alone(endless_wrappers()), "expected the tensors of a network"),
    "a billion laughs": (alone(laughs()), "holds a list"),
    "a text copied 50,000 times": (alone(one_text_copied_often()), "holds a list"),
    "a list copied 100,000 times": (alone(one_list_copied_often()), "copies more than any"),
    "keys with one hash": (alone(colliding_keys()), "holds an? (empty )?dictionary"),
    "15,000 candidates": (candidates, "does not fit is w"),
    "1,000 blocks with holes": (a_block_in_every_hundred, "499 pointwise"),
    "600,000 steps": (alone(LIST + NONE * 700_000 + STOP), "more than 600,000 steps"),
    "65 MB of pickle": (alone(text("A" * (65 << 20))), "its pickle has 68,1"),
    "lists in lists, 250,000 deep": (alone(nested(LIST, b"a", 250_000)), "holds a list"),
    "dictionaries in dictionaries": (
        alone(DICT + (text("model") + DICT) * 150_000 + ITEM * 150_000),
        "a dictionary with 'model'"),
    "a tuple as a key": (
        alone(DICT + b")" + b"\x85" * 100_000 + NONE + ITEM), "holds an empty dictionary"),
    "a name of 1 MB before 20,000 tensors": (a_long_name_before_all, "a dictionary with 'aaa"),
    "lists of lists of tensors": (lists_of_tensors, "does not fit"),
    "a list in itself, alone": (alone(PRETENDERS["a list in itself"]), "holds a list"),
    "a dictionary in itself": (alone(itself()), "a dictionary with 'state_dict'"),
    "an empty stack": (alone(b"s"), "damaged"),
    "a memo that is not there": (alone(again(7)), "damaged"),
    "more marks than ends": (alone(MARK * 1000), "damaged"),
    "a text that is not UTF-8": (alone(b"X\x02\x00\x00\x00\xff\xfe"), "damaged"),
    # archives
    "two tables of contents": (two_tables_of_contents, "table of contents is not at its end"),
    "two pickles, told apart by case": (
        members_and({"x/DATA.PKL": PROTO + DICT + STOP}), "share a name"),
    "a member twice": (
        changed(lambda infos, archive: archive.filelist.append(infos["x/data/0"])), "share a name"),
    "500 members in one place": (changed(_overlapping), "claim .* bytes in a file of"),
    "a member of 1 TB": (
        _sized("x/data/0", file_size=1 << 40, compress_size=1 << 40), "claim 1,099,"),
    "a member of two sizes": (_sized("x/data/0", file_size=1 << 30), "is compressed"),
    "a member that is encrypted": (_sized("x/data/0", flag_bits=1), "is compressed"),
    "a storage past the end": (_sized("x/data/0", header_offset=1 << 30), "damaged"),
    "a name with an end inside": (_renamed("x/data/0", filename="x/data/0\0a"), "share a name"),
    "a second name": (
        _renamed("x/data/0", extra=struct.pack("<HHBI", 0x7075, 5, 1, zlib.crc32(b"x/data/0"))),
        "share a name|damaged"),
    "sizes given twice": (
        _renamed("x/data/0", extra=struct.pack("<HHQ", 1, 8, 1 << 40)), "share a name|damaged"),
    "20,001 members": (many_members(20_001), "20,002 members"),
    "150,000 members": (many_members(150_000), "table of contents is larger"),
    "something before the archive": (
        surrounded(b"PK\x03\x04" + bytes(4000)), "not at its end"),
    "something after the archive": (surrounded(after=b"more"), "truncated"),
    "a byte order of its own": (
        lambda path: write_zip(path, {**members(b""), "x/byteorder": b"odd"}), "byte order"),
    # safetensors
    "header of 1 TiB": (safetensors(b"{}", n=1 << 40), "claims 1,099,511,627,776 bytes"),
    "header of 101 MB": (wide_header, "header of 101,000,002 bytes"),
    "60,000 empty tensors": (lambda path: empty_tensors(path, 60_000), "60,000 tensors"),
    "a shape that lies": (with_entry([1 << 20, 1 << 20]), r"\(1048576, 1048576\) but 4 bytes"),
    "an end past the end": (with_entry([1 << 38], (0, 1 << 40)), "after the end"),
    "a start after its end": (with_entry([1], (8, 4)), "not read"),
    "a size below zero": (with_entry([-1, -1]), "header cannot be read"),
    "a size that is true": (with_entry([True, True]), "header cannot be read"),
    "300,000 dimensions": (with_entry([(1 << 62)] * 170_000), "header cannot be read"),
    "a number of 100,000 digits": (
        safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b"]}}"), "cannot be read"),
    "lists in lists": (safetensors(b'{"a":' + b"[" * 4_000_000), "header cannot be read"),
    "a type that is not known": (with_entry([1], dtype="F31"), "type 'F31', not a known one"),
    "a type that is no text": (with_entry([1], dtype=["F32"]), "header cannot be read"),
    "a list of tensors": (safetensors([1, 2]), "neither"),
    "metadata that is no text": (
        with_entry([1], __metadata__={"a": 1}), "header cannot be read"),
    # not files
    "a pipe": (pipe, "not a regular file"),
    "endless zeros": (link_to("/dev/zero"), "not a regular file"),
    "this process's memory": (link_to("/proc/self/mem"), "cannot be read"),
    "this process's surroundings": (link_to("/proc/self/environ"), "neither|text"),
    "a link to itself": (link_to_itself, "cannot be read .*symbolic links"),
}  # fmt: skip
"""Each is refused; `benchmarks/loading.py` measures that it takes little time and memory."""


def folder_with(config):
    """A file beside a hub's config.json that is a trap."""

    def write(path: Path) -> None:
        sound(path)
        config(path.with_name("config.json"))

    write.filename = "pytorch_model.bin"
    return write


LOADED = {
    "the sound network": sound,
    "code beside weights": code_in(True),
    **{f"name {n}": with_items(text("k"), call(n, text("id")), ITEM) for n in CLOSE_NAMES},
    **{f"call of {n}": with_items(text("k"), call(n, text("id")), ITEM)
       for n in VALUES_THAT_ARE_CALLED},
    **{what: with_items(text("config"), code, ITEM) for what, code in PRETENDERS.items()
       if what not in ("an activation of 1 MB", "a function for an activation",
                       "a tensor whose size is an object")},
    "10,000 names of 900 digits": with_items(names_of_digits()),
    "bytearray of 10 GB": with_items(
        text("k"), call("builtins.bytearray", integer(10**10)), ITEM),
    "numpy type with fields": with_items(
        text("k"), call("numpy.dtype", text("V999999999")), ITEM),
    "a tensor's own attribute": with_items(
        text("k"), call("torch._utils._rebuild_parameter_with_state", MATRIX, b"\x89", NONE,
                        DICT + text("__class__") + NONE + ITEM), ITEM),
    "arguments with tensors": with_items(text("args"), namespace(a=MATRIX, b=MATRIX), ITEM),
    "arguments with huge numbers": with_items(text("args"), huge_numbers(), ITEM),
    "arguments in themselves": with_items(
        text("args"), name("argparse.Namespace") + b")\x81" + keep(9) + DICT + text("args")
        + again(9) + ITEM + b"b", ITEM),
    "metadata with huge numbers": with_metadata(preprocessing=JUNK, config=JUNK),
    "metadata 1,000,000 lists deep": with_metadata(
        **dict.fromkeys(("config", "classes", "training", "preprocessing"), "[" * 1_000_000)),
    "metadata with 500,000 classes": with_metadata(classes=json.dumps(["a"] * 500_000)),
    "metadata of 1.3 million lists": with_metadata(training=f'{{"a": [{"[]," * 1_300_000}0]}}'),
    "a name that acts on a terminal": with_items(text("\x1b[2J\ud800"), NONE, ITEM),
    "a pipe for config.json": folder_with(pipe),
    "endless zeros for config.json": folder_with(link_to("/dev/zero")),
    "nested lists for config.json": folder_with(lambda p: p.write_text("[" * 1_000_000)),
}  # fmt: skip
"""Each loads, and the trap beside the weights is left alone."""
