"""Words that several pages share."""

from __future__ import annotations

__all__ = [
    "FILTER_ORDER_WORDS",
    "KERNEL_ORDER_WORDS",
    "SCALE_WORDS",
    "sorted_by",
]

FILTER_ORDER_WORDS = {
    "hue": "hue: grey first, then by colour",
    "orientation": "orientation of the stripes",
    "norm": "norm, largest first",
    "index": "channel number",
}
KERNEL_ORDER_WORDS = {
    "similarity": "similarity: neighbours look alike",
    "norm": "norm, largest first",
    "index": "channel number",
}
SCALE_WORDS = {
    "tile": "its own for each",
    "block": "one per block",
    "figure": "one for all",
}


def sorted_by(order: str) -> str:
    """Return an order in words that follow "ordered by"."""
    return {"index": "channel number", "hue": "hue, grey first"}.get(order, order)
