"""Reading what a checkpoint's pickle describes, without building any of it.

torch's weights-only unpickler executes nothing, but it allocates what the pickle asks for: a
``bytearray(10 ** 10)``, a tensor larger than its storage. So the pickle is first walked here,
opcode by opcode, with tensors as `TensorRecord` and every other object as an inert stand-in.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

from viz.model.archives import Archive
from viz.model.guards import DTYPE_BYTES, CheckpointError, export_line
from viz.model.stand_ins import (
    CALLS,
    RENAMED,
    STORAGE_NAME,
    STORAGES,
    VALUES,
    Malformed,
    Name,
    StoredData,
    Thing,
    plain_dtype_state,
    plain_key,
    storage_of,
)

__all__ = ["Walker", "scan_zip", "walk"]

_A_NETWORK = re.compile(r"(\w*_)?(model|network|net|module|ema)(_\w*)?")
MAX_OPCODES = 600_000
"""Most steps of a pickle, about a second of reading; 2,000 tensors take 80,000."""


class Walker:
    """A pickle machine that builds records and plain values only.

    Parameters
    ----------
    storage : callable
        From a persistent id to the storage it names, checked against what the file holds.
    """

    def __init__(self, storage: Callable[[tuple[Any, ...]], StoredData]) -> None:
        self.storage = storage
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.work = 0

    def walk(self, file: Any) -> Any:
        """Return the object that the pickle describes."""
        for steps, (opcode, arg, _) in enumerate(pickletools.genops(file), 1):
            if steps > MAX_OPCODES:
                raise CheckpointError(
                    f"its pickle has more than {MAX_OPCODES:,} steps, more than any checkpoint's"
                )
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            step = _STEPS.get(name)
            if step is None:
                raise Malformed(f"the pickle instruction {name}")
            step(self, arg)
        raise Malformed("no end")

    def pop_mark(self) -> list[Any]:
        """Return the items since the last mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def mark(self, arg: Any) -> None:
        """Open a group of items."""
        self.marks.append(self.stack)
        self.stack = []

    def place(self) -> str | None:
        """Return how to reach the next object if it may be a network, else None."""
        # Before 1.6, torch wrote a network's class as a reference ("module", class, ...).
        own = [] if self.stack == ["module"] else self.stack
        above = [item for items in (*self.marks, own) for item in items]
        if not above:
            return ""
        plain = not any(isinstance(item, (Name, dict)) for item in above[1:])
        if plain and isinstance(above[0], dict) and len(above) % 2 == 0:
            key = above[-1]
            if isinstance(key, str) and _A_NETWORK.fullmatch(key):
                return f"[{key!r}]"
        return None

    def name(self, arg: str) -> None:
        """Push what a name stands for, if it is one of the harmless ones."""
        module, _, name = arg.partition(" ")
        for old, new in RENAMED.items():
            if module == old or module.startswith(f"{old}."):
                module = new + module[len(old) :]
        full = f"{module}.{name}"
        storage = STORAGE_NAME.fullmatch(full)
        known = storage and storage[1] in STORAGES
        if not known and full not in CALLS and not VALUES.fullmatch(full):
            raise _Forbidden(full, self.place())
        self.stack.append(Name(full))

    def call(self, arg: Any) -> None:
        """Apply a name to its arguments."""
        args, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or function.name not in CALLS:
            raise Malformed("a call of something that is not a function")
        # One long text can be passed to any number of calls; each would copy it.
        self.work += _length(args)
        if self.work > MAX_OPCODES:
            raise CheckpointError("its pickle copies more than any checkpoint's")
        self.stack.append(CALLS[function.name](*args))

    def new(self, arg: Any) -> None:
        """Make an empty object."""
        args, kind = self.stack.pop(), self.stack.pop()
        if kind == Name("collections.OrderedDict") and not args:
            self.stack.append({})
        elif kind == Name("argparse.Namespace") and not args:
            self.stack.append(Thing("argparse.Namespace"))
        elif isinstance(kind, Name) and kind.name.startswith("numpy.dtypes.") and not args:
            self.stack.append(Thing("numpy.dtype"))
        else:
            raise Malformed("a new object of an unusual kind")

    def build(self, arg: Any) -> None:
        """Give an object its attributes."""
        state, thing = self.stack.pop(), self.stack[-1]
        if isinstance(thing, dict):
            return
        if not isinstance(thing, Thing):
            raise Malformed("attributes for something that has none")
        if thing.name == "argparse.Namespace" and isinstance(state, dict):
            thing.attributes.update({k: v for k, v in state.items() if isinstance(k, str)})
        elif thing.name != "numpy.dtype" or not plain_dtype_state(state):
            raise Malformed("an unusual state")

    def persistent(self, arg: Any) -> None:
        """Push a storage."""
        saved = self.stack.pop()
        if not isinstance(saved, tuple) or len(saved) < 5:
            raise Malformed("an unusual reference")
        if saved[0] not in ("storage", b"storage"):
            raise Malformed("a reference to something other than a storage")
        self.stack.append(self.storage(saved))

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values into the dictionary on top."""
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise Malformed("items for something that is not a dictionary")
        target.update(zip(map(plain_key, items[::2]), items[1::2], strict=True))

    def append(self, items: list[Any]) -> None:
        """Put items into the list on top."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise Malformed("items for something that is not a list")
        target.extend(items)

    def group_marked(self, arg: Any) -> None:
        """Make a tuple of the items since the last mark."""
        items = tuple(self.pop_mark())
        self.stack.append(items)

    def group(self, n: int) -> None:
        """Make a tuple of the last n items."""
        items = tuple(self.stack[-n:])
        if len(items) < n:
            raise Malformed("too few items")
        self.stack[-n:] = [items]

    def remember(self, arg: int) -> None:
        """Note the item on top."""
        self.memo[arg] = self.stack[-1]


def _length(args: Any) -> int:
    """Return about how many steps it takes to look at a call's arguments."""
    if not isinstance(args, tuple):
        raise Malformed("arguments that are not a tuple")
    n = len(args)
    for value in args:
        if isinstance(value, (str, bytes)):
            n += len(value) // 32
        elif isinstance(value, (tuple, list, dict, set)):
            n += len(value)
    return n


class _Forbidden(Exception):
    """A name that is neither a tensor's nor a plain value's."""

    def __init__(self, name: str, place: str | None) -> None:
        super().__init__(name)
        self.name, self.place = name, place


def _push(value: Callable[[], Any]) -> Callable[[Walker, Any], None]:
    return lambda walker, arg: walker.stack.append(value())


def _push_arg(walker: Walker, arg: Any) -> None:
    walker.stack.append(arg)


_STEPS: dict[str, Callable[[Walker, Any], None]] = {
    "PROTO": lambda w, a: None,
    "GLOBAL": Walker.name,
    "REDUCE": Walker.call,
    "NEWOBJ": Walker.new,
    "BUILD": Walker.build,
    "BINPERSID": Walker.persistent,
    "MARK": Walker.mark,
    "APPEND": lambda w, a: w.append([w.stack.pop()]),
    "APPENDS": lambda w, a: w.append(w.pop_mark()),
    "SETITEM": lambda w, a: w.set_items([w.stack.pop(-2), w.stack.pop()]),
    "SETITEMS": lambda w, a: w.set_items(w.pop_mark()),
    "TUPLE": Walker.group_marked,
    "TUPLE1": lambda w, a: w.group(1),
    "TUPLE2": lambda w, a: w.group(2),
    "TUPLE3": lambda w, a: w.group(3),
    "BINPUT": Walker.remember,
    "LONG_BINPUT": Walker.remember,
    "BINGET": lambda w, a: w.stack.append(w.memo[a]),
    "LONG_BINGET": lambda w, a: w.stack.append(w.memo[a]),
    "NONE": _push(lambda: None),
    "NEWTRUE": _push(lambda: True),
    "NEWFALSE": _push(lambda: False),
    "EMPTY_TUPLE": _push(tuple),
    "EMPTY_LIST": _push(list),
    "EMPTY_DICT": _push(dict),
    "EMPTY_SET": _push(set),
    "BININT": _push_arg,
    "BININT1": _push_arg,
    "BININT2": _push_arg,
    "BINFLOAT": _push_arg,
    "BINUNICODE": _push_arg,
    "SHORT_BINSTRING": _push_arg,
    "LONG1": _push_arg,
}


def walk(walker: Walker, file: Any, label: str) -> Any:
    """Walk one pickle, and put what is wrong with it in a sentence.

    Parameters
    ----------
    walker : Walker
        A fresh one.
    file : file
        Positioned where the pickle starts; left behind its end.
    label : str
        The file's name in messages.

    Returns
    -------
    object
        What it describes.

    Raises
    ------
    CheckpointError
        If it is damaged, or refers to anything but tensors and plain values.
    """
    try:
        return walker.walk(file)
    except CheckpointError as error:
        text = str(error)
        raise CheckpointError(
            text if text.startswith(label) else f"{label}: {text}; not read."
        ) from None
    except _Forbidden as error:
        raise CheckpointError(_forbidden(error, label)) from None
    except Exception as error:
        what = str(error) if isinstance(error, Malformed) else type(error).__name__
        raise CheckpointError(
            f"{label}: damaged, or not written by torch.save with its default settings ({what}); "
            "save it again with torch.save."
        ) from None


def _forbidden(error: _Forbidden, label: str) -> str:
    if error.place is not None:
        loader = f"torch.load({{!r}}, weights_only=False){error.place}"
        where = f" at {error.place}" if error.place else ""
        return (
            f"{label}: a pickled object of class {error.name}{where}, which would run code from "
            "the file; nothing was executed; if you trust it, write its weights alone where that "
            f"class can be imported, with `{export_line(label, loader)}`, and load those."
        )
    return (
        f"{label}: beside its tensors it refers to {error.name}, and reading that could run "
        "code; nothing was executed; in the program that made it, write the weights alone with "
        f"`torch.save(model.state_dict(), {'weights.pt'!r})` and load those."
    )


def scan_zip(archive: Archive, label: str) -> Any:
    """Return what an archive's pickle describes.

    Parameters
    ----------
    archive : Archive
        Checked.
    label : str
        The file's name in messages.

    Returns
    -------
    object
        Dictionaries, lists and plain values, with `TensorRecord` for tensors; an
        ``argparse.Namespace`` becomes an object with ``attributes``.

    Raises
    ------
    CheckpointError
        If a tensor is larger than what the file holds of it, or the pickle refers to anything
        but tensors and plain values.
    """

    def storage(saved: tuple[Any, ...]) -> StoredData:
        found = storage_of(saved)
        claimed, held = found.numel * DTYPE_BYTES[found.dtype], archive.storages.get(found.key, -1)
        if claimed > held:
            raise CheckpointError(
                f"claims {claimed:,} bytes for storage {found.key!r}, which has {max(held, 0):,}"
            )
        return found

    return walk(Walker(storage), BytesIO(archive.pickle), label)
