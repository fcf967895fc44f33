"""Attribution maps: one figure per image with map, curves and scores; raw maps side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, nothing, panel, plain_axes, shortened
from viz.plot.style import SIGNED, SMALL, TEXT, TWO_COLUMNS, new_figure, printable
from viz.views.attribution.maps_result import UNITS, Attributions, over_mass
from viz.views.attribution.result import Trust

__all__ = [
    "MOST_IMAGES",
    "attribution_figure",
    "common_limit",
    "draw_attribution",
    "draw_pixels",
    "heading_words",
    "pixels_figure",
]

MOST_IMAGES = 3
"""Images in one figure, at most; the first of the result."""
_FIRST = 0.98
_HEAD, _CURVE, _ROW = 0.26, 0.52, 0.118
_BAR, _LINE = 0.36, 0.09
_TITLE_LETTERS = 118
# Name on the figure, attribute of the result, digits, and whether more or less is better.
_ROWS = (
    ("insertion AUC ↑", "insertion_auc", "{:.2f}", 1),
    ("deletion AUC ↓", "deletion_auc", "{:.2f}", -1),
    ("unexplained ↓", "unexplained", "{:.2f}", -1),
    ("max-sensitivity ↓", "max_sensitivity", "{:.2f}", 0),
    ("randomisation |ρ| ↓", "randomisation", "{:.2f}", 0),
    ("completeness gap", "completeness_gap", "{:+.2g}", 0),
)


def heading_words(method: str) -> str:
    """Return a method's name in lines short enough for a narrow column."""
    return {
        "smoothgrad": "Smooth-\nGrad",
        "input-x-gradient": "input ×\ngradient",
        "gradient-shap": "gradient\nSHAP",
        "deeplift": "DeepLIFT",
        "grad-cam": "Grad-CAM",
        "random": "random\nmap",
        "edges": "edge\ndetector",
    }.get(method, method.replace("-", "\n", 1))


def common_limit(shares: NDArray[np.float64]) -> float:
    """Return the limit of a colour scale that many maps have in common."""
    values = np.abs(shares[np.isfinite(shares)])
    limit = float(np.percentile(values, 99.5)) if values.size else 0.0
    limit = limit or float(values.max(initial=0.0))
    if not limit:
        return 1.0
    step = 10 ** (np.floor(np.log10(limit)) - 1)
    return float(np.ceil(limit / step) * step)


def _shown(result: Attributions, images: Sequence[int] | None) -> list[int]:
    return list(range(len(result.names)))[:MOST_IMAGES] if images is None else list(images)


_NOTE = (
    "Maps: value of each {p} x {p} px patch over the sum of the map's absolute values, so that "
    "methods and images share one scale (red positive, white zero, blue negative). {some}Curves: "
    "probability of what is explained as patches are inserted into a blurred image (solid) or "
    "replaced by zeros, the mean colour (dashed), largest value first; grey: the random map's. "
    "Bold: better, as written, than both the random map and the edge detector. unexplained: share "
    "of the score's changes that the map does not predict when patches go. randomisation: mean "
    "|rank correlation| with the maps of the network with weights drawn anew from the head down; "
    "low means that the map depends on the weights. completeness gap: in logits."
)


def _note(result: Trust) -> str:
    some = f"Absolute gradients: {_gradients(result.rated)}. " if _gradients(result.rated) else ""
    if "grad-cam" in result.rated:
        some += f"Grad-CAM: block {result.grad_cam_block}. "
    return _NOTE.format(p=result.patch_size, some=some)


def _gradients(methods: Sequence[str]) -> str:
    """Name those of some methods whose values are gradients."""
    names = [m for m in methods if UNITS.get(m) == UNITS["saliency"]]
    return ", ".join(heading_words(m).replace("-\n", "").replace("\n", " ") for m in names)


def _image_height(result: Trust) -> float:
    wide = _column(result, TWO_COLUMNS)
    gh, gw = result.grid
    up = wide * min(gh / gw, 1.5)
    return 0.2 + _HEAD + up + 0.1 + _CURVE + 0.26 + _ROW * len(_ROWS) + 0.12


def _column(result: Trust, width: float) -> float:
    return (width - 2 * MARGIN - _FIRST) / len(result.rated) - 0.05


def attribution_figure(result: Trust, images: Sequence[int] | None = None) -> Figure:
    """Make a Figure that fits `draw_attribution`."""
    n = len(_shown(result, images))
    height = _image_height(result) * n + _BAR
    return new_figure(TWO_COLUMNS, height)


def draw_attribution(
    result: Trust, target: Figure | SubFigure, images: Sequence[int] | None = None
) -> dict[str, list[Axes]]:
    """Draw for each image the maps of all methods, their curves and their scores.

    A share of the map's own absolute sum tells where a map puts its weight, not how strong the
    evidence is: a map of noise is as colourful as any other. Values beyond the limit look alike.
    """
    chosen = _shown(result, images)
    target.set_label(_note(result))
    shares = 100 * result.rated_share()[chosen]
    limit = common_limit(shares)
    _, height = inches(target)
    room = height - 2 * MARGIN - _BAR
    axes: dict[str, list[Axes]] = {"image": [], "map": [], "curve": [], "bar": []}
    for row, n in enumerate(chosen):
        upper = height - MARGIN - row * room / len(chosen)
        _draw_image_row(result, target, n, upper, shares[row], limit, axes)
    axes["bar"].append(_scale(
        target, (MARGIN + _FIRST, MARGIN + 0.24, 2.2, 0.08), limit,
        "% of the map's absolute sum, per patch",
    ))  # fmt: skip
    return axes


def _draw_image_row(
    result: Trust, target: Figure | SubFigure, n: int, upper: float,
    shares: NDArray[np.float64], limit: float, axes: dict[str, list[Axes]],
) -> None:  # fmt: skip
    """Draw one image: title, maps, curves and scores, downward from a height in inches."""
    width, height = inches(target)
    wide = _column(result, width)
    gh, gw = result.grid
    up = wide * min(gh / gw, 1.5)
    target.text(
        MARGIN / width, (upper - 0.02) / height, _title(result, n), fontsize=TEXT, va="top"
    )  # fmt: skip
    maps_at = upper - 0.2 - _HEAD - up
    curves_at = maps_at - 0.1 - _CURVE
    image = panel(target, (MARGIN, maps_at, min(_FIRST - 0.3, wide), up))
    _picture(image, result.pixels[n])
    axes["image"].append(image)
    for i, name in enumerate(result.rated):
        left = MARGIN + _FIRST + i * (wide + 0.05)
        # Line by line, so that letters below the line do not move a heading.
        for above, line in enumerate(reversed(heading_words(name).split("\n"))):
            y = (maps_at + up + 0.05 + above * _LINE) / height
            target.text((left + wide / 2) / width, y, line, fontsize=SMALL, ha="center",
                        va="baseline")  # fmt: skip
        shown = panel(target, (left, maps_at, wide, up))
        _map(shown, shares[i], limit)
        axes["map"].append(shown)
        curve = panel(target, (left, curves_at, wide, _CURVE))
        _draw_curve(result, curve, n, i, first=i == 0)
        axes["curve"].append(curve)
    _write_scores(result, target, n, curves_at - 0.26, wide)


def _title(result: Trust, n: int) -> str:
    """Say what is explained; long names share what room there is."""
    score = _minus(f"{result.score[n]:.2f}")
    tail = f", {score} logits, probability {result.probability[n]:.2f}"
    compared = result.against[n] >= 0
    tail += " of the two" if compared else ""
    missed = result.target[n] != result.predicted[n]
    room = _TITLE_LETTERS - len(tail) - 28 - 14 * missed
    each = max(12, room // (2 + bool(compared) + bool(missed)))
    name = printable(shortened(result.names[n], each))
    text = f"{name}: explains {_explained(result, n, each)}{tail}"
    if missed:
        text += f"; predicted “{printable(shortened(result.predicted_name[n], each))}”"
    return text


def _explained(result: Attributions, n: int, letters: int) -> str:
    """Name the class or the two classes explained, in quotes."""
    names = [result.target_name[n], *([result.against_name[n]] if result.against[n] >= 0 else [])]
    return " minus ".join(f"“{printable(shortened(name, letters))}”" for name in names)


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _picture(axes: Axes, pixels: NDArray[np.uint8]) -> None:
    axes.imshow(pixels, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])


def _map(axes: Axes, values: NDArray[np.float64], limit: float) -> None:
    axes.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_curve(result: Trust, axes: Axes, n: int, i: int, *, first: bool) -> None:
    at = result.rated.index("random")
    for values, style in ((result.insertion, "-"), (result.deletion, "--")):
        axes.plot(result.changed, values[n, at], style, color="#aaaaaa", linewidth=0.7)
        axes.plot(result.changed, values[n, i], style, color="black", linewidth=0.9)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xticks([0, 1])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if first else ["", "", ""])
    axes.xaxis.get_majorticklabels()[0].set_horizontalalignment("left")
    axes.xaxis.get_majorticklabels()[1].set_horizontalalignment("right")
    axes.tick_params(axis="y", length=2 if first else 0)
    if first:
        axes.set_ylabel("probability", fontsize=SMALL, labelpad=1.5)


def _write_scores(
    result: Trust, target: Figure | SubFigure, n: int, top: float, wide: float
) -> None:
    """Write the scores below the columns."""
    width, height = inches(target)
    references = [result.rated.index(name) for name in ("random", "edges")]
    target.text((MARGIN + _FIRST - 0.06) / width, (top + 0.165) / height, "share of patches",
                fontsize=SMALL, ha="right", va="center")  # fmt: skip
    for row, (words, name, digits, better) in enumerate(_ROWS):
        y = (top - (row + 0.5) * _ROW) / height
        values = getattr(result, name)[n]
        target.text((MARGIN + _FIRST - 0.06) / width, y, words, fontsize=SMALL, ha="right",
                    va="center")  # fmt: skip
        for i, value in enumerate(values):
            ahead = better * (np.round(value, 2) - np.round(values[references], 2))
            bold = i not in references and bool((ahead > 0).all())
            target.text(
                (MARGIN + _FIRST + i * (wide + 0.05) + wide / 2) / width, y,
                _minus(digits.format(value)) if np.isfinite(value) else "–",
                fontsize=SMALL, ha="center", va="center",
                fontweight="bold" if bold else "normal",
            )  # fmt: skip


def _scale(
    target: Figure | SubFigure, box: tuple[float, float, float, float], limit: float, words: str
) -> Axes:
    """Draw the key to the colours."""
    axes = panel(target, box)
    key = ScalarMappable(Normalize(-limit, limit), SIGNED)
    bar = target.colorbar(key, cax=axes, orientation="horizontal", extend="both")
    bar.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"{limit:.2g}"])
    bar.outline.set_linewidth(0.4)
    plain_axes(axes)
    axes.text(1.12, 0.5, words, fontsize=SMALL, va="center", transform=axes.transAxes)
    return axes


_PIXEL_NOTE = (
    "Raw values summed over colours, signs kept, over the sum of absolute values of the map: one "
    "scale for all (red positive, white zero, blue negative)."
)
_GRADIENT_NOTE = " Gradients, what a brighter pixel would do: {}."
_OTHER_NOTE = " {} methods say what a pixel adds to the score, compared with their baseline."


def _pixel_note(result: Attributions) -> str:
    gradients = _gradients(result.raw_methods)
    text = _PIXEL_NOTE + (_GRADIENT_NOTE.format(gradients) if gradients else "")
    others = any(UNITS.get(m) != UNITS["saliency"] for m in result.raw_methods)
    return text + (_OTHER_NOTE.format("The other" if gradients else "These") if others else "")


def pixels_figure(result: Attributions) -> Figure:
    """Make a Figure that fits `draw_pixels`."""
    rows = min(MOST_IMAGES, len(result.raw))
    if not rows or not result.raw_methods:
        return new_figure(TWO_COLUMNS, 0.8)
    _, up = _pixel_tile(result, TWO_COLUMNS)
    height = 0.28 + rows * (up + 0.22) + _BAR
    return new_figure(TWO_COLUMNS, height)


def _pixel_tile(result: Attributions, width: float) -> tuple[float, float]:
    columns = len(result.raw_methods) + 1
    wide = min(1.4, (width - 2 * MARGIN - 0.05 * (columns - 1)) / columns)
    high, across = result.pixels.shape[1:3]
    return wide, wide * min(high / across, 1.5)


def draw_pixels(result: Attributions, target: Figure | SubFigure) -> list[Axes]:
    """Draw the raw maps of the methods that work at pixels, an image in each row.

    A network with patches treats pixels of one patch alike only in what its filters make of them:
    the fine pattern inside a patch shows its patch filters, not parts of the object.
    """
    if not len(result.raw) or not result.raw_methods:
        why = "None of the methods chosen gives a value to every pixel, or no raw map was kept."
        return [nothing(target, why)]
    rows = min(MOST_IMAGES, len(result.raw))
    target.set_label(_pixel_note(result))
    width, height = inches(target)
    wide, up = _pixel_tile(result, width)
    values = 100 * over_mass(result.raw[:rows].sum(2, dtype=np.float64))
    limit = common_limit(values)
    made = []
    for n in range(rows):
        low = height - MARGIN - 0.28 - n * (up + 0.22) - up
        words: dict[str, Any] = {"fontsize": SMALL, "linespacing": 1.05}
        explained = _explained(result, n, 30)
        name = printable(shortened(result.names[n], 40))
        target.text(MARGIN / width, (low - 0.03) / height, f"{name}: explains {explained}",
                    va="top", **words)  # fmt: skip
        for i in range(len(result.raw_methods) + 1):
            axes = panel(target, (MARGIN + i * (wide + 0.05), low, wide, up))
            if i == 0:
                _picture(axes, result.pixels[n])
            else:
                _map(axes, values[n, i - 1], limit)
            if n == 0:
                above = heading_words(result.raw_methods[i - 1]) if i else "input"
                axes.text(0.5, 1 + 0.03 / up, above, ha="center", va="bottom",
                          transform=axes.transAxes, **words)  # fmt: skip
            made.append(axes)
    made.append(_scale(target, (MARGIN + 0.1, MARGIN + 0.24, 2.2, 0.08), limit,
                       "% of the map's absolute sum, per pixel"))  # fmt: skip
    return made
