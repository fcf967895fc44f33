"""Texts that may leave the machine: names instead of paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# An absolute path of two parts or more; a lone "/name" may be a fraction or a JSON pointer.
_PATH = re.compile(
    r"(?:(?<![\w./:])/|(?<=:)/(?!/)|(?<=\bfile:)///?|(?<!\w)[A-Za-z]:[\\/])(?:[^\s/\\:'\"<>|]+[/\\])+([^\s/\\:'\"]*)"
)
# Between quotes it may hold spaces and colons.
_QUOTED = re.compile(r"""(?<!\w)(['"])(?:/|[A-Za-z]:[\\/])[^'"\n]*[/\\]([^/\\'"\n]*)\1""")


def without_paths(value: Any, folders: Iterable[str | Path] = ()) -> Any:
    """Leave of every absolute path its last part."""
    if isinstance(value, str):
        for folder in sorted({str(f) for f in folders if len(str(f)) > 1}, key=len, reverse=True):
            value = value.replace(folder + "/", "").replace(folder, Path(folder).name)
        return _PATH.sub(r"\1", _QUOTED.sub(r"\1\2\1", value))
    if isinstance(value, Mapping):
        return {k: without_paths(v, folders) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_paths(v, folders) for v in value]
    return value
