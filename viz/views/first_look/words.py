"""What a network's kernels look like at first sight, early and late, and how well it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from viz.views.early_late.measure import default_groups
from viz.views.kernels.result import UNNAMED
from viz.views.wording import blocks_words

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
    "gratings": ("grating",),
    "frames": ("frame",),
    "flat": ("flat",),
}
"""Kernels' names by what a reader sees, in words that follow "are"."""

_APART = 0.05
"""Difference of two shares that is worth a word."""


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _named(family: str, shares: str) -> str:
    """Write a family with the names in it, which figures show, and its shares."""
    names = f"{' or '.join(FAMILIES[family])}; " * (len(FAMILIES[family]) > 1)
    return f"{family} ({names}{shares})"


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


def _more_often(
    shares: Sequence[dict[str, float]], whose: Sequence[str], where: Sequence[str]
) -> list[str]:
    """Say which family each of two groups has more of than the other, where that is clear."""
    said = []
    for one, other in ((0, 1), (1, 0)):
        gains = {family: shares[one][family] - shares[other][family] for family in FAMILIES}
        family = max(gains, key=gains.__getitem__)
        if gains[family] >= _APART:
            own, rest = (f"{_percent(shares[i][family])} of {where[i]}" for i in (one, other))
            said.append(f"{whose[one]} kernels are more often {_named(family, f'{own}, {rest}')}")
    return said


def _apart(shares: Sequence[dict[str, float]]) -> str:
    differ = max(abs(shares[1][family] - shares[0][family]) for family in FAMILIES)
    # Rounded up, or it would be commoner by more.
    return f"no shape is commoner by more than {int(np.ceil(100 * differ - 1e-9))} points in"


def at_first_sight(description: DepthwiseDescription | FirstLook) -> str:
    """Say which shapes early and late kernels have more often than each other, and how often."""
    groups = default_groups(description.block)
    shares = [_shares(description, blocks) for blocks in groups]
    unnamed = _shares(description, np.unique(description.block).tolist())[UNNAMED]
    clear = f"{_percent(unnamed)} of all have no clear shape"
    if groups[0] == groups[1]:
        most = max(FAMILIES, key=shares[0].__getitem__)
        if not shares[0][most]:
            return "None of its kernels has a clear shape."
        return f"Its kernels are most often {_named(most, _percent(shares[0][most]))}; {clear}."
    where = [blocks_words(blocks) for blocks in groups]
    said = ", ".join(_more_often(shares, ("early", "late"), where))
    if not said:
        said = f"early and late kernels look alike: {_apart(shares)} {where[0]} or {where[1]}"
    return f"{said[0].upper()}{said[1:]}; {clear}."


def two_at_first_sight(a: DepthwiseDescription, b: DepthwiseDescription) -> str:
    """Say which shapes the kernels of two networks, A and B, have more often than the other's."""
    shares = [_shares(each, np.unique(each.block).tolist()) for each in (a, b)]
    said = ", ".join(_more_often(shares, ("A's", "B's"), ("A's", "B's")))
    if not said:
        said = f"The kernels of A and B look alike: {_apart(shares)} A or B"
    clear = " and ".join(
        f"{_percent(share[UNNAMED])} of {name}" for share, name in zip(shares, "AB", strict=True)
    )
    return f"{said}; {clear} have no clear shape."


def accuracy(checkpoint: Checkpoint) -> str:
    """Say how well the network answers, where its file or its publisher states it."""
    from viz.network.zoo import official_by_hash

    known = official_by_hash(checkpoint.source.sha256)
    if known is not None:
        return f"It is right on {known.top1:.1f} % of ImageNet's validation images (published)."
    stated = checkpoint.training.get("held_out_accuracy")
    n, classes = checkpoint.training.get("held_out_n"), checkpoint.config.n_classes
    # A file may state anything.
    if not isinstance(stated, (int, float)) or not 0 <= stated <= 1 or not classes:
        return ""
    images = f"{n:,} held-out images" if isinstance(n, int) else "held-out images"
    return (
        f"It is right on {_percent(stated)} of {images}, as its file states; guessing one of "
        f"{classes:,} classes is right on {_percent(1 / classes, 0 if classes < 100 else 1)}."
    )
