"""Where the numbers of a sentence stand among the numbers of a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["trace"]

_Leaf = tuple[str, float, int]
"""Pointer, number, and among how many of its kind."""

_NUMBER = re.compile(r"(?<![\w.])[-\N{MINUS SIGN}]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])")
# Percentages may stand in pairs: "3 and 5 %".
_PERCENT = re.compile(r"(?:(?: and| to| of| or) [-+\d.]+)? ?(?:%|points)")

# And in brackets after one: "50 % [45, 55]", "(-4.0 points, -9.1 to 1.1)".
_INSIDE = re.compile(r"% \[[^\]]*$|\([^()]*(?:%|points),[^()]*$")


def trace(sentence: str, numbers: Any) -> list[dict[str, Any]]:
    """Look up every number of a sentence.

    Parameters
    ----------
    sentence : str
        In plain language.
    numbers : object
        What the section's JSON file holds.

    Returns
    -------
    list of dict
        Per number ``text`` as written, ``pointer`` into the file (RFC 6901; with ``" (how many)"``
        where a list's length is meant, ``" (name)"`` where the number is part of the name) and
        ``value`` there; both None if none rounds to it.
    """
    known = list(_leaves(numbers, ""))
    found = list(_NUMBER.finditer(sentence))
    fits = [_fitting(each, sentence, known) for each in found]
    parents = [{_parent(leaf[0]) for leaf in leaves} for leaves in fits]
    out = []
    for i, (each, leaves) in enumerate(zip(found, fits, strict=True)):
        # Numbers written side by side mostly stand side by side.
        beside = Counter(p for j in range(max(0, i - 2), i + 3) for p in _at(parents, j))
        out.append(_likeliest(each, sentence, leaves, beside) or _in_a_name(each.group(), known))
    return out


def _at(parents: list[set[str]], i: int) -> set[str]:
    return parents[i] if i < len(parents) else set()


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _fitting(found: re.Match[str], sentence: str, known: list[_Leaf]) -> list[_Leaf]:
    """Return the numbers that are written so when rounded."""
    shown = float(found.group().replace(",", "").replace("\N{MINUS SIGN}", "-"))
    room = 0.5 * 10 ** -len(found.group().partition(".")[2]) + 1e-9
    percent = _percent(found, sentence)
    for scale in (100, 1) if percent else (1,):
        # What is below 1 is a share, not a percentage.
        fits = [
            leaf
            for leaf in known
            if abs(leaf[1] * scale - shown) <= room
            and (scale > 1 or not percent or abs(leaf[1]) > 1)
        ]
        if fits:
            return fits
    return []


def _percent(found: re.Match[str], sentence: str) -> bool:
    inside = _INSIDE.search(sentence[: found.start()])
    return inside is not None or _PERCENT.match(sentence[found.end() :]) is not None


def _likeliest(
    found: re.Match[str], sentence: str, fits: list[_Leaf], beside: Mapping[str, int]
) -> dict[str, Any] | None:
    """Choose by words shared with the text around, and by what stands beside it."""
    near = _words(sentence[max(0, found.start() - 30) : found.end() + 30])
    said = _words(sentence)
    whole = "." not in found.group() and not _percent(found, sentence)

    def likely(leaf: _Leaf) -> tuple[float, ...]:
        """Numbers of the whole before those of parts, else the first."""
        pointer, value, among = leaf
        words = _words(pointer)
        shared = len(words & near) + 2 * beside[_parent(pointer)]
        return isinstance(value, int) == whole, shared, -among, -len(words - said)

    if not fits:
        return None
    pointer, value, _ = max(fits, key=likely)
    return {"text": found.group(), "pointer": pointer, "value": value}


def _in_a_name(text: str, known: list[_Leaf]) -> dict[str, Any]:
    """Look for a number that is part of a name: 90 of "r90_px"."""
    named = re.compile(rf"[a-z_]{re.escape(text)}(?!\d)[^/]*$")
    for pointer, _, _ in known:
        if named.search(pointer):
            return {"text": text, "pointer": f"{pointer} (name)", "value": float(text)}
    return {"text": text, "pointer": None, "value": None}


def _words(text: str) -> set[str]:
    """Return the beginnings of a text's words."""
    return {word[:4] for word in re.findall(r"[a-z]{3,}", text.lower())}


def _leaves(value: Any, pointer: str, among: int = 1) -> Iterator[_Leaf]:
    """Yield every number with its place, and among how many of its kind; lists count too."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (int, float)):
        yield pointer, value, among
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            place = str(name).replace("~", "~0").replace("/", "~1")
            yield from _leaves(inner, f"{pointer}/{place}", among)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{pointer}/{i}", among * len(value))
        yield f"{pointer} (how many)", len(value), among
