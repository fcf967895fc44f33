"""Patch filters at every pixel beside what the patch grid keeps of their answers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.core.refusal import Refusal
from viz.plot.frame import MARGIN, inches, panel
from viz.plot.mosaic import rgb_tiles, signed_tiles
from viz.plot.style import MM, ONE_COLUMN, SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure
from viz.views.feature_maps.result import FeatureMaps

_GAP = 1.6 * MM
_FILTER = 15 * MM
_BAR = 0.46
_FILTERS = 3
"""Filters drawn: of those of the result the first, the last, and some between."""
SHARE = 0.995


def _shown(result: FeatureMaps) -> int:
    """Images side by side: more would be too small to read."""
    return min(len(result.images), 2)


def answer_limit(result: FeatureMaps) -> float:
    """Return where the colours of all answers end: from -limit to +limit."""
    values = np.abs(result.answers[: _shown(result)])
    values = values[np.isfinite(values)]
    return (float(np.quantile(values, SHARE)) if len(values) else 0.0) or 1.0


def _cell(result: FeatureMaps, width: float) -> tuple[float, float]:
    n = 2 * _shown(result)
    cell = (width - 2 * MARGIN - _FILTER - n * _GAP) / n
    down, across = result.images.shape[1:3]
    return cell, cell * down / across


def patches_figure(result: FeatureMaps) -> Figure:
    """Make a Figure that fits the answers."""
    width = TWO_COLUMNS if _shown(result) > 1 else ONE_COLUMN
    _, tall = _cell(result, width)
    return new_figure(width, MARGIN + (len(_filters(result)) + 1) * (tall + _GAP) + _BAR)


def _filters(result: FeatureMaps) -> list[int]:
    n = len(result.filter)
    at: list[int] = np.unique(np.linspace(0, n - 1, min(n, _FILTERS)).round().astype(int)).tolist()
    return at


def draw_patches(result: FeatureMaps, target: Figure | SubFigure) -> dict[str, list[Axes]]:
    """Draw what patch filters answer at every pixel, and on the patch grid.

    The network never sees the answers at every pixel; they show what the grid would have had to
    keep. An answer stands at the middle of its window, a token fills its patch.
    """
    if not len(result.filter):
        raise Refusal("the patch filters were not measured; measure with patches=True.")
    width, height = inches(target)
    target.set_label(_note(result))
    cell, tall = _cell(result, width)
    limit, start = answer_limit(result), height - MARGIN - tall
    made: dict[str, list[Axes]] = {"images": [], "filters": [], "answers": [], "tokens": []}
    lefts = [MARGIN + _FILTER + _GAP + i * 2 * (cell + _GAP) for i in range(_shown(result))]
    for image, left in enumerate(lefts):
        made["images"].append(_draw_image(target, result, image, (left, start, cell, tall)))
    filters = _filters(result)
    for line, row in enumerate(filters, 1):
        y = start - line * (tall + _GAP)
        made["filters"].append(_draw_filter(target, result, row, y, tall))
        for image, left in enumerate(lefts):
            first = _panel(target, result, (left, y, cell, tall))
            _draw_answers(first, result, image, row, limit)
            second = _panel(target, result, (left + cell + _GAP, y, cell, tall))
            _draw_tokens(second, result, image, row, limit)
            made["answers"].append(first)
            made["tokens"].append(second)
    y = start - len(filters) * (tall + _GAP)
    _draw_bar(target, limit, (lefts[0], y - 0.14, lefts[-1] + 2 * cell + _GAP - lefts[0], 0.07))
    return made


def _note(result: FeatureMaps) -> str:
    p = result.patch_size
    return (
        f"Left of each pair: the filter's answer to the {p} x {p} window around each pixel. Right: "
        f"the same on the patch grid, all that the network has of it; one square is a patch. White "
        f"is zero; one colour scale for all answers (before the activation, bias included), ends "
        f"where {100 * SHARE:.1f} % lie within; each filter has its own, mid grey is zero. Above, "
        "filters of which the grid keeps much; below, filters of which it keeps little: see the "
        "table."
    )


def _panel(
    target: Figure | SubFigure, result: FeatureMaps, box: tuple[float, float, float, float]
) -> Axes:
    axes = panel(target, box)
    down, across = result.images.shape[1:3]
    axes.set_xlim(0, across)
    axes.set_ylim(down, 0)
    axes.set_axis_off()
    return axes


def _draw_image(
    target: Figure | SubFigure,
    result: FeatureMaps,
    image: int,
    box: tuple[float, float, float, float],
) -> Axes:
    """The image, above its answers."""
    axes = _panel(target, result, box)
    down, across = result.images.shape[1:3]
    axes.imshow(result.images[image], extent=(0, across, down, 0), interpolation="nearest",
                aspect="auto")  # fmt: skip
    return axes


def _draw_filter(
    target: Figure | SubFigure, result: FeatureMaps, row: int, y: float, tall: float
) -> Axes:
    side = min(0.62 * _FILTER, 0.5 * tall)
    axes = panel(target, (MARGIN, y + tall - side, side, side))
    axes.imshow(_tile(result.filters[row]), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    number = int(result.filter[row])
    axes.text(0, -0.1, f"filter {number}", fontsize=SMALL, va="top", ha="left",
              transform=axes.transAxes)  # fmt: skip
    return axes


def _tile(weights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One filter in its own colour scale; of other than three channels, their mean."""
    signed = len(weights) != 3
    values = weights.mean(0)[None] if signed else weights[None]
    limit = np.array([float(np.abs(np.nan_to_num(values)).max()) or 1.0])
    tiles: NDArray[np.uint8] = (
        signed_tiles(values, limit) if signed else rgb_tiles(values, limit)
    )[0]
    return tiles


def _draw_answers(axes: Axes, result: FeatureMaps, image: int, row: int, limit: float) -> None:
    values = result.answers[image, row]
    h, w = values.shape
    # The answer of the window that begins at pixel 0 stands at the window's middle.
    first = (result.patch_size - 1) / 2
    axes.imshow(
        values, extent=(first, first + w, first + h, first), cmap=SIGNED, vmin=-limit, vmax=limit,
        interpolation="nearest", aspect="auto",
    )  # fmt: skip
    axes.set_xlim(0, result.images.shape[2])
    axes.set_ylim(result.images.shape[1], 0)


def _draw_tokens(axes: Axes, result: FeatureMaps, image: int, row: int, limit: float) -> None:
    values, p = result.tokens[image, row], result.patch_size
    h, w = values.shape
    axes.imshow(
        values, extent=(0, p * w, p * h, 0), cmap=SIGNED, vmin=-limit, vmax=limit,
        interpolation="nearest", aspect="auto",
    )  # fmt: skip
    axes.set_xlim(0, result.images.shape[2])
    axes.set_ylim(result.images.shape[1], 0)


def _draw_bar(
    target: Figure | SubFigure, limit: float, box: tuple[float, float, float, float]
) -> None:
    axes = panel(target, box)
    bar = target.colorbar(
        ScalarMappable(Normalize(-limit, limit), SIGNED), cax=axes, orientation="horizontal",
        extend="both", extendfrac=0.03, ticks=[-limit, 0, limit],
    )  # fmt: skip
    axes.set_xticklabels([f"−{limit:.2g}", "0", f"{limit:.2g}"], fontsize=SMALL)
    axes.tick_params(length=2, width=0.4, pad=1.5)
    bar.outline.set_linewidth(0.4)
    axes.set_xlabel("answer, before the activation", fontsize=TEXT, labelpad=1)
