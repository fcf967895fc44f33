"""Where the numbers of a sentence stand among the numbers of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["trace"]

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
    return [_look_up(found, sentence, known) for found in _NUMBER.finditer(sentence)]


def _look_up(
    found: re.Match[str], sentence: str, known: list[tuple[str, float, int]]
) -> dict[str, Any]:
    text, after = found.group(), sentence[found.end() :]
    shown = float(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))
    decimals = len(text.partition(".")[2])
    room = 0.5 * 10**-decimals + 1e-9
    inside = _INSIDE.search(sentence[: found.start()]) is not None
    percent = inside or _PERCENT.match(after) is not None
    fits: list[tuple[str, float, int]] = []
    for scale in (100, 1) if percent else (1,):
        # What is below 1 is a share, not a percentage.
        fits = fits or [
            leaf
            for leaf in known
            if abs(leaf[1] * scale - shown) <= room
            and (scale > 1 or not percent or abs(leaf[1]) > 1)
        ]
    if not fits:
        # A number may be part of a name: 90 of "r90_px".
        named = re.compile(rf"[a-z_]{text}(?!\d)[^/]*$")
        name = next((pointer for pointer, _, _ in known if named.search(pointer)), None)
        return {"text": text, "pointer": name and f"{name} (name)", "value": name and shown}
    near = _words(sentence[max(0, found.start() - 30) : found.end() + 30])
    said, whole = _words(sentence), not decimals and not percent

    def likely(leaf: tuple[str, float, int]) -> tuple[float, ...]:
        """Judge by words shared with the text around; numbers of all before those of parts."""
        pointer, value, among = leaf
        words = _words(pointer)
        return isinstance(value, int) == whole, len(words & near), -among, -len(words - said)

    pointer, value, _ = max(fits, key=likely)
    return {"text": text, "pointer": pointer, "value": value}


def _words(text: str) -> set[str]:
    """Return the beginnings of a text's words."""
    return {word[:4] for word in re.findall(r"[a-z]{3,}", text.lower())}


def _leaves(value: Any, pointer: str, among: int = 1) -> Iterator[tuple[str, float, int]]:
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
