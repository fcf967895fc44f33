"""Attribution maps over the photographs, a few methods side by side."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, colour_key, inches, panel, shortened
from viz.plot.millimetres import photograph
from viz.plot.style import SMALL, TWO_COLUMNS, new_figure, printable
from viz.views.attribution.result import GRADIENT, UNITS, Trust, method_words
from viz.views.wording import rounded

MOST_IMAGES = 3
"""Images in one figure, at most; the first of the result."""
_FEW = (
    "integrated-gradients", "occlusion", "grad-cam", "smoothgrad", "feature-ablation",
    "gradient-shap", "input-x-gradient", "saliency", "deeplift", "guided-backprop",
)  # fmt: skip
_MOST_METHODS = 4
_HEAD, _KEY, _GAP, _WORDS = 0.3, 0.33, 0.05, 0.3
"""Inches above the maps, below them for the key, between them, and below each image."""


def _methods(result: Trust) -> list[str]:
    """Return the few methods that are drawn, those of the finding first, and the edge detector."""
    said = [name for pair in result.ends()[:MOST_IMAGES] for name in pair]
    order = [name for name in dict.fromkeys([*said, *_FEW]) if name in result.methods]
    few = order[: max(_MOST_METHODS, len(set(said)))]
    return [*(name for name in result.methods if name in few), "edges"]


def _note(result: Trust) -> str:
    few = _methods(result)
    left_out = len(result.methods) - len(few) + 1
    gradients = [method_words(m) for m in few if UNITS.get(m, GRADIENT) == GRADIENT]
    p = result.patch_size
    return (
        f"Value of each {p} x {p} px patch, over the photograph in grey: red speaks for the class "
        "named below with its probability, blue against it, and the stronger the more opaque. Each "
        "map has its own limit, its 99th percentile. Below each map: its insertion less deletion, "
        "the area between the probability as patches go in and as they go out in the map's order; "
        "more is better. The edge detector knows nothing of the network. Without a sign, red being "
        f"size alone: {', '.join(gradients)}."
        + (f" Grad-CAM: of block {result.source.settings['block']}." if "grad-cam" in few else "")
        + (f" {left_out} more methods are in the table." if left_out else "")
    )


def _tile(result: Trust) -> tuple[float, float]:
    """Return width and height of an image in inches."""
    columns = 1 + len(_methods(result))
    across = min((TWO_COLUMNS - 2 * MARGIN - (columns - 1) * _GAP) / columns, 1.6)
    high, wide = result.pixels.shape[1:3]
    return across, across * min(high / wide, 1.5)


def attribution_figure(result: Trust) -> Figure:
    """Make a Figure that fits `draw_attribution`."""
    rows = min(MOST_IMAGES, len(result.names))
    return new_figure(TWO_COLUMNS, _HEAD + rows * (_tile(result)[1] + _WORDS + _GAP) + _KEY)


def draw_attribution(result: Trust, target: Figure | SubFigure) -> dict[str, list[Axes]]:
    """Draw the first images, and the maps of a few methods over each.

    A map tells where it puts its weight, not how strong the evidence is: a map of noise is as
    colourful as any other.
    """
    width, height = inches(target)
    target.set_label(_note(result))
    across, up = _tile(result)
    axes: dict[str, list[Axes]] = {"image": [], "map": []}
    every = np.concatenate([result.patches, result.reference_patches], axis=1)
    maps = dict(zip(result.rated, np.moveaxis(every, 1, 0), strict=True))
    for n in range(min(MOST_IMAGES, len(result.names))):
        low = height - _HEAD - n * (up + _WORDS + _GAP) - up
        for i, name in enumerate(("", *_methods(result))):
            left = MARGIN + i * (across + _GAP)
            one = panel(target, (left, low, across, up))
            one.set_axis_off()
            axes["map" if name else "image"].append(one)
            one.set_xlim(0, result.pixels.shape[2])
            one.set_ylim(result.pixels.shape[1], 0)
            limit = _limit(maps[name][n]) if name else 1.0
            photograph(one, result.pixels[n], (0, 0, result.pixels.shape[2]), limit=limit,
                       values=maps[name][n] if name else None, patch=result.patch_size)  # fmt: skip
            if name:
                area = rounded(result.margin[n, result.rated.index(name)]).replace("-", "−")
                one.text(0.5, -0.03, area, fontsize=SMALL, ha="center", va="top",
                         transform=one.transAxes)  # fmt: skip
            if n == 0:
                words = method_words(name).replace(" ", "\n", 1) if name else "image"
                one.set_title(words, fontsize=SMALL, pad=2, linespacing=1)
        target.text(MARGIN / width, (low - 0.17) / height, _explained(result, n),
                    fontsize=SMALL, va="top")  # fmt: skip
    target.text(MARGIN / width, (_KEY - 0.13) / height, "number: insertion less deletion",
                fontsize=SMALL)  # fmt: skip
    colour_key(target, (width - MARGIN - 1.3, _KEY - 0.13, 1.1), "limit")
    return axes


def _limit(values: NDArray[np.float64]) -> float:
    """Return where the colours of a map end."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(np.percentile(sizes, 99)) or float(sizes.max(initial=0.0)) or 1.0


def _explained(result: Trust, n: int) -> str:
    """Name the class or the two classes explained, and another one that is predicted."""
    names = result.explained(n)
    text = " minus ".join(f"“{printable(shortened(name, 90 // len(names)))}”" for name in names)
    text += f", {100 * result.probability[n]:.0f} %" + " of the two" * (len(names) > 1)
    if result.target[n] != result.predicted[n]:
        predicted = result.classes[result.predicted[n]]
        text += f"; predicted “{printable(shortened(predicted, 40))}”"
    return text
