"""What a patch filter looks like, in two words: its colour and its structure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from viz.views.kernels.chance import Null, largest_tap, shuffled
from viz.views.kernels.matching import match, unit_rows
from viz.views.kernels.pictures import KINDS
from viz.views.patch_filters.pictures import STRUCTURE_OF, filter_bank
from viz.views.patch_filters.result import BEYOND_BLOB, COLOURED, TINTED

Floats = NDArray[np.float64]

NAMED_ENERGY: Final = 0.55
"""Share of a map's energy that the nearest picture must explain to name it. Set on readings."""
NOISE_SHARE: Final = 0.05
"""Share of maps with shuffled pixels that may be called other instead of noise."""
SMALLEST: Final = 4
"""Side in pixels from which a structure is named."""
FINE_STRIPES: Final = 0.8
"""Share of a map's energy that a Gabor must explain to call it stripes where no picture does."""
VISIBLE_WAVES: Final = 1.0
"""Waves of that Gabor within two sigma of its middle, from which they are stripes."""
_MORE: Final = np.array(
    [{"blob": 0.0, "bar": BEYOND_BLOB + 0.01}.get(w, BEYOND_BLOB) for w in STRUCTURE_OF.values()]
)
"""That of every picture: a bar has one parameter more than an edge."""
_SHUFFLED: Final = 4000
_KINDS: Final = [KINDS.index(kind) for kind in STRUCTURE_OF]
_WORDS: Final = np.array(list(STRUCTURE_OF.values()))


def colours(chroma: Floats, channels: int) -> NDArray[np.str_]:
    """Return grey, tinted or coloured, (n,); "" where chroma is nan or channels are not RGB."""
    words = np.select([chroma >= COLOURED, chroma >= TINTED], ["coloured", "tinted"], "grey")
    return np.where(np.isfinite(chroma) & (channels == 3), words, "").astype("<U8")


def structures(maps: Floats, p: int, seed: int = 0) -> NDArray[np.str_]:
    """Name spatial maps (n, p^2) by the nearest picture.

    Means aside, a map must be more like its picture than chance lets the same maps with shuffled
    pixels be (`viz.views.kernels.chance.Null`), and the picture explain `NAMED_ENERGY` of it. The
    rest are "other", or "noise" where `NOISE_SHARE` of the shuffled are as much like a picture. ""
    below `SMALLEST`.
    """
    if p < SMALLEST or not len(maps):
        return np.full(len(maps), "", "<U8")
    rows, bank = unit_rows(maps), filter_bank(p)
    chance = shuffled(rows, _SHUFFLED, seed)
    by_chance = match(chance, bank).shape[:, _KINDS].max(1)
    found = match(rows, bank)
    likeness = found.likeness[:, _KINDS]
    shape = found.shape[:, _KINDS].max(1)
    beyond = shape > Null.of(chance, by_chance).threshold(largest_tap(rows))
    named = beyond & (likeness.max(1) ** 2 >= NAMED_ENERGY)
    words = _WORDS[(likeness**2 - _MORE).argmax(1)]
    seen = shape > Null.of(chance, by_chance, NOISE_SHARE).threshold(largest_tap(rows))
    other = np.where(seen, "other", "noise")
    return np.where(named, words, other)
