"""What a network's kernels look like at first sight, early and late, and how well it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viz.views.early_late.measure import default_groups
from viz.views.kernels.result import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viz.network.checkpoint import Checkpoint
    from viz.views.first_look.result import FirstLook
    from viz.views.kernels.result import DepthwiseDescription


FAMILIES = {
    "single points": ("identity", "shift"),
    "blobs": ("blob+", "blob-"),
    "centres in a surround": ("on-centre", "off-centre"),
    "edges": ("edge",),
    "bars": ("bar",),
    "rings": ("ring",),
    "crosses": ("cross",),
    "stripes": ("grating",),
    "frames": ("frame",),
    "flat": ("flat",),
}
"""Kernels' names by what a reader sees, in words that follow "are"."""

_APART = 0.05
"""Difference of two shares that is worth a word."""


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _shares(
    description: DepthwiseDescription | FirstLook, blocks: Sequence[int]
) -> dict[str, float]:
    """Return the share of each family, and of kernels without a name, in some blocks."""
    rows = description.finite & np.isin(description.block, list(blocks))
    names = description.name[rows]
    families = FAMILIES | {UNNAMED: (UNNAMED,)}
    return {
        family: float(np.isin(names, members).mean()) if len(names) else 0.0
        for family, members in families.items()
    }


def blocks_words(blocks: Sequence[int]) -> str:
    """Return consecutive blocks in words."""
    return f"block {blocks[0]}" if len(blocks) == 1 else f"blocks {blocks[0]} to {blocks[-1]}"


def at_first_sight(description: DepthwiseDescription | FirstLook) -> str:
    """Say which shapes early and late kernels have more often than each other, and how often."""
    early, late = default_groups(description.block)
    first, last = _shares(description, early), _shares(description, late)
    unnamed = _shares(description, np.unique(description.block).tolist())[UNNAMED]
    clear = f"{_percent(unnamed)} of all have no clear shape"
    if early == late:
        most = max(FAMILIES, key=first.__getitem__)
        return f"Its kernels are most often {most} ({_percent(first[most])}); {clear}."
    gains = {family: last[family] - first[family] for family in FAMILIES}
    parts = []
    for which, family, sign in (
        ("early", min(gains, key=gains.__getitem__), -1),
        ("late", max(gains, key=gains.__getitem__), 1),
    ):
        if sign * gains[family] >= _APART:
            own = f"{_percent(first[family])} of {blocks_words(early)}"
            other = f"{_percent(last[family])} of {blocks_words(late)}"
            shares = f"{own}, {other}" if which == "early" else f"{other}, {own}"
            parts.append(f"{which} kernels are more often {family} ({shares})")
    if not parts:
        differ = max(abs(gain) for gain in gains.values())
        return (
            f"Early and late kernels look alike: no shape is commoner by more than "
            f"{100 * differ:.0f} points in {blocks_words(early)} or {blocks_words(late)}; {clear}."
        )
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}; {clear}."


def accuracy(checkpoint: Checkpoint) -> str:
    """Say how well the network answers, where its file or its publisher states it."""
    from viz.network.zoo import official_by_hash

    known = official_by_hash(checkpoint.source.sha256)
    if known is not None:
        return f"It is right on {known.top1:.1f} % of ImageNet's validation images (published)."
    stated = checkpoint.training.get("held_out_accuracy")
    if not isinstance(stated, (int, float)) or not np.isfinite(stated):
        return ""
    n, classes = checkpoint.training.get("held_out_n"), checkpoint.config.n_classes
    images = f"{n:,} held-out images" if isinstance(n, int) else "held-out images"
    return (
        f"It is right on {_percent(stated)} of {images}, as its file states; guessing one of "
        f"{classes:,} classes is right on {_percent(1 / classes, 0 if classes < 100 else 1)}."
    )
