"""Reading what a checkpoint's pickle describes, opcode by opcode, without building any of it.

Tensors become `TensorRecord`; every class, function and object a stand-in that holds its name: no
code is run, and nothing is allocated because the pickle asks for it.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from io import BytesIO
from typing import Any

from viz.network.archives import Archive
from viz.network.guards import DTYPE_BYTES, CheckpointError
from viz.network.stand_ins import CALLS, Malformed, Name, StoredData, Thing, plain_key, storage_of

_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Modules by the names they had in Python 2."""
MAX_OPCODES = 600_000
"""Most steps of a pickle, about a second of reading; 2,000 tensors take 80,000."""


class _Walker:
    """A pickle machine that builds records, plain values and stand-ins only."""

    def __init__(self, storages: dict[str, int]) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.work = 0

    def walk(self, pickle: bytes) -> Any:
        """Return the object that the pickle describes."""
        for steps, (opcode, arg, _) in enumerate(pickletools.genops(BytesIO(pickle)), 1):
            if steps > MAX_OPCODES:
                raise CheckpointError(
                    f"its pickle has more than {MAX_OPCODES:,} steps, more than any checkpoint's"
                )
            if opcode.name == "STOP":
                return self.stack.pop()
            step = _STEPS.get(opcode.name)
            if step is None:
                raise Malformed(f"the pickle instruction {opcode.name}")
            step(self, arg)
        raise Malformed("no end")

    def push(self, value: Any) -> None:
        """Put an item on top."""
        self.stack.append(value)

    def pop_mark(self) -> list[Any]:
        """Return the items since the last mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def mark(self, arg: Any) -> None:
        """Open a group of items."""
        self.marks.append(self.stack)
        self.stack = []

    def pop(self, arg: Any) -> None:
        """Forget the item on top, or an empty group."""
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def name(self, arg: str) -> None:
        """Push a class or function, by its name alone."""
        module, _, name = arg.partition(" ")
        self.stack.append(Name(f"{_RENAMED.get(module, module)}.{name}"))

    def name_from_stack(self, arg: Any) -> None:
        """Push a class or function whose name lies on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise Malformed("a name that is no text")
        self.name(f"{module} {name}")

    def call(self, arg: Any) -> None:
        """Stand in for what a function would return."""
        args, function = self.stack.pop(), self.stack.pop()
        if not isinstance(args, tuple):
            raise Malformed("arguments that are not a tuple")
        known = CALLS.get(function.name) if isinstance(function, Name) else None
        if known is None:
            name = function.name if isinstance(function, (Name, Thing)) else "something"
            self.stack.append(Thing(name, args))
            return
        # One long list can be passed to any number of calls; each would copy it.
        self.work += 1 + sum(len(a) for a in args if isinstance(a, (tuple, list, dict)))
        if self.work > MAX_OPCODES:
            raise CheckpointError("its pickle copies more than any checkpoint's")
        self.stack.append(known(*args))

    def new(self, arg: Any) -> None:
        """Stand in for a new object."""
        args, kind = self.stack.pop(), self.stack.pop()
        name = kind.name if isinstance(kind, Name) else "something"
        empty = name == "collections.OrderedDict"
        self.stack.append({} if empty else Thing(name, args if isinstance(args, tuple) else ()))

    def new_with_names(self, arg: Any) -> None:
        """Stand in for a new object made with named arguments."""
        self.stack.pop()
        self.new(arg)

    def build(self, arg: Any) -> None:
        """Note an object's attributes; slots come second of a pair, a partial's are four."""
        state, thing = self.stack.pop(), self.stack[-1]
        if isinstance(thing, Thing):
            if isinstance(state, tuple) and len(state) == 4:
                thing.entries = list(state)
            for part in state[::-1] if isinstance(state, tuple) and len(state) == 2 else (state,):
                thing.attributes = part if isinstance(part, dict) and part else thing.attributes

    def persistent(self, arg: Any) -> None:
        """Push a storage, checked against what the file holds."""
        saved = self.stack.pop()
        if (
            not isinstance(saved, tuple)
            or len(saved) < 5
            or saved[0] not in ("storage", b"storage")
        ):
            raise Malformed("a reference to something other than a storage")
        found = storage_of(saved)
        if isinstance(found, StoredData):
            claimed = found.numel * DTYPE_BYTES[found.dtype]
            held = self.storages.get(found.key, -1)
            if claimed > held:
                raise CheckpointError(
                    f"claims {claimed:,} bytes for storage {found.key!r}, which has "
                    f"{max(held, 0):,}"
                )
        self.stack.append(found)

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values into the dictionary on top."""
        target = self.stack[-1]
        target = target.items if isinstance(target, Thing) else target
        if not isinstance(target, dict):
            raise Malformed("items for something that is not a dictionary")
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((key, value) for key, value in pairs if plain_key(key))

    def append(self, items: list[Any]) -> None:
        """Put items into the list on top."""
        target = self.stack[-1]
        target = target.entries if isinstance(target, Thing) else target
        if not isinstance(target, list):
            raise Malformed("items for something that is not a list")
        target.extend(items)

    def group(self, n: int) -> None:
        """Make a tuple of the last n items."""
        items = tuple(self.stack[-n:])
        if len(items) < n:
            raise Malformed("too few items")
        self.stack[-n:] = [items]

    def remember(self, arg: int | None) -> None:
        """Note the item on top."""
        self.memo[len(self.memo) if arg is None else arg] = self.stack[-1]


_STEPS: dict[str, Callable[[_Walker, Any], object]] = {
    "PROTO": lambda w, a: None,
    "FRAME": lambda w, a: None,
    "GLOBAL": _Walker.name,
    "STACK_GLOBAL": _Walker.name_from_stack,
    "REDUCE": _Walker.call,
    "NEWOBJ": _Walker.new,
    "NEWOBJ_EX": _Walker.new_with_names,
    "BUILD": _Walker.build,
    "BINPERSID": _Walker.persistent,
    "MARK": _Walker.mark,
    "POP": _Walker.pop,
    "POP_MARK": lambda w, a: w.pop_mark(),
    "APPEND": lambda w, a: w.append([w.stack.pop()]),
    "APPENDS": lambda w, a: w.append(w.pop_mark()),
    "ADDITEMS": lambda w, a: w.append(w.pop_mark()),
    "SETITEM": lambda w, a: w.set_items([w.stack.pop(-2), w.stack.pop()]),
    "SETITEMS": lambda w, a: w.set_items(w.pop_mark()),
    **dict.fromkeys(("TUPLE", "FROZENSET"), lambda w, a: w.push(tuple(w.pop_mark()))),
    "TUPLE1": lambda w, a: w.group(1),
    "TUPLE2": lambda w, a: w.group(2),
    "TUPLE3": lambda w, a: w.group(3),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Walker.remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda w, a: w.push(w.memo[a])),
    "NONE": lambda w, a: w.push(None),
    "NEWTRUE": lambda w, a: w.push(True),
    "NEWFALSE": lambda w, a: w.push(False),
    "EMPTY_TUPLE": lambda w, a: w.push(()),
    "EMPTY_DICT": lambda w, a: w.push({}),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), lambda w, a: w.push([])),
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "LONG4", "SHORT_BINSTRING",
         "BINSTRING", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "BINUNICODE",
         "SHORT_BINUNICODE", "BINUNICODE8"), _Walker.push),
}  # fmt: skip


def scan_zip(archive: Archive, label: str) -> Any:
    """Return what an archive's pickle describes."""
    try:
        return _Walker(archive.storages).walk(archive.pickle)
    except CheckpointError as error:
        raise CheckpointError(f"{label}: {error}; not read.") from None
    except Exception as error:
        what = str(error) if isinstance(error, Malformed) else type(error).__name__
        raise CheckpointError(
            f"{label}: damaged, or not written by torch.save with its default settings ({what}); "
            "save it again with torch.save."
        ) from None
