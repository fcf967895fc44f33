"""Patch-embedding filters described: orientations, principal components, fits."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.projections.polar import PolarAxes

from viz.plot.fits import Fits, examples
from viz.plot.frame import MARGIN, inches, narrow, nothing, show_picture
from viz.plot.mosaic import Layout, limits, signed_tiles
from viz.plot.style import MM, ONE_COLUMN, SMALL, TWO_COLUMNS, new_figure
from viz.views.patch_filters.draw_kinds import KIND_STYLES, filter_tiles, zero_words
from viz.views.patch_filters.result import STRUCTURES, PatchFilterDescription

ORIENTATION_SIZE = (ONE_COLUMN, 58 * MM)
"""Width and height in inches of the figure that is not fitted."""
_SHOWN, _UNDER = 12, 0.16
"""Components drawn, and inches below one."""


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
        "The angle is the orientation of the stripes, 0° is horizontal; the radius is the "
        f"frequency of the largest response. {rest} of {n} filters are no stripes, edge or bar and "
        "have neither."
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
    target.legend(
        handles=handles, ncols=3, loc="lower center", handletextpad=0.2, columnspacing=0.8,
        borderaxespad=0.0, borderpad=0.0, bbox_to_anchor=(0.5, (MARGIN + 0.06) / height),
    )  # fmt: skip
    return axes


def _component_grid(result: PatchFilterDescription, width: float) -> tuple[int, float]:
    """Return the components in a row, and the inches of a pixel of theirs."""
    _, c, p, _ = result.filters.shape
    columns = 6 if narrow(width) else _SHOWN
    return columns, (width - 2 * MARGIN) / (columns * (p * (1 if c == 3 else c) + 1) - 1)


def components_figure(result: PatchFilterDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_components`."""
    columns, inch = _component_grid(result, width)
    rows = max(1, -(-min(_SHOWN, len(result.components)) // columns))
    return new_figure(width, rows * (result.filters.shape[-1] * inch + _UNDER) + 2 * MARGIN)


def draw_components(result: PatchFilterDescription, target: Figure | SubFigure) -> Axes:
    """Draw the bank's first principal components as tiles with their shares of the variance.

    Components of smooth filters of any shape look like waves of rising frequency: they describe
    second moments, not what single filters look like.
    """
    width, height = inches(target)
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
    tiles = filter_tiles(result.components[:_SHOWN])
    n, h, w = tiles.shape[:3]
    columns, inch = _component_grid(result, width)
    down = h + _UNDER / inch
    row, column = np.divmod(np.arange(n), columns)
    # Rows of tiles are a whole number of pixels apart in a picture eight times as fine.
    step = round(8 * down)
    layout = Layout(
        8 * column * (w + 1), row * step, (8 * h, 8 * w),
        (step * int(row[-1] + 1), 8 * (columns * (w + 1) - 1)), (),
    )  # fmt: skip
    picture = layout.place(tiles.repeat(8, 1).repeat(8, 2))
    tall = layout.shape[0] * inch / 8
    box = (MARGIN, height - MARGIN - tall, width - 2 * MARGIN, tall)
    axes = show_picture(target, box, picture, layout.shape)
    for number, (left, top) in enumerate(zip(layout.x, layout.y, strict=True)):
        axes.text(left + 4 * w, top + 8 * (h + 0.13 / inch), f"{100 * shares[number]:.1f}\u00a0%",
                  fontsize=SMALL, ha="center", va="baseline")  # fmt: skip
    return axes


def _fits(result: PatchFilterDescription) -> Fits | None:
    # The few pixels of filters too small to name are always fitted.
    if not (np.isfinite(result.r2_map) & (result.structure != "")).any():
        return None
    picks = examples(result.r2_map, np.arange(len(result.r2)), 6).ravel()
    maps, fitted = result.maps[picks], result.fitted_maps[picks]
    limit = limits(maps, "tile", np.zeros(len(picks), dtype=np.int64))
    parts = [signed_tiles(part, limit) for part in (maps, fitted, maps - fitted)]
    names: tuple[str, ...] = ("map", "Gabor", "residual")
    if result.filters.shape[1] == 3:
        parts, names = [filter_tiles(result.filters[picks]), *parts], ("filter", *names)
    return Fits(parts, result.r2_map[picks], names)


def fits_figure(result: PatchFilterDescription, *, width: float = TWO_COLUMNS) -> Figure:
    """Make a Figure that fits `draw_fits`."""
    return fits.figure(width) if (fits := _fits(result)) else new_figure(width, 1)


def draw_fits(result: PatchFilterDescription, target: Figure | SubFigure) -> Axes:
    """Draw filter, map, fit and residual of the best, the median and the worst fits.

    Ranked by R² of the map: what other colours than those of its axis hold is no misfit.
    """
    if (fits := _fits(result)) is None:
        return nothing(target, "Not shown: filters are zero, not finite or below 4 x 4 pixels.")
    target.set_label(
        "Map: the filter along the colour that holds most of its energy. Below each: R², the share "
        f"of the map's energy that its Gabor explains; the median of all {len(result.filters)} is "
        f"{np.nanmedian(result.r2_map):.2f}, that of white noise "
        f"{np.median(result.null_r2_map):.2f}. Map, fit and residual have one colour scale, to the "
        "map's largest |value|; red positive, white zero, blue negative."
        + (" Filters have their own; mid grey is zero." if result.filters.shape[1] == 3 else "")
    )
    return fits.draw(target)
