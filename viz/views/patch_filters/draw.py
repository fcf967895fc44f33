"""Patch-embedding filters described: orientations, colours, principal components, fits.

Every function takes a `PatchFilterDescription` and a Figure or SubFigure of about `SIZES` inches.
"""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from viz.plot.frame import MARGIN, inches, narrow, nothing
from viz.plot.mosaic import Layout, limits
from viz.plot.style import MM, ONE_COLUMN, SMALL, TEXT, TWO_COLUMNS, new_figure, page_colour
from viz.views.patch_filters.draw_kinds import KIND_STYLES, filter_tiles, zero_words
from viz.views.patch_filters.result import STRUCTURES, PatchFilterDescription

SIZES = {"orientation_frequency": (ONE_COLUMN, 58 * MM)}
"""Width and height in inches of the figure that is not fitted."""
_SHOWN, _ZOOM = 12, 8
_UNDER, _LEFT, _HEAD, _WORDS = 0.16, 0.5, 0.15, 0.17
"""Inches below a component; left of fits, above them, and below each."""


def _legend(target: Figure | SubFigure, handles: list[Artist], bottom: float) -> None:
    """Write a legend of three columns, its foot so many inches above the target's."""
    target.legend(
        handles=handles, ncols=3, loc="lower center", fontsize=SMALL, frameon=False,
        handletextpad=0.2, columnspacing=0.8, borderaxespad=0.0, borderpad=0.0,
        bbox_to_anchor=(0.5, bottom / inches(target)[1]),
    )  # fmt: skip


def draw_orientation_frequency(
    result: PatchFilterDescription, target: Figure | SubFigure
) -> PolarAxes:
    """Draw stripes, edges and bars at their orientation and the frequency they respond to most.

    The radius is ``peak_frequency``, not the carrier: filters of less than a cycle have no certain
    carrier. The disc ends just beyond the highest of them, so that discs of two networks may have
    different scales. Points hide one another: read shares off the table.
    """
    width, height = inches(target)
    n, p = len(result.filters), result.filters.shape[-1]
    rest = n - int(result.oriented.sum())
    target.set_label(
        "Angle: orientation of the stripes, 0° is horizontal; radius: frequency of the largest "
        f"response. {rest} of {n} filters are no stripes, edge or bar and have neither."
    )
    # Half a disc is drawn into the middle half of a square.
    side = min(width - 0.7, 2 * (height - 0.84))
    middle = 0.62 + side / 4
    box = ((width - side) / 2 / width, (middle - side / 2) / height, side / width, side / height)
    axes = target.add_axes(box, projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_thetamin(0)
    axes.set_thetamax(180)
    handles: list[Artist] = []
    for kind in STRUCTURES[:3]:
        rows, style = result.structure == kind, KIND_STYLES[kind]
        handles.append(
            axes.scatter(
                np.radians(result.orientation[rows]),
                result.peak_frequency[rows],
                s=10 if n < 500 else 5,
                marker=style.marker,
                facecolors=style.colour,
                edgecolors="white",
                linewidths=0.25,
                zorder=3,
                label=f"{kind} ({int(rows.sum())})",
            )
        )
    turn = np.linspace(0, np.pi, 181)
    handles += axes.plot(
        turn, np.full(181, 1 / p), "--", linewidth=0.8, color="#444444", zorder=2,
        label=f"one cycle per patch: {1 / p:.2g}",
    )  # fmt: skip
    top = 1.08 * max(1.2 / p, float(np.nanmax(result.peak_frequency, initial=0)))
    axes.set_ylim(0, top)
    axes.set_xticks(np.radians([0, 30, 60, 90, 120, 150, 180]))
    step = 0.1 if top > 0.25 else 0.05 if top > 0.12 else 0.02
    axes.set_yticks(np.arange(step, top, step))
    axes.tick_params(labelsize=SMALL, pad=0)
    axes.grid(linewidth=0.4, color="#cccccc")
    axes.spines["polar"].set_linewidth(0.5)
    axes.annotate(
        "cycles per pixel", (np.pi, top / 2), (0, -4), textcoords="offset points", fontsize=SMALL,
        ha="center", va="top",
    )  # fmt: skip
    if rest == n:
        few = f":\n{p} × {p} pixels are too few for one" if p < 4 else ""
        axes.text(
            np.pi / 2, 0.5 * top, f"no stripes, edge or bar\namong {n} filters{few}",
            ha="center", va="center", fontsize=SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    _legend(target, handles, MARGIN + 0.06)
    return axes


def _board(
    target: Figure | SubFigure,
    tiles: NDArray[np.uint8],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    shape: tuple[int, int],
    corner: tuple[float, float],
    inch: float,
) -> Axes:
    """Place tiles at pixels x, y of one picture; its upper left corner lies at those inches."""
    width, height = inches(target)
    x, y = places
    picture = Layout(x, y, (tiles.shape[1], tiles.shape[2]), shape, ()).place(tiles)
    rows, columns = shape
    axes = target.add_axes(
        (
            corner[0] / width,
            1 - (corner[1] + rows * inch) / height,
            columns * inch / width,
            rows * inch / height,
        )
    )
    axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="nearest", aspect="equal")
    axes.set_axis_off()
    return axes


def draw_components(result: PatchFilterDescription, target: Figure | SubFigure) -> Axes:
    """Draw the bank's first principal components as tiles with their shares of the variance.

    A component's sign is arbitrary. Components of smooth filters of any shape look like waves of
    rising frequency: they describe second moments, not what single filters look like.
    """
    width = inches(target)[0]
    shares = result.component_shares
    if not shares.sum():
        why = "There are no components: the filters that are finite and not zero are all equal."
        return nothing(target, why)
    n_90 = int(np.searchsorted(np.cumsum(shares), 0.9)) + 1
    target.set_label(
        f"Share of the variance around the mean filter; {n_90} of {len(shares)} components hold "
        f"90 %. Each tile has its own colour scale, to its largest |value|; {zero_words(result)}. "
        "Signs are arbitrary."
    )
    zoom = 8
    tiles = filter_tiles(result.components[:_SHOWN]).repeat(zoom, 1).repeat(zoom, 2)
    n, h, w = tiles.shape[:3]
    columns, inch = _component_grid(result, width)
    step = h + int(np.ceil(_UNDER / inch))
    i = np.arange(n)
    x, y = i % columns * (w + w // 10), i // columns * step
    shape = (-(-n // columns) * step, columns * (w + w // 10) - w // 10)
    axes = _board(target, tiles, (x, y), shape, (MARGIN, MARGIN), inch)
    for number, (left, top) in enumerate(zip(x, y, strict=True)):
        axes.text(left + w / 2, top + h + 0.13 / inch, f"{100 * shares[number]:.1f}\u00a0%",
                  fontsize=SMALL, ha="center", va="baseline")  # fmt: skip
    return axes


def _component_grid(result: PatchFilterDescription, width: float) -> tuple[int, float]:
    """Return the components in a row, and the inches of a pixel of their picture."""
    _, c, p, _ = result.filters.shape
    across = 8 * p * (1 if c == 3 else c)
    columns = 6 if narrow(width) else _SHOWN
    return columns, (width - 2 * MARGIN) / (columns * (across + across // 10) - across // 10)


def components_figure(result: PatchFilterDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_components`."""
    columns, inch = _component_grid(result, width)
    rows = max(1, -(-min(_SHOWN, len(result.components)) // columns))
    tall = 8 * result.filters.shape[-1] * inch
    return new_figure(width, rows * (tall + _UNDER) + 2 * MARGIN)


def _examples(result: PatchFilterDescription, each: int) -> list[NDArray[np.int64]]:
    """Filters with the best, the middle and the worst fit, none twice if there are enough."""
    known = np.flatnonzero(np.isfinite(result.r2))
    ranked = known[np.argsort(-result.r2[known], kind="stable")]
    each = min(each, max(1, len(ranked) // 3))
    start = max(0, (len(ranked) - each) // 2)
    return [ranked[:each], ranked[start : start + each], ranked[::-1][:each]]


def draw_fits(result: PatchFilterDescription, target: Figure | SubFigure) -> Axes:
    """Draw filter, fit and residual of the best, the median and the worst fits.

    Ranked by R² of the whole filter, so that colours which one colour axis cannot hold count as
    misfit. Filter, fit and residual of one filter share a colour scale.
    """
    width = inches(target)[0]
    groups = _examples(result, 2 if narrow(width) else 4)
    if not len(groups[0]):
        why = "No filter was fitted: all are zero or not finite."
        return nothing(target, why)
    target.set_label(
        "R² is of the whole filter, of which the fit holds one colour axis; the median of all "
        f"{len(result.filters)} is {np.nanmedian(result.r2):.2f}. Each triple has one colour "
        f"scale, to its filter's largest |weight|; {zero_words(result)}."
    )
    chosen = np.concatenate(groups)
    filters, fitted = result.filters[chosen], result.fitted[chosen].astype(np.float32)
    limit = limits(filters, "tile", np.zeros(len(chosen), dtype=np.int64))
    parts = [filter_tiles(each_part, limit) for each_part in (filters, fitted, filters - fitted)]
    large = [part.repeat(_ZOOM, 1).repeat(_ZOOM, 2) for part in parts]
    n, h, w = large[0].shape[:3]
    slim = max(1, w // 14)
    blank = np.full((n, h, slim, 3), page_colour(), dtype=np.uint8)
    triples = np.concatenate([large[0], blank, large[1], blank, large[2]], axis=2)
    across, inch = _fits_grid(result, width)
    head, step = int(np.ceil(_HEAD / inch)), h + int(np.ceil(_WORDS / inch))
    row = np.repeat(np.arange(3), [len(group) for group in groups])
    column = np.concatenate([np.arange(len(group)) for group in groups])
    x, y = column * across, row * step + head
    shape = (3 * step + head, max(len(group) for group in groups) * across - w // 2)
    axes = _board(target, triples, (x, y), shape, (_LEFT, MARGIN), inch)
    for i, filter_ in enumerate(chosen):
        axes.text(x[i], y[i] + h + 0.03 / inch, f"R² = {result.r2[filter_]:.2f}", fontsize=SMALL,
                  va="top")  # fmt: skip
    for part, name in enumerate(("filter", "fit", "residual")):
        for start in x[row == 0]:
            middle = start + part * (w + slim) + w / 2
            axes.text(middle, y[0] - 0.04 / inch, name, fontsize=SMALL, ha="center", va="baseline")
    for group, name in enumerate(("best", "median", "worst")):
        middle = y[row == group][0] + h / 2
        axes.text(-0.06 / inch, middle, name, fontsize=TEXT, ha="right", va="center")
    return axes


def _fits_grid(result: PatchFilterDescription, width: float) -> tuple[int, float]:
    """Return the pixels from one triple to the next, and the inches of a pixel."""
    _, c, p, _ = result.filters.shape
    w = _ZOOM * p * (1 if c == 3 else c)
    across = 3 * w + 2 * max(1, w // 14) + w // 2
    columns = max(1, len(_examples(result, 2 if narrow(width) else 4)[0]))
    inch = (width - _LEFT - MARGIN) / (columns * across - w // 2)
    return across, min(inch, 16 * MM / (_ZOOM * p))


def fits_figure(result: PatchFilterDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    tall = _ZOOM * result.filters.shape[-1] * _fits_grid(result, width)[1]
    return new_figure(width, 3 * (tall + _WORDS) + _HEAD + 2 * MARGIN)
