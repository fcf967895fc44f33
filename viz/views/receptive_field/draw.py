"""Receptive fields: maps by block on one colour scale, radii by depth."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, panel
from viz.plot.style import MM, ORANGE, PURPLE, SMALL, TEAL, TEXT, TWO_COLUMNS, new_figure
from viz.views.receptive_field.result import SHARES, ReceptiveField
from viz.views.wording import n_images

_LEFT, _RIGHT, _KEY = 0.52, 0.62, 0.17
"""Inches for row names and ticks, for the colour bar, for the key to the outlines."""
_GAP, _NAMES, _TICKS = 0.05, 0.29, 0.2
_MOST_COLUMNS, _LARGEST = 10, 42 * MM
_DECADES = 4
_RADII_KEY, _MORE = 0.66, 0.52
"""In one column: inches of the key to the radii, below them; of that to the outlines, and of the
row names' second line."""
_HALF, _MOST, _FIELD = ORANGE, TEAL, "#666666"
_COLOURS = (ORANGE, TEAL, PURPLE)
_HALO = [withStroke(linewidth=1.8, foreground="white")]
"""Around outlines, so that they can be seen on any grey."""
_MARKERS = ("o", "s", "^")


def _layout(result: ReceptiveField, page: float) -> tuple[int, int, int, float, float]:
    """Columns, bands, rows a band, and a tile's width and height in inches."""
    n = len(result.block)
    bands = -(-n // (4 if narrow(page) else _MOST_COLUMNS))
    columns = -(-n // bands)
    height, width = result.image_size
    across = min((page - _LEFT - _RIGHT) / columns - _GAP, _LARGEST * min(1, width / height))
    return columns, bands, 1 + result.has_random, across, across * height / width


def maps_figure(result: ReceptiveField, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits the maps."""
    _, bands, rows, _, up = _layout(result, width)
    high = bands * (rows * (up + _GAP) + _NAMES) + _TICKS + (_MORE if narrow(width) else _KEY)
    return new_figure(width, high)


def draw_maps(result: ReceptiveField, target: Figure | SubFigure) -> list[Axes]:
    """Draw each block's effective field, and the random network's below it.

    Every map is divided by its sum, so the colours compare where a block looks, not how strongly.
    The scale is logarithmic: what looks wide may hold little of the mass; the circles tell.
    """
    width, height = inches(target)
    columns, _, rows, across, up = _layout(result, width)
    target.set_label(_maps_note(result))
    groups = [(result.maps, result.radius_px)]
    if result.has_random:
        groups.append((result.random_maps, result.random_radius_px))
    shares = [_shares(maps) for maps, _ in groups]
    norm, cmap = _scale(shares), mpl.colormaps["Greys"].with_extremes(under="white", bad="white")
    band = rows * (up + _GAP) + _NAMES
    made = []
    for row, ((_, radius), share) in enumerate(zip(groups, shares, strict=True)):
        for i, block in enumerate(result.block):
            line, column = divmod(i, columns)
            y = height - MARGIN - _NAMES - line * band - row * (up + _GAP) - up
            axes = panel(target, (_LEFT + column * (across + _GAP), y, across, up))
            _draw_map(axes, result, i, share[i], radius[i], cmap, norm)
            if row == 0:
                title = f"block {block}\n{result.theoretical_px[i]:,} px"
                axes.set_title(title, fontsize=SMALL, pad=1.5, linespacing=1.0)
            below = i + columns >= len(result.block) and row == rows - 1
            axes.tick_params(labelbottom=below, labelleft=column == 0)
            if column == 0:
                name, size = ("trained", "random init")[row], TEXT
                if narrow(width):
                    name, size = name.replace(" ", "\n"), SMALL
                axes.set_ylabel(name, fontsize=size, labelpad=1, linespacing=1)
            made.append(axes)
    _map_keys(target, made, ScalarMappable(norm, cmap))
    return made


def _maps_note(result: ReceptiveField) -> str:
    side = " x ".join(map(str, result.image_size))
    text = (
        f"{result.what} Mean over {n_images(result.n_images)} of {side} px of the gradient's "
        "magnitude, summed over colours, as a share of the map's sum. One logarithmic scale serves "
        "all maps; white is below its end, or nothing. Axes: pixels from the middle of the unit's "
        "patch, down and to the right. Above each map: the block and the side of its theoretical "
        "field."
    )
    if result.has_random:
        text += " Random init: a network of the same shape, its batch norms set on the same images."
    if result.unseen_px:
        text += f" {result.unseen_px:,} pixels at the right and lower edge are seen by no unit."
    return text


def _shares(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Divide every map by its sum; a map of zeros stays."""
    wide = maps.astype(np.float64)
    total = wide.sum((1, 2), keepdims=True)
    return wide / np.where(total > 0, total, 1.0)


def _scale(shares: list[NDArray[np.float64]]) -> LogNorm:
    """From the largest share, rounded up to 1, 2 or 5, down to the smallest or four decades."""
    values = np.concatenate([s.ravel() for s in shares])
    values = values[values > 0]
    if not len(values):
        return LogNorm(10.0**-_DECADES, 1.0)
    steps = np.array([1, 2, 5, 10]) * 10.0 ** np.floor(np.log10(values.max()))
    high = float(steps[steps >= values.max() * (1 - 1e-9)][0])
    return LogNorm(min(max(float(values.min()), high / 10.0**_DECADES), high / 10), high)


def _draw_map(
    axes: Axes,
    result: ReceptiveField,
    i: int,
    share: NDArray[np.float64],
    radius: NDArray[np.float64],
    cmap: Any,
    norm: LogNorm,
) -> None:
    """Draw one map in pixels from the middle of the unit's patch, with its outlines."""
    (height, width), (y, x) = result.image_size, result.patch_px
    down, across = result.centre_px[i] - result.patch_px
    extent = (-0.5 - x, width - 0.5 - x, height - 0.5 - y, -0.5 - y)
    axes.imshow(share, cmap=cmap, norm=norm, extent=extent, aspect="auto")
    size = result.theoretical_px[i]
    half = size / 2
    if half < max(abs(v) for v in extent):
        corner = (across - half, down - half)
        axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=_FIELD, linewidth=0.6,
                                 linestyle=":"))  # fmt: skip
    for value, colour, style in ((radius[0], _HALF, "-"), (radius[1], _MOST, (0, (3, 1)))):
        if np.isfinite(value):
            axes.add_patch(Circle((across, down), value, fill=False, edgecolor=colour,
                                  linewidth=0.9, linestyle=style, path_effects=_HALO))  # fmt: skip
    axes.set_xlim(extent[0], extent[1])
    axes.set_ylim(extent[2], extent[3])
    axes.set_xticks(_ticks(extent[0], extent[1]))
    short = axes.get_window_extent().height < 0.4 * axes.figure.dpi
    axes.set_yticks([0] if short else _ticks(extent[3], extent[2]))


def _ticks(low: float, high: float) -> list[float]:
    """Zero and a round number each way, far enough from the ends for neighbours' names."""
    reach = 0.75 * max(-low, high)
    digit = 10.0 ** np.floor(np.log10(max(reach, 1e-9)))
    step = float(np.floor(reach / digit) * digit)
    return [tick for tick in (-step, 0.0, step) if low < tick < high]


def _map_keys(target: Figure | SubFigure, made: list[Axes], look: ScalarMappable) -> None:
    """Draw the colour bar beside the maps and the key to the outlines below."""
    width, height = inches(target)
    boxes = [axes.get_position() for axes in made]
    low, high = min(b.y0 for b in boxes) * height, max(b.y1 for b in boxes) * height
    right = max(b.x1 for b in boxes) * width
    tall = min(high - low, 2.0)
    bar = panel(target, (right + 0.1, (low + high - tall) / 2, 0.08, tall))
    key = target.colorbar(look, cax=bar, extend="min", extendfrac=0.06)
    key.ax.minorticks_off()
    if tall < 1:
        key.ax.yaxis.set_major_locator(LogLocator(numticks=3))
    bar.tick_params(length=2, width=0.4, pad=1.5, labelsize=SMALL)
    key.outline.set_linewidth(0.4)
    key.set_label(
        "share per pixel (log)" if tall > 1 else "share (log)", fontsize=SMALL, labelpad=1
    )
    handles = [
        Line2D([], [], color=_HALF, linewidth=0.9, label="50 % of the mass within"),
        Line2D([], [], color=_MOST, linewidth=0.9, linestyle=(0, (3, 1)), label="90 % within"),
        Line2D([], [], color=_FIELD, linewidth=0.8, linestyle=":",
               label="theoretical field, where it is inside the image"),
    ]  # fmt: skip
    target.legend(
        handles=handles, loc="lower left", ncols=1 if narrow(width) else 3, fontsize=SMALL,
        frameon=False, handlelength=2.4, columnspacing=1.6, borderaxespad=0, borderpad=0,
        labelspacing=0.3, bbox_to_anchor=(_LEFT / width, (MARGIN + 0.02) / height),
    )  # fmt: skip


def radii_figure(result: ReceptiveField, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits the radii."""
    tall = 2.1 + _RADII_KEY if narrow(width) else 2.4
    return new_figure(width, tall)


def _radii_note(result: ReceptiveField) -> str:
    text = (
        f"{result.what} Radius about the unit that holds a share of the mass of the mean gradient "
        f"over {n_images(result.n_images)}. {result.intervals}"
    )
    if np.isfinite(result.radius_interval_px).any():
        text += " They are drawn as bands" + (
            "; those of the random init are over images, of one network."
            if result.has_random
            else "."
        )
    return text + " The theoretical field is drawn as the radius of a disc of its area."


def draw_radii(result: ReceptiveField, target: Figure | SubFigure) -> Axes:
    """Draw the radii of effective and theoretical fields by block.

    The theoretical field is a square, drawn as the radius of a disc of its area, and the image
    cuts it: radii cannot pass the line of the farthest corner, and flatten before they reach it.
    """
    width, height = inches(target)
    target.set_label(_radii_note(result))
    beside, under = (0.0, _RADII_KEY) if narrow(width) else (1.95, 0.0)
    across, up = width - MARGIN - 0.5 - beside, height - 2 * MARGIN - 0.42 - under
    axes = panel(target, (MARGIN + 0.42, MARGIN + 0.36 + under, across, up))
    blocks = result.block
    disc = result.theoretical_px / np.sqrt(np.pi)
    axes.plot(blocks, disc, color="black", linewidth=1.2, linestyle="-.", marker="D",
              markersize=2.5, label="theoretical field")  # fmt: skip
    trained: dict[str, Any] = {"linewidth": 1.2}
    fresh = {"linewidth": 0.9, "linestyle": "--", "markerfacecolor": "white",
             "markeredgewidth": 0.7}  # fmt: skip
    groups = [("trained", result.radius_px, result.radius_interval_px, 0.3, trained)]
    if result.has_random:
        groups.append(("random init", result.random_radius_px, result.random_radius_interval_px,
                       0.15, fresh))  # fmt: skip
    for j in reversed(range(len(SHARES))):
        for words, radius, interval, alpha, line in groups:
            if np.isfinite(interval[:, j]).any():
                axes.fill_between(blocks, *interval[:, j].T, color=_COLOURS[j], alpha=alpha,
                                  linewidth=0)  # fmt: skip
            axes.plot(blocks, radius[:, j], color=_COLOURS[j], marker=_MARKERS[j], markersize=3.5,
                      label=f"{100 * SHARES[j]:.0f} %, {words}", **line)  # fmt: skip
    # How far the image's farthest corner is from the middle.
    sides, centre = np.array(result.image_size), result.centre_px[-1]
    far = np.maximum(centre + 0.5, sides - 0.5 - centre)
    axes.axhline(float(np.hypot(*far)), color="#777777", linewidth=0.8, linestyle=":",
                 label="image's farthest corner")  # fmt: skip
    _dress_radii(axes, result)
    box = axes.get_position()
    place = (box.x1 + 0.1 / width, box.y1)
    if under:
        place = (MARGIN / width, (MARGIN + under) / height)
    handles = axes.get_legend_handles_labels()[0]
    if under and result.has_random:  # What is trained in one column, what is random in the other.
        handles = [handles[i] for i in (0, 1, 3, 5, -1, 2, 4, 6)]
    target.legend(
        handles=handles, loc="upper left", fontsize=SMALL, frameon=False, handlelength=3.2,
        borderaxespad=0, borderpad=0, labelspacing=0.3 if under else 0.6, bbox_to_anchor=place,
        ncols=2 if under else 1,
    )  # fmt: skip
    return axes


def _dress_radii(axes: Axes, result: ReceptiveField) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    axes.margins(x=0.03)
    if len(result.block) == 1:
        axes.set_xlim(result.block[0] - 1, result.block[0] + 1)
    axes.set_xlabel("block", fontsize=TEXT, labelpad=1.5)
    axes.set_ylabel("radius (pixels, log scale)", fontsize=TEXT, labelpad=1.5)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.4)
    axes.set_axisbelow(True)
