"""Patch filters at every pixel beside what the patch grid keeps of their answers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from viz.core.refusal import Refusal
from viz.plot.frame import inches
from viz.plot.millimetres import (
    BAR,
    HALF_PAGE,
    PAGE,
    bar,
    canvas,
    common_limit,
    photograph,
    signed_map,
    write,
)
from viz.plot.style import MM, new_figure
from viz.views.feature_maps.result import FeatureMaps
from viz.views.patch_filters.draw_kinds import filter_tiles

_GAP, _EDGE, _FILTER, _HEAD = 1.6, 1.0, 15.0, 4.4
_SHARE = 0.995


def _shown(result: FeatureMaps) -> int:
    """Images side by side: more would be too small to read."""
    return min(len(result.images), 2)


def answer_limit(result: FeatureMaps) -> float:
    """Return where the colours of all answers end: from -limit to +limit."""
    return common_limit(result.answers[: _shown(result)], _SHARE)


def _cell(result: FeatureMaps, width: float) -> tuple[float, float]:
    """Width and height of an image, in millimetres."""
    n = 2 * _shown(result)
    cell = (width - 2 * _EDGE - _FILTER - n * _GAP) / n
    down, across = result.images.shape[1:3]
    return cell, cell * down / across


def patches_figure(result: FeatureMaps) -> Figure:
    """Make a Figure that fits the answers."""
    width = PAGE if _shown(result) > 1 else HALF_PAGE
    _, tall = _cell(result, width)
    rows = _first(tall) + len(result.filter) * (tall + _GAP)
    return new_figure(width * MM, (rows + BAR) * MM)


def _first(tall: float) -> float:
    """Where the first row of answers begins: below photographs of half their size, and words."""
    return _EDGE + tall / 2 + _HEAD


def draw_patches(result: FeatureMaps, target: Figure | SubFigure) -> Axes:
    """Draw what patch filters answer at every pixel, and on the patch grid.

    The network never sees the answers at every pixel; they show what the grid would have had to
    keep. An answer stands at the middle of its window, a token fills its patch.
    """
    if not len(result.filter):
        raise Refusal("the patch filters were not measured; measure with patches=True.")
    axes, limit, p = canvas(target), answer_limit(result), result.patch_size
    target.set_label(_note(result))
    cell, tall = _cell(result, inches(target)[0] / MM)
    pixel = cell / result.images.shape[2]
    lefts = [_EDGE + _FILTER + _GAP + i * 2 * (cell + _GAP) for i in range(_shown(result))]
    for image, left in enumerate(lefts):
        photograph(axes, result.images[image], (left, _EDGE, cell / 2))
        for x, words in ((left, "at every pixel"), (left + cell + _GAP, "on the patch grid")):
            write(axes, x, _first(tall) - 0.6, words, va="bottom")
    # The answer of the window that begins at pixel 0 stands at the window's middle.
    first, side = pixel * (p - 1) / 2, min(0.62 * _FILTER, 0.5 * tall)
    weights = result.filters
    # Of other than three channels their mean.
    tiles = filter_tiles(weights if weights.shape[1] == 3 else weights.mean(1, keepdims=True))
    for row, number in enumerate(result.filter):
        y = _first(tall) + row * (tall + _GAP)
        axes.imshow(tiles[row], extent=(_EDGE, _EDGE + side, y + side, y),
                    interpolation="nearest", aspect="auto")  # fmt: skip
        write(axes, _EDGE, y + side + 0.6, f"filter {number}", va="top")
        for image, left in enumerate(lefts):
            values, tokens = result.answers[image, row], result.tokens[image, row]
            down, across = (pixel * n for n in values.shape)
            signed_map(axes, values, (left + first, y + first, across, down), limit)
            down, across = (pixel * p * n for n in tokens.shape)
            signed_map(axes, tokens, (left + cell + _GAP, y, across, down), limit)
    y = _first(tall) + len(result.filter) * (tall + _GAP)
    long = lefts[-1] + 2 * cell + _GAP - lefts[0]
    bar(target, (lefts[0], y, long), limit, "answer, before the activation")
    return axes


def _note(result: FeatureMaps) -> str:
    p = result.patch_size
    return (
        f"Left of each pair: the filter's answer to the {p} x {p} window around each pixel. Right: "
        "the same on the patch grid, all that the network has of it; one square is a patch. White "
        "is zero. One colour scale serves all answers (before the activation, bias included); it "
        f"ends where {100 * _SHARE:.1f} % lie within. Each filter has its own, mid grey is zero. "
        "The further down a filter stands, the less the grid keeps of its answers, unless filters "
        "were chosen by hand."
    )
