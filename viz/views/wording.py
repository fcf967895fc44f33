"""Words that findings share: shares, numbers of images, lists."""

from __future__ import annotations

from collections.abc import Sequence

FEW_IMAGES = 5
"""With fewer images each image's value is said: no interval, no share of images."""


def percent(share: float) -> str:
    """Write a share as it is said."""
    if share in (0, 1):
        return "all" if share else "none"
    if not 0.0005 <= share < 0.9995:
        return "less than 0.1 %" if share < 0.5 else "more than 99.9 %"
    digits = int(not 0.01 <= share <= 0.99)
    return f"{100 * share:.{digits}f} %"


def rounded(value: float) -> str:
    """Write a number with two digits, and never -0.00."""
    return f"{round(float(value), 2) + 0.0:.2f}"


def probability(value: float) -> str:
    """Write a probability in percent, with one digit where it is below 1 %."""
    return f"{100 * value:.1g} %" if 0 < value < 0.01 else f"{100 * value:.0f} %"


def n_images(n: int) -> str:
    """Write a number of images."""
    return "one image" if n == 1 else f"{n} images"


def listed(words: Sequence[str]) -> str:
    """Join words with commas and a final "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def plural(name: str) -> str:
    """Return the plural of a name of kernels or structures."""
    if name in ("identity", "flat") or name.endswith("centre"):
        return f"{name} kernels"
    signed = {"+": "positive", "-": "negative"}
    if name[-1] in signed:
        return f"{signed[name[-1]]} {name[:-1]}s"
    if name in ("stripes", "noise", "other"):
        return name
    return f"{name}es" if name.endswith("s") else f"{name}s"


def blocks_words(blocks: Sequence[int]) -> str:
    """Return blocks in words, as a range where none is missing."""
    if len(blocks) == 1:
        return f"block {blocks[0]}"
    if 2 < len(blocks) == blocks[-1] - blocks[0] + 1:
        return f"blocks {blocks[0]} to {blocks[-1]}"
    return f"blocks {listed([str(b) for b in blocks])}"
